"""Machines: made of a table, with all lines or none, kept in the user's own values, and seen by those who use them."""

import pytest
from sqlalchemy import func, select, update

from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.readings import TableReading
from app.models.kinds.automl import AutomlJob
from app.models.system import Job, JobState
from resolvers import ids
from tests import factories

ROWS = b"when;size;kind;note\n" + b"".join(
    b"03/%02d/2024;%d,5;k%d;%s\n" % (12 + at % 9, at, at % 3, b"" if at % 4 else b"x") for at in range(40)
)
SHOWN = """id status failure machineName machineLevel split evaluationPercentage
    learningLineCount evaluationLineCount solvingLineCount
    columns { name position datatype role decimalSign dateOrder examples
        profile { missingPercentage uniqueValuesCount min max mean median stdDev topValues { value count }
            histogram { edges counts } } }"""
LINE = "id inputs outputs isForLearning isForEvaluation isForSolving isSolved hasOutputs"


@pytest.fixture
def look(ask, owner):
    async def look(id, fields=SHOWN, viewer=owner):
        return await ask(f"query($id: ID!) {{ machine(id: $id) {{ {fields} }} }}", viewer=viewer, id=id)

    return look


@pytest.fixture
def lines(ask, owner):
    async def lines(id, where="", viewer=owner, field="dataInputLines"):
        given = f"machineId: $id, first: 100, orderBy: OLDEST{where}"
        found = await ask(
            f"query($id: ID!) {{ {field}({given}) {{ nodes {{ {LINE} }} }} }}",
            viewer=viewer,
            id=id,
        )
        return found[field]["nodes"]

    return lines


async def test_a_machine_has_the_lines_of_its_table(make, look, lines):
    id = await make(ROWS, columns=[{"name": "kind", "role": "OUTPUT"}], level=3)
    machine = (await look(id))["machine"]
    columns = {each["name"]: each for each in machine.pop("columns")}
    assert (machine["status"], machine["failure"], machine["machineLevel"]) == ("READY", None, 3)
    assert machine["learningLineCount"] + machine["evaluationLineCount"] == 40
    assert machine["evaluationLineCount"] > 0
    assert [(name, each["datatype"], each["role"]) for name, each in columns.items()] == [
        ("when", "DATE", "INPUT"),
        ("size", "FLOAT", "INPUT"),
        ("kind", "LABEL", "OUTPUT"),
        ("note", "LABEL", "INPUT"),
    ]
    size = columns["size"]["profile"]
    assert (size["min"], size["max"], size["mean"], size["uniqueValuesCount"]) == (0.5, 39.5, 20.0, 40)
    assert sum(size["histogram"]["counts"]) == 40
    assert columns["kind"]["profile"]["topValues"][0] == {"value": "k0", "count": 14}
    assert columns["note"]["profile"]["missingPercentage"] == 75.0
    found = await lines(id)
    assert found[0]["inputs"] == {"when": "2024-03-12", "size": 0.5, "note": "x"}
    assert found[1]["inputs"] == {"when": "2024-03-13", "size": 1.5, "note": None}
    assert found[1]["outputs"] == {"kind": "k1"}
    assert len(await lines(id, ", isForEvaluation: true")) == machine["evaluationLineCount"]


async def test_a_table_that_does_not_fit_leaves_a_machine_without_lines(make, look, lines):
    id = await make(ROWS, columns=[{"name": "size", "datatype": "FLOAT", "decimalSign": "POINT"}])
    machine = (await look(id))["machine"]
    assert machine["status"] == "FAILED"
    assert "40 of 40 values do not fit" in machine["failure"]
    assert await lines(id) == []
    assert JobState.FAILED.value == (await look(id, "job { state }"))["machine"]["job"]["state"]


TWO = b"a;b;y\n" + b"".join(b"%d;%d;k%d\n" % (at * 7 % 31, at % 7, at % 2) for at in range(30))


@pytest.fixture
def machine(make):
    async def machine(**given):
        return await make(TWO, columns=[{"name": "y", "role": "OUTPUT"}], **given)

    return machine


async def counts(look, id):
    told = (await look(id, "learningLineCount evaluationLineCount solvingLineCount machineIsReRunMdc"))["machine"]
    return told["learningLineCount"], told["evaluationLineCount"], told["solvingLineCount"]


