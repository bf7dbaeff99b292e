"""Tables that are made to hurt, from their upload to the end: refused in words, nothing half kept, the worker lives."""

import io
import zipfile

import pytest
from sqlalchemy import func, select

from app.models.automl.lines import MachineLine, MachineTableLock
from app.models.automl.machines import Machine
from app.models.automl.models import NNModel
from app.models.system import JobState
from tests.automl.tables import table

READ = "query ($id: ID!) { tableReading(id: $id) { status failure rowCount columns { name role } } }"


def bomb():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"<" * 30_000_000)
    return packed.getvalue()


BAD = {
    "one column": (b"a\n1\n2\n", "one column"),
    "no rows": (b"a,b,c\n", "no rows"),
    "10 000 columns": (",".join(f"c{at}" for at in range(10_000)).encode() + b"\n1,2\n", "at most 2,000 columns"),
    "5 MB in a cell": (b"a,b\n1," + b"x" * 5_000_000 + b"\n", "more than 1,048,576 characters"),
    "ZIP bomb": (bomb(), "compressed more than"),
    "lying Parquet": (b"PAR1" + b"\0" * 90 + b"\xff\xff\xff\x7fPAR1", "Parquet is not read"),
}


@pytest.fixture
def read(change, send, work, ask, owner):
    async def read(content):
        begun = await change("readTable", "id", viewer=owner, upload=await send(content))
        job = await work()
        return begun["id"], job.state, (await ask(READ, viewer=owner, id=begun["id"]))["tableReading"]

    return read


@pytest.fixture
def counted(database):
    async def counted(*tables):
        async with database.reading() as session:
            return [await session.scalar(select(func.count()).select_from(each)) for each in tables]

    return counted


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_table_fails_in_words_and_keeps_nothing(read, refuse, counted, owner, name):
    content, said = BAD[name]
    id, state, told = await read(content)
    assert (state, told["status"], told["columns"], told["rowCount"]) == (JobState.FAILED, "FAILED", [], None)
    assert said in told["failure"]
    refused = await refuse("createMachine", viewer=owner, table=id, name="Cells")
    assert (refused["code"], await counted(Machine, MachineLine)) == ("CONFLICT", [0, 0])
    # The worker reads the next one.
    assert (await read(table()))[2]["status"] == "FINISHED"


async def test_a_table_without_values_makes_no_machine(read, refuse, counted, owner):
    id, _, told = await read(b"a,b\n" + b"NA,\nnan,?\n" * 20)
    assert [each["role"] for each in told["columns"]] == ["IGNORE", "IGNORE"]
    refused = await refuse("createMachine", viewer=owner, table=id, name="Cells")
    assert (refused["field"], await counted(Machine)) == ("columns", [0])


@pytest.mark.parametrize("rows", [b"".join(b"%d,yes\n" % (at % 7) for at in range(90)), b"1,yes\n" * 90])
async def test_a_table_of_which_nothing_can_be_learned_is_refused_in_words(
    make, train, work, seen, counted, engine, owner, rows
):
    columns = [{"name": "a", "role": "INPUT"}, {"name": "y", "role": "OUTPUT"}]
    id = await make(b"a,y\n" + rows, columns=columns)
    begun = await train(id, budgetS=1)
    await work()
    told = await seen(begun["id"])
    assert told["status"] == "ERROR"
    assert "so there is nothing to learn" in told["failure"]
    assert await counted(NNModel, MachineTableLock) == [0, 0]


async def test_numbers_without_bounds_are_learned_and_answered(make, train, work, seen, change, engine, owner):
    odd = b"1e308,0.5\n-1e308,0.25\ninf,1\n-inf,0\n1e999,1\nNaN,0.5\n"
    rows = b"".join(b"%d.5,%d.25\n" % (at % 29, at % 29) for at in range(120))
    id = await make(b"a,y\n" + odd + rows, columns=[{"name": "y", "role": "OUTPUT"}])
    begun = await train(id, budgetS=1)
    await work()
    assert (await seen(begun["id"]))["status"] == "FINISHED"
    asked = [{"a": "1e308"}, {"a": "-inf"}, {"a": "nan"}, {"a": 3.5}]
    fields = "rows { outputs warnings { issue } }"
    solved = await change("solve", fields, viewer=owner, machineId=id, rows=asked)
    assert all(abs(row["outputs"]["y"]) < 1e9 for row in solved["rows"])
    assert [[each["issue"] for each in row["warnings"]] for row in solved["rows"]] == [[], ["NOT_FINITE"], [], []]


async def test_a_budget_of_a_second_makes_a_machine_that_answers(machine, train, work, seen, change, engine, owner):
    id = await machine(level=3)
    begun = await train(id, budgetS=1)
    await work()
    told = await seen(begun["id"])
    assert (told["status"], told["nnModel"]["version"]) == ("FINISHED", 1)
    solved = await change("solve", "rows { outputs }", viewer=owner, machineId=id, rows=[{"size": 1}])
    assert solved["rows"][0]["outputs"]["fits"] in {"yes", "no"}
