"""What holds for every function of the database."""

import re

import pytest

from app.database import Database
from app.models.base import Base
from tests.fixtures import person
from tests.wildlife import factories as wildlife
from tests.wildlife.classifying import by_person, classification_project, linked, season, seen
from tests.wildlife.published_rows import published

MEDIA = 1_000
MEDIA_OF = """
INSERT INTO resources
    (research_project_id, deployment_id, owner_id, name, file_path, storage_key, status, resource_type)
SELECT research_project_id, id, owner_id, name, name, 'media/' || name, 'READ', 'IMAGE'
FROM deployments CROSS JOIN (SELECT 'm' || n AS name FROM generate_series(1, %s) AS n) AS media
"""
COLLECT = """
INSERT INTO collection_resources (collection_id, resource_id, research_project_id)
SELECT collections.id, resources.id, resources.research_project_id FROM collections CROSS JOIN resources
"""
CLASSIFY = """
INSERT INTO classifications
    (project_id, research_project_id, resource_id, classification_type, user_id, final_id, is_blank)
SELECT final.project_id, final.research_project_id, final.resource_id, 'USER', users.id, final.id, false
FROM classifications AS final CROSS JOIN users
"""
OBSERVE = """
INSERT INTO classification_attrs
    (classification_id, project_id, resource_id, observation_type, observation_level, count)
SELECT id, project_id, resource_id, 'ANIMAL', 'OBJECT', 1 FROM classifications WHERE classification_type = 'USER'
"""
READ = "SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables"


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


@pytest.fixture
async def unseen(clone_database, servers):
    """A database that has no statistics, with media and a classification project, and a connection to it."""
    database = Database(clone_database("unseen"), servers.redis_url)
    somebody = await person(database, "somebody")
    research = await wildlife.project(database, somebody.id)
    await wildlife.deployment(database, await wildlife.location(database, research))
    await linked(
        database, await classification_project(database, research), await wildlife.collection(database, research)
    )
    await database.close()
    with servers.connect("unseen") as connection:
        connection.execute(MEDIA_OF, [MEDIA])
        yield connection


def test_without_statistics_as_many_rows_are_read_as_are_written(unseen):
    with unseen.transaction():
        for statement in (COLLECT, CLASSIFY, OBSERVE):
            unseen.execute(statement)
        read = dict(unseen.execute(READ).fetchall())
    told = [read[name] for name in ("collection_resources", "classifications", "classification_attrs")]
    assert min(told) >= MEDIA
    assert max(told) < 100 * MEDIA