async def test_rows_are_added_all_or_none(change, refuse, machine, look, lines, work, owner):
    id = await machine()
    before = await counts(look, id)
    rows = [{"a": 1, "b": "2", "y": 1.0}, {"a": None, "b": 3}]
    added = await change("appendLines", "solvingLineCount", viewer=owner, machineId=id, rows=rows)
    assert added["solvingLineCount"] == 1
    await change("appendLines", "id", viewer=owner, machineId=id, rows=[rows[0]] * 3, purpose="EVALUATION")
    found = await lines(id, ", isForSolving: true")
    assert [(each["inputs"], each["outputs"]) for each in found] == [({"a": None, "b": 3.0}, None)]
    # The label 1.0 is the label 1.
    assert {"y": "1"} in [each["outputs"] for each in await lines(id, ", isForEvaluation: true")]
    kept = await counts(look, id)
    assert sum(kept) == sum(before) + 5
    for wrong, said in (
        ([{"a": 1, "b": 2, "y": "k"}, {"a": 1, "y": "k"}], 'The input "b" is not there'),
        ([{"a": "x", "b": 2}], 'The value of "a" is not a number'),
        ([{"a": 1, "b": 2, "c": 3}], 'no column "c"'),
        ([[1, 2]], "an object"),
        ([], "1 to 1,000 lines"),
    ):
        refused = await refuse("appendLines", viewer=owner, machineId=id, rows=wrong)
        assert said in refused["message"]
    refused = await refuse("appendLines", viewer=owner, machineId=id, rows=[{"a": 1, "b": 2}], purpose="LEARNING")
    assert "needs outputs" in refused["message"]
    assert (await refuse("appendLines", viewer=owner, machineId=id))["field"] == "rows"
    assert await counts(look, id) == kept
    assert (await work()).state is JobState.DONE
    b = next(each for each in (await look(id))["machine"]["columns"] if each["name"] == "b")
    assert b["profile"]["missingPercentage"] == 0.0
    operations = await look(id, "dataLinesOperations { nodes { isAddedForLearning isAddedForSolving lineCount } }")
    assert sorted(each["lineCount"] for each in operations["machine"]["dataLinesOperations"]["nodes"]) == [1, 34]


async def test_a_file_is_added_by_the_columns_of_the_machine(change, send, machine, look, lines, work, owner, refuse):
    id = await machine()
    # Here "b" would be text, and the columns have another order.
    upload = await send(b"y,b,a\n1,?,4\n1,NA,5\n", name="more.csv")
    await change("appendLines", "id", viewer=owner, machineId=id, upload=upload, purpose="LEARNING")
    assert (await refuse("appendLines", viewer=owner, machineId=id, rows=[{"a": 1, "b": 2}]))["code"] == "CONFLICT"
    await work()
    told = (await look(id, "status failure job { state } tableLocks { totalCount }"))["machine"]
    assert told == {"status": "READY", "failure": None, "job": {"state": "DONE"}, "tableLocks": {"totalCount": 0}}
    assert sum(await counts(look, id)) == 32
    assert [each["inputs"] for each in (await lines(id))[-2:]] == [{"a": 4.0, "b": None}, {"a": 5.0, "b": None}]
    upload = await send(b"a,y\n1,k\n", name="less.csv")
    await change("appendLines", "id", viewer=owner, machineId=id, upload=upload)
    assert (await work()).state is JobState.FAILED
    told = (await look(id, "status failure tableLocks { totalCount }"))["machine"]
    assert (told["status"], told["tableLocks"]["totalCount"]) == ("READY", 0)
    assert 'lacks the input column "b"' in told["failure"]
    assert sum(await counts(look, id)) == 32


