"""How far new lines and tables lie from what was learned: finite, by column, and flagged when they differ."""

import math

import pytest
from sqlalchemy import update

from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine
from app.models.system import JobState
from jobs import automl  # noqa: F401 -- registers its jobs
from resolvers import ids
from tests.automl import learned
from tests.automl.learned import COLOUR, COLOURS, DAYS, SIZE, SIZES, WHEN

DRIFT = """query($id: ID!, $from: LinePurpose!, $upload: String) { machine(id: $id) {
    drift(from: $from, upload: $upload) {
        column psi js missingBefore missingNow newLabelCount isLarge } } }"""
NAMES = [SIZE, COLOUR, WHEN]


@pytest.fixture
async def machine(database, owner):
    """With the lines it has learned from."""
    options = {"header": True, "description_row": False}
    machine = await learned.machine(database, owner.id, table_options=options)
    await add(database, machine, zip(SIZES, COLOURS, DAYS, strict=True), is_learned=True, is_for_learning=True)
    return machine


async def add(database, machine, rows, **flags):
    async with database.writing() as session:
        for size, colour, day in rows:
            values = [size, colour, day, "Ja", 5.0, None]
            session.add(MachineLine(machine_id=machine.id, has_outputs=True, values=values, **flags))


@pytest.fixture
def drift(ask, machine, owner):
    async def drift(viewer=owner, upload=None, of="LEARNING"):
        told = await ask(DRIFT, viewer=viewer, id=ids.encode(machine), upload=upload, **{"from": of})
        assert not told.errors, told.errors
        found = told["machine"]["drift"]
        return None if found is None else {each["column"]: each for each in found}

    return drift


async def test_equal_lines_do_not_drift_and_others_do(drift, database, machine):
    assert await drift() == {}
    await add(database, machine, zip(SIZES, COLOURS, DAYS, strict=True), is_for_learning=True)
    same = await drift()
    assert set(same) == {*NAMES, "kind", "price"}
    assert [(each["psi"], each["js"], each["isLarge"]) for each in same.values()] == [(0, 0, False)] * 5
    far = [(size + 9, "new", None) for size in SIZES]
    await add(database, machine, far * 3, is_for_learning=True)
    moved = await drift()
    assert [moved[name]["isLarge"] for name in (*NAMES, "price")] == [True, True, True, False]
    assert moved[COLOUR]["newLabelCount"] == 1
    assert (moved[WHEN]["missingBefore"], moved[WHEN]["missingNow"]) == (0, 0.75)
    assert all(math.isfinite(each[name]) for each in moved.values() for name in ("psi", "js"))


async def test_a_table_is_compared_as_the_machine_reads_it(drift, send):
    rows = [
        f"{size:.3f};{colour};{day[8:]}/{day[5:7]}/{day[:4]}".replace(".", ",")
        for size, colour, day in zip(SIZES, COLOURS, DAYS, strict=True)
    ]
    head = f'{SIZE};{COLOUR};"{WHEN.replace(chr(34), chr(34) * 2)}"'
    same = await drift(upload=await send("\n".join([head, *rows]).encode()))
    assert [same[name]["isLarge"] for name in NAMES] == [False] * 3
    assert same[SIZE]["psi"] < 0.01
    far = await drift(upload=await send("\n".join([head, *["99;mauve;01/01/1999"] * 60]).encode()))
    assert [far[name]["isLarge"] for name in NAMES] == [True] * 3
    assert all(math.isfinite(each["psi"]) for each in far.values())


async def test_only_who_sees_the_lines_is_told(drift, database, machine, other, ask, send, owner):
    async with database.writing() as session:
        await session.execute(update(Machine).values(machine_api_solving_is_public=True))
    assert await drift(viewer=other) is None
    theirs = await send(b"a;b\n1;2\n")
    told = await ask(DRIFT, viewer=other, id=ids.encode(machine), upload=theirs, **{"from": "LEARNING"})
    assert told.codes == ["INVALID_INPUT"]


async def test_new_lines_that_differ_are_flagged_and_no_longer_when_they_do_not(
    change, work, database, machine, owner, ask
):
    async def warnings():
        told = await ask(
            "query($id: ID!) { machine(id: $id) { machineColumnsWarnings } }", viewer=owner, id=ids.encode(machine)
        )
        return told["machine"]["machineColumnsWarnings"]

    rows = [{SIZE: 99 + at, COLOUR: "mauve", WHEN: "2024-01-01", "kind": "Ja", "price": 5} for at in range(60)]
    await change("appendLines", "id", viewer=owner, machineId=ids.encode(machine), rows=rows, purpose="LEARNING")
    assert (await work()).state is JobState.DONE
    flagged = await warnings()
    assert set(flagged) == {SIZE, COLOUR, WHEN}
    assert "New lines differ" in flagged[SIZE]
    async with database.writing() as session:
        await session.execute(update(MachineLine).values(is_learned=True))
    await change("appendLines", "id", viewer=owner, machineId=ids.encode(machine), rows=rows[:1], purpose="LEARNING")
    assert (await work()).state is JobState.DONE
    assert await warnings() == {}
