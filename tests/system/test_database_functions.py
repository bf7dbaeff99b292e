"""What holds for every function of the database."""

import re

from app.models.base import Base
from tests.fixtures import person
from tests.wildlife.classifying import by_person, season, seen
from tests.wildlife.published_rows import published


def test_no_function_keeps_a_plan_that_reads_all_of_a_table(servers):
    """A connection keeps the plans of a function: one made while a table is small would go on reading all of it."""
    tables = "|".join(Base.metadata.tables)
    reads = re.compile(rf"\b(?:FROM|JOIN|USING|UPDATE)\s+(?:ONLY\s+)?(?:public\.)?(?:{tables})\b", re.IGNORECASE)
    with servers.connect("tests") as connection:
        functions = connection.execute(
            "SELECT proname, prosrc, coalesce(proconfig, '{}') FROM pg_proc JOIN pg_language AS written_in "
            "ON written_in.oid = prolang WHERE pronamespace = 'public'::regnamespace AND lanname = 'plpgsql'"
        ).fetchall()
    reading = {name: given for name, body, given in functions if reads.search(body)}
    assert {"post_entry", "refresh_final_flags", "count_likes"} <= reading.keys()
    assert [name for name, given in reading.items() if "enable_seqscan=off" not in given] == []


async def test_many_rows_are_written_at_once_however_few_there_were_before(database, database_owner, tables):
    for _ in range(2):  # at first, connections come to keep their plans; then these are made anew, of nearly nothing
        await database.settle()
        tables.empty()
        for table in ("classifications", "classification_attrs", "resources", "collection_resources"):
            database_owner.execute(f"VACUUM (ANALYZE) {table}")
        somebody = await person(database, "somebody")
        at = await season(database, somebody.id)
        for number in range(8):
            await by_person(database, at, number % len(at.resources), somebody.id, seen())
        assert await published(database, somebody.id, "tdwg")