async def test_lines_are_changed_and_deleted_all_or_none(change, ask, refuse, machine, look, lines, owner):
    id = await machine()
    first, second, *_ = await lines(id)
    before = await counts(look, id)
    changes = [{"lineId": first["id"], "values": {"a": 99}, "purpose": "SOLVING"}]
    await change("updateLines", "id", viewer=owner, machineId=id, lines=changes)
    changed = (await lines(id))[0]
    assert (changed["inputs"], changed["isForSolving"], changed["outputs"]) == (
        {"a": 99.0, "b": 0.0},
        True,
        {"y": "k0"},
    )
    wrong = [{"lineId": first["id"], "values": {"a": 1}}, {"lineId": second["id"], "values": {"y": None}}]
    refused = await refuse("updateLines", viewer=owner, machineId=id, lines=wrong)
    assert (refused["field"], "needs outputs" in refused["message"]) == ("lines.1", True)
    assert (await lines(id))[0]["inputs"]["a"] == 99.0
    assert sum(await counts(look, id)) == sum(before)
    await change("deleteLines", "id", viewer=owner, machineId=id, lineIds=[first["id"], second["id"]])
    assert sum(await counts(look, id)) == 28
    again = await ask(
        "mutation($input: DeleteLinesInput!) { deleteLines(input: $input) { __typename } }",
        viewer=owner,
        input={"machineId": id, "lineIds": [second["id"]]},
    )
    assert again.codes == ["NOT_FOUND"]


async def test_a_copy_has_a_fresh_split_and_no_model(change, machine, look, lines, work, owner):
    id = await machine(level=2)
    copy = await change("copyMachine", "id status machineName", viewer=owner, id=id)
    assert (copy["status"], copy["machineName"]) == ("LOADING", "Copy of Cells")
    await work()
    fields = "status machineLevel machineOriginal { id } columns { name role profile { mean } } trainingNnModel { id }"
    told = (await look(copy["id"], fields))["machine"]
    of = (await look(id, "columns { name role profile { mean } }"))["machine"]
    assert (told["status"], told["machineLevel"], told["machineOriginal"]["id"]) == ("READY", 2, id)
    assert (told["columns"], told["trainingNnModel"]) == (of["columns"], None)
    both = [sorted(str(each["inputs"]) for each in await lines(one)) for one in (id, copy["id"])]
    assert both[0] == both[1]
    of_copy = await change("copyMachine", "id machineOriginal { id }", viewer=owner, id=copy["id"], name="Third")
    assert of_copy["machineOriginal"]["id"] == id


async def test_a_deleted_machine_is_gone_with_its_lines(change, machine, look, work, owner, database):
    id = await machine()
    assert (await change("deleteMachine", "machineId", viewer=owner, id=id))["machineId"] == id
    assert (await look(id)).codes == ["NOT_FOUND"]
    assert (await work()).state is JobState.DONE
    async with database.reading() as session:
        for table in (Machine, MachineLine, MachineColumn):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"level": 6}, "level"),
        ({"name": "__Results__"}, "name"),
        ({"columns": [{"name": "z", "role": "OUTPUT"}]}, "columns.0.name"),
        ({"columns": [{"name": "y", "role": "IGNORE"}]}, "columns"),
        ({"columns": [{"name": name, "role": "OUTPUT"} for name in "aby"]}, "columns"),
        ({"split": {"kind": "TIME", "column": "y"}}, "split.column"),
        ({"split": {"kind": "GROUP"}}, "split.column"),
        ({"split": {"evaluationPercentage": 60}}, "split.evaluationPercentage"),
    ],
)
async def test_a_machine_that_could_not_learn_is_refused(change, refuse, send, work, owner, database, given, field):
    reading = await change("readTable", "id", viewer=owner, upload=await send(TWO), options={"outputs": ["y"]})
    assert (await refuse("createMachine", viewer=owner, table=reading["id"], name="x"))["code"] == "CONFLICT"
    await work()
    refused = await refuse("createMachine", viewer=owner, table=reading["id"], **{"name": "Cells"} | given)
    assert refused["field"] == field
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Machine)) == 0


@pytest.fixture
def of_upload(change, send, owner):
    """Makes a machine of a table that nobody has read; answers with its id."""

    async def of_upload(content=TWO, **given):
        given = {"name": "Cells", "columns": [{"name": "y", "role": "OUTPUT"}]} | given
        shown = "id status columns { name } job { kind }"
        made = await change("createMachine", shown, viewer=owner, upload=await send(content), **given)
        assert (made["status"], made["columns"], made["job"]["kind"]) == ("LOADING", [], "READ_TABLE")
        return made["id"]

    return of_upload


