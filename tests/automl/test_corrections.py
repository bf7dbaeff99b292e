"""Columns that were read in a wrong way are corrected before a machine learns, with the values of all its lines."""

import pytest

from app.formats.tables import rereading
from app.formats.tables.columns.values import ValueReader
from app.models.automl.machines import Machine
from app.models.automl.models import NNModel
from app.models.automl.works import Work
from app.models.system import JobState
from app.tabular.choices import WorkKind
from resolvers import ids
from tests import factories

# The day and the month of each date may be either; the comma may group digits.
TABLE = b"when;n;kind;y\n" + b"".join(
    b"%02d/%02d/2024;1,%03d;%d;%s\n"
    % (1 + at % 9, 2 + at % 7, 100 + at, at % 4, b"" if at % 5 == 0 else b"k%d" % (at % 2))
    for at in range(40)
)
LINES = """query ($id: ID!) {
    dataInputLines(machineId: $id, first: 100, orderBy: OLDEST) {
        nodes { id inputs outputs isForLearning isForEvaluation isForSolving } }
    machine(id: $id) { status failure learningLineCount evaluationLineCount solvingLineCount tableLocks { totalCount }
        columns { name datatype role decimalSign dateOrder reason profile { min max uniqueValuesCount } } } }"""


@pytest.fixture
async def id(make):
    columns = [{"name": "y", "role": "OUTPUT"}, {"name": "n", "decimalSign": "COMMA"}]
    columns += [{"name": "when", "datatype": "DATE", "dateOrder": "DMY"}, {"name": "kind", "datatype": "FLOAT"}]
    return await make(TABLE, columns=columns)


@pytest.fixture
def seen(ask, owner):
    async def seen(id):
        told = await ask(LINES, viewer=owner, id=id)
        return told["machine"], told["dataInputLines"]["nodes"]

    return seen


@pytest.fixture
def correct(change, work, owner):
    async def correct(id, *columns):
        await change("correctColumns", "id", viewer=owner, machineId=id, columns=list(columns))
        return await work()

    return correct


async def test_values_are_read_anew_and_lines_keep_their_purpose(id, correct, seen):
    _, before = await seen(id)
    assert (await correct(
        id,
        {"name": "when", "dateOrder": "MDY"},
        {"name": "kind", "datatype": "LABEL"},
    )).state is JobState.DONE  # fmt: skip
    machine, after = await seen(id)
    assert (machine["status"], machine["failure"], machine["tableLocks"]["totalCount"]) == ("READY", None, 0)
    assert before[3]["inputs"] == {"when": "2024-05-04", "n": 1.103, "kind": 3.0}
    assert after[3]["inputs"] == {"when": "2024-04-05", "n": 1.103, "kind": "3"}
    same = ("id", "outputs", "isForLearning", "isForEvaluation", "isForSolving")
    assert [[each[name] for name in same] for each in after] == [[each[name] for name in same] for each in before]
    columns = {each["name"]: each for each in machine["columns"]}
    assert (columns["when"]["dateOrder"], columns["n"]["decimalSign"]) == ("MDY", "COMMA")
    assert (columns["kind"]["datatype"], columns["kind"]["reason"]) == ("LABEL", "It was set by hand.")
    assert columns["n"]["profile"] == {"min": 1.1, "max": 1.139, "uniqueValuesCount": 40}
    assert columns["kind"]["profile"]["uniqueValuesCount"] == 4


async def test_another_output_divides_the_lines_that_it_teaches(id, correct, seen):
    machine, before = await seen(id)
    assert machine["solvingLineCount"] == 8
    await correct(id, {"name": "n", "role": "OUTPUT"})
    machine, after = await seen(id)
    roles = {each["name"]: each["role"] for each in machine["columns"]}
    assert roles == {"when": "INPUT", "n": "OUTPUT", "kind": "INPUT", "y": "INPUT"}
    assert (machine["solvingLineCount"], machine["learningLineCount"] + machine["evaluationLineCount"]) == (0, 40)
    flags = ("isForLearning", "isForEvaluation")
    assert all(
        [old[flag] for flag in flags] == [new[flag] for flag in flags]
        for old, new in zip(before, after, strict=True)
        if not old["isForSolving"]
    )
    # And back: what has no such output is to be solved again.
    await correct(id, {"name": "y", "role": "OUTPUT"})
    assert (await seen(id))[0]["solvingLineCount"] == 8


async def test_values_that_do_not_fit_change_nothing(id, correct, seen):
    before = await seen(id)
    assert (
        await correct(id, {"name": "n", "role": "INPUT"}, {"name": "y", "datatype": "DATE"})
    ).state is JobState.FAILED
    machine, lines = await seen(id)
    assert lines == before[1]
    assert 'In the column "y", 32 of 32 values do not fit' in machine.pop("failure")
    assert machine == {name: value for name, value in before[0].items() if name != "failure"}


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ([], "columns"),
        ([{"name": "z", "role": "INPUT"}], "columns.0.name"),
        ([{"name": "y", "role": "IGNORE"}], "columns"),
        ([{"name": "n", "datatype": "IGNORE", "role": "INPUT"}], "columns"),
        ([{"name": "n", "decimalSign": "POINT"}], "columns.1.decimalSign"),
    ],
)
async def test_corrections_that_mean_nothing_are_refused(id, refuse, seen, owner, columns, field):
    before = await seen(id)
    assert (await refuse("correctColumns", viewer=owner, machineId=id, columns=columns))["field"] == field
    assert await seen(id) == before


async def test_a_machine_that_has_learned_or_is_about_to_is_not_corrected(id, refuse, seen, owner, database):
    before, key = await seen(id), ids.key(id, Machine)
    version = {"version": 1, "level": 1, "seed": 0, "storage_key": "a", "sha256": "0" * 64, "size_bytes": 1}
    for row, said in (
        (Work(machine_id=key, user_id=owner.id, kind=WorkKind.TRAINING), "about to learn"),
        (NNModel(machine_id=key, **version), "has learned"),
    ):
        await factories.add(database, row)
        given = [{"name": "kind", "datatype": "LABEL"}]
        refused = await refuse("correctColumns", viewer=owner, machineId=id, columns=given)
        assert (refused["code"], said in refused["message"]) == ("CONFLICT", True)
    assert await seen(id) == before


@pytest.mark.parametrize(
    ("old", "value", "text"),
    [
        ({"datatype": "FLOAT", "decimal": ","}, 1.5, "1,5"),
        ({"datatype": "FLOAT", "decimal": "."}, 3.0, "3"),
        ({"datatype": "DATE", "date_order": "MDY"}, "2024-04-03", "04/03/2024"),
        ({"datatype": "DATETIME", "date_order": "DMY"}, "2024-04-03T10:00:00", "03/04/2024 10:00:00"),
        ({"datatype": "DATE", "date_order": "YMD"}, "2024-04-03", "2024-04-03"),
        ({"datatype": "LABEL"}, "007", "007"),
        ({"datatype": "FLOAT"}, None, ""),
    ],
)
def test_values_are_written_as_the_table_had_them(old, value, text):
    assert rereading.as_written(value, ValueReader.of({"name": "x"} | old)) == text
