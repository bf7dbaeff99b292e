"""Readings of tables: a file is sent, a worker reads it, and nothing is kept but how it is read."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.models.automl.readings import TableReading
from app.models.system import JobState
from app.services.system.pruning import prune
from app.settings import settings
from resolvers import ids
from tests.fixtures import Person

TABLE = b"when;size;kind\n" + b"".join(b"03/%02d/2024;%d,5;k%d\n" % (12 + at % 9, at, at % 3) for at in range(40))
READ = """id status format encoding separator header descriptionRow decimalSign dateOrder
    sheet sheets rowCount notes failure columns {
        name position datatype reason role decimalSign dateOrder description examples missingPercentage
        warnings { issue message }
    }"""


@pytest.fixture
def begin(change, send, owner):
    async def begin(content, **options):
        return await change("readTable", "id status", viewer=owner, upload=await send(content), options=options or None)

    return begin


@pytest.fixture
def look(ask, owner):
    async def look(id, viewer: Person | None = owner):
        return await ask(f"query($id: ID!) {{ tableReading(id: $id) {{ {READ} }} }}", viewer=viewer, id=id)

    return look


async def test_a_table_is_read_and_shown_to_whoever_sent_it(begin, look, work, other, staff):
    begun = await begin(TABLE)
    assert begun["status"] == "SUBMITTED"
    assert (await work()).state is JobState.DONE
    told = (await look(begun["id"]))["tableReading"]
    columns = told.pop("columns")
    assert told == {
        "id": begun["id"],
        "status": "FINISHED",
        "format": "CSV",
        "encoding": "utf-8",
        "separator": ";",
        "header": True,
        "descriptionRow": False,
        "decimalSign": "COMMA",
        "dateOrder": "MDY",
        "sheet": None,
        "sheets": [],
        "rowCount": 40,
        "notes": [],
        "failure": None,
    }
    assert [(each["name"], each["datatype"], each["role"]) for each in columns] == [
        ("when", "DATE", "INPUT"),
        ("size", "FLOAT", "INPUT"),
        ("kind", "LABEL", "OUTPUT"),
    ]
    assert columns[1]["reason"] == "All values are numbers with a decimal comma."
    assert (await look(begun["id"], other)).codes == ["NOT_FOUND"]
    assert (await look(begun["id"], staff))["tableReading"]["status"] == "FINISHED"


async def test_the_same_file_is_read_again_with_other_options(change, send, look, work, owner):
    upload = await send(b"a,b\n" + b"03/04/2024,x\n05/06/2024,y\n" * 9)
    orders = []
    for options in (None, {"dateOrder": "MDY", "outputs": ["a"]}):
        begun = await change("readTable", "id", viewer=owner, upload=upload, options=options)
        await work()
        told = (await look(begun["id"]))["tableReading"]
        orders.append((told["dateOrder"], [each["role"] for each in told["columns"]]))
    assert orders == [("DMY", ["INPUT", "OUTPUT"]), ("MDY", ["OUTPUT", "INPUT"])]


@pytest.mark.parametrize(
    ("content", "said"), [(b"a\n1\n", "one column"), (b"PAR1" + b"\0" * 40, "Parquet is not read")]
)
async def test_what_is_no_table_fails_in_words_and_leaves_nothing(begin, look, work, content, said):
    begun = await begin(content)
    assert (await work()).state is JobState.FAILED
    told = (await look(begun["id"]))["tableReading"]
    assert (told["status"], told["columns"], said in told["failure"]) == ("FAILED", [], True)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"separator": "x"}, "options.separator"),
        ({"encoding": "rot13"}, "options.encoding"),
        ({"outputs": ["a"] * 101}, "options.outputs"),
    ],
)
async def test_options_that_mean_nothing_are_refused(refuse, send, owner, options, field):
    upload = await send(TABLE)
    assert (await refuse("readTable", viewer=owner, upload=upload, options=options))["field"] == field


async def test_a_file_of_another_kind_or_size_gets_no_link(refuse, owner):
    refused = await refuse("requestTableUpload", viewer=owner, fileName="table.exe", bytes=9)
    assert refused["field"] == "fileName"
    refused = await refuse(
        "requestTableUpload", viewer=owner, fileName="a.csv", bytes=settings.machine_table_bytes_max + 1
    )
    assert refused["field"] == "bytes"


async def test_nobody_reads_the_upload_of_another(refuse, send, other):
    upload = await send(TABLE)
    assert (await refuse("readTable", viewer=other, upload=upload))["field"] == "upload"


async def test_a_reading_is_forgotten_with_its_file(begin, work, database):
    begun = await begin(TABLE)
    await work()
    assert await prune(database, "table readings") == 0
    async with database.writing() as session:
        old = func.now() - timedelta(hours=settings.uploads_kept_hours + 1)
        await session.execute(update(TableReading).values(created_at=old))
    assert await prune(database, "table readings") == 1
    async with database.reading() as session:
        assert (
            await session.scalar(select(TableReading).where(TableReading.id == ids.key(begun["id"], TableReading)))
            is None
        )