async def test_a_machine_is_made_straight_from_an_upload(of_upload, ask, refuse, work, look, lines, owner):
    columns = [{"name": "size", "datatype": "LABEL"}, {"name": "kind", "role": "OUTPUT"}]
    id = await of_upload(ROWS, columns=columns, options={"outputs": ["kind"]}, level=2, split={"seed": 3})
    assert (await refuse("deleteMachine", viewer=owner, id=id))["code"] == "CONFLICT"
    loading = await work()
    assert (loading.kind, loading.state) == (AutomlJob.LOAD_MACHINE, JobState.QUEUED)
    told = (await look(id))["machine"]
    assert (told["status"], told["learningLineCount"], len(told["columns"])) == ("LOADING", 0, 4)
    assert (await work()).state is JobState.DONE
    told = (await look(id))["machine"]
    assert (told["status"], told["failure"], told["machineLevel"], told["split"]) == ("READY", None, 2, "RANDOM")
    assert told["learningLineCount"] + told["evaluationLineCount"] == len(await lines(id)) == 40
    roles = [(each["name"], each["datatype"], each["role"]) for each in told["columns"]]
    assert roles[1:3] == [("size", "LABEL", "INPUT"), ("kind", "LABEL", "OUTPUT")]
    read = await ask("{ tableReadings { nodes { status rowCount } } }", viewer=owner)
    assert read["tableReadings"]["nodes"] == [{"status": "FINISHED", "rowCount": 40}]


@pytest.mark.parametrize(
    ("content", "given", "told"),
    [
        (b"a\n1\n", {}, "one column"),
        (TWO, {"columns": [{"name": "z", "role": "OUTPUT"}]}, 'There is no column "z"'),
        (TWO, {"columns": [{"name": name, "role": "OUTPUT"} for name in "aby"]}, "no inputs"),
        (TWO, {"split": {"kind": "TIME", "column": "z"}}, 'has no column "z"'),
    ],
)
async def test_a_machine_whose_table_does_not_fit_fails_in_words(of_upload, work, look, lines, content, given, told):
    id = await of_upload(content, **given)
    await work()
    machine = (await look(id))["machine"]
    assert (machine["status"], machine["columns"], told in machine["failure"]) == ("FAILED", [], True)
    assert await lines(id) == []


async def test_a_machine_that_was_deleted_meanwhile_gets_no_columns(of_upload, work, database):
    await of_upload()
    async with database.writing() as session:
        await session.execute(update(Machine).values(deleted_at=func.now()))
    assert (await work()).state is JobState.DONE
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(MachineColumn)) == 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"table": "TABLE"}, "table"),
        ({"upload": None}, "table"),
        ({"upload": "another"}, "upload"),
        ({"upload": None, "table": "TABLE", "options": {"header": True}}, "options"),
        ({"options": {"separator": "x"}}, "options.separator"),
        ({"level": 6}, "level"),
        ({"columns": [{"name": "n" * 501}]}, "columns.0.name"),
        ({"split": {"kind": "TIME", "column": "n" * 501}}, "split.column"),
    ],
)
async def test_a_machine_of_an_upload_is_refused_before_anything_is_kept(refuse, send, owner, database, given, field):
    given = {"name": "Cells", "upload": await send(TWO)} | given
    if given.get("table"):
        given["table"] = ids.encode_key(TableReading, 1)
    assert (await refuse("createMachine", viewer=owner, **given))["field"] == field
    async with database.reading() as session:
        for table in (Machine, TableReading, Job):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_a_machine_of_an_upload_is_for_a_team_of_the_senders(
    of_upload, refuse, send, look, work, database, owner, other
):
    team = ids.encode(await factories.team(database, owner.id))
    theirs = ids.encode(await factories.team(database, other.id, name="Theirs"))
    id = await of_upload(team=team)
    await work()
    assert (await look(id, "machineOwnerTeam { id }"))["machine"]["machineOwnerTeam"]["id"] == team
    refused = await refuse("createMachine", viewer=owner, upload=await send(TWO), name="Cells", team=theirs)
    assert refused["code"] == "NOT_FOUND"
