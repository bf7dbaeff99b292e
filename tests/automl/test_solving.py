"""Solving by jobs: files are answered row by row beside what they had, lines get their outputs, and each once."""

import csv
from io import StringIO
from itertools import count

import pytest
from sqlalchemy import func, select, update

from app.models.automl.lines import DataLinesOperation, MachineLine
from app.models.automl.works import Work
from app.models.billing.ledger import Currency, Operation, OperationCause
from app.models.system import JobState
from app.services.automl import works
from app.services.automl.answering import solving
from app.settings import settings
from jobs import automl  # noqa: F401 -- registers its jobs
from resolvers import ids
from tests.automl import learned
from tests.automl.learned import COLOUR, SIZE, WHEN
from tests.billing.books import give
from tests.formats.tables.workbooks import workbook

FIELDS = "status kind failure figures options resultLink isWorkSolving"


@pytest.fixture
async def machine(database, owner):
    return await learned.machine(database, owner.id, table_options={"header": True, "description_row": False})


@pytest.fixture
def look(ask, owner):
    async def look(id, viewer=owner, fields=FIELDS):
        return (await ask(f"query($id: ID!) {{ work(id: $id) {{ {fields} }} }}", viewer=viewer, id=id))["work"]

    return look


@pytest.fixture
def solve_file(change, send, work, look, machine, owner):
    """Solves a table; answers with the work."""

    async def solve_file(content, name="table.csv"):
        upload = await send(content, name=name)
        begun = await change("solveFile", "status", viewer=owner, machineId=ids.encode(machine), upload=upload)
        assert begun["status"] == "WAITING_FOR_SERVER"
        await work()
        return await look(begun["id"])

    return solve_file


def table(*rows):
    text = StringIO()
    csv.writer(text, delimiter=";").writerows(rows)
    return text.getvalue().encode()


HEADER = ["note", SIZE, COLOUR, WHEN, "kind"]
ROWS = [
    ["=1+1", "1,5", "Red", "03/04/2024", "?"],
    ["b", "wide", "mauve", "", ""],
    ["-3", "-1,5", "2", "28/12/2024", "Ja"],
    ["+x", "99", "", "04.05.2024", "Nein"],
]


async def test_a_file_is_answered_in_its_order_with_warnings_and_without_formulas(solve_file, api):
    done = await solve_file(table(HEADER, *ROWS))
    assert (done["status"], done["failure"], done["isWorkSolving"]) == ("FINISHED", None, True)
    assert done["options"] == {}  # where the table is kept is nobody's business
    assert done["figures"] == {"rows": 4, "rowsWithWarnings": 2, "lackingColumns": []}
    answer = await api.get(done["resultLink"])
    assert answer.headers["content-type"].startswith("text/csv")
    head, *rows = csv.reader(StringIO(answer.text))
    assert head == [
        *HEADER,
        *("kind (answer)", "kind probability", "price", "price low", "price high", "warnings"),
    ]
    assert [row[:5] for row in rows] == [["'=1+1", *ROWS[0][1:]], ROWS[1], ROWS[2], ["'+x", *ROWS[3][1:]]]
    assert [row[5] in {"Ja", "Nein"} for row in rows] == [True] * 4
    assert [0.5 <= float(row[6]) <= 1 for row in rows] == [True] * 4
    assert [float(low) < float(price) < float(high) for *_, price, low, high, _ in rows] == [True] * 4
    assert "wide" in rows[1][-1]
    assert "mauve" in rows[1][-1]
    assert "outside" in rows[3][-1]
    assert (rows[0][-1], rows[2][-1]) == ("", "")


async def test_a_workbook_is_answered_too(solve_file, api):
    sheet = [[SIZE, COLOUR, WHEN], [1.5, "Red", ("date", 45_385)], [-1.5, "2", None]]
    done = await solve_file(workbook({"Cells": sheet}), name="table.xlsx")
    assert (done["status"], done["failure"]) == ("FINISHED", None)
    head, *rows = csv.reader(StringIO((await api.get(done["resultLink"])).text))
    assert head[:4] == [SIZE, COLOUR, WHEN, "kind"]
    assert [row[-1] for row in rows] == ["", ""]


async def test_a_file_that_lacks_columns_is_answered_and_says_so(solve_file):
    done = await solve_file(table([SIZE, "a", "b"], ["1,5", "x", "x"], ["2,5", "y", "y"]))
    assert (done["status"], done["figures"]["lackingColumns"]) == ("FINISHED", [COLOUR, WHEN])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (table(["a", "b"], ["1", "2"]), "none of the machine's inputs"),
        (table([SIZE, COLOUR, "a"]), "no rows"),
        (b"PAR1" + b"\0" * 40, "Parquet is not read"),
        (table([SIZE, COLOUR, "a"], ["1", "x" * 5_000_000, "y"]), "characters"),
        (table([SIZE, *map(str, range(9_999))], ["1"] * 10_000), "columns"),
    ],
)
async def test_what_cannot_be_answered_fails_in_words_and_leaves_no_file(solve_file, database, content, said):
    done = await solve_file(content)
    assert (done["status"], done["resultLink"], said in done["failure"]) == ("ERROR", None, True)


async def test_the_answers_are_for_those_who_see_the_work(solve_file, api, look, other, database):
    done = await solve_file(table(HEADER, *ROWS))
    assert (await api.get(done["resultLink"])).status_code == 200
    async with database.writing() as session:
        await session.execute(update(Work).values(machine_id=(await learned.machine(database, other.id)).id))
    assert (await api.get(done["resultLink"])).status_code == 410


async def test_files_are_for_those_who_use_a_machine_that_is_trained(refuse, send, database, owner, other, machine):
    public = await learned.machine(database, owner.id, machine_api_solving_is_public=True)
    theirs = await send(table(HEADER, *ROWS), viewer=other)
    for one in (public, machine):
        refused = await refuse("solveFile", viewer=other, machineId=ids.encode(one), upload=theirs)
        assert refused["code"] == "NOT_FOUND"
    refused = await refuse("solveFile", viewer=owner, machineId=ids.encode(machine), upload=theirs)
    assert refused["field"] == "upload"
    async with database.writing() as session:
        await session.execute(update(type(machine)).values(training_nn_model_id=None))
    own = await send(table(HEADER, *ROWS))
    refused = await refuse("solveFile", viewer=owner, machineId=ids.encode(machine), upload=own)
    assert (refused["code"], "trainMachine" in refused["message"]) == ("CONFLICT", True)


@pytest.fixture
def lines(database, machine):
    """Adds lines that wait, made past the API."""

    async def lines(*rows):
        async with database.writing() as session:
            for size, colour in rows:
                values = [size, colour, None, None, None, None]
                session.add(MachineLine(machine_id=machine.id, is_for_solving=True, values=values))
            session.add(DataLinesOperation(machine_id=machine.id, is_added_for_solving=True, line_count=len(rows)))

    return lines


@pytest.fixture
def kept(database):
    async def kept():
        async with database.reading() as session:
            rows = await session.scalars(select(MachineLine).order_by(MachineLine.id))
            return [(each.values[0], each.values[3], each.is_solved, each.has_outputs) for each in rows]

    return kept


@pytest.fixture
def solve_lines(change, owner, machine):
    async def solve_lines():
        return await change("solveLines", "status", viewer=owner, machineId=ids.encode(machine))

    return solve_lines


async def test_lines_get_their_outputs_and_are_solved_together(solve_lines, lines, kept, work, look, database):
    await lines((-2.5, "2"), (2.5, "Red"), (None, None))
    begun = await solve_lines()
    assert (await work()).state is JobState.DONE
    told = await look(begun["id"])
    assert (told["status"], told["figures"], told["resultLink"]) == ("FINISHED", {"rows": 3}, None)
    first, second, third = await kept()
    assert (first, second) == ((-2.5, "Nein", True, True), (2.5, "Ja", True, True))
    assert third[1] in {"Ja", "Nein"}
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(DataLinesOperation)) == 0


async def test_an_attempt_goes_on_where_the_last_one_ended(solve_lines, lines, kept, work, database, monkeypatch):
    monkeypatch.setattr(settings, "solve_rows_max", 2)
    await lines(*[(each / 2, "Red") for each in range(5)])
    await solve_lines()
    store, stored = solving.store, []

    async def broken(session, plan, made):
        if stored:
            raise RuntimeError("the worker dies")
        stored.append(len(made))
        return await store(session, plan, made)

    monkeypatch.setattr(solving, "store", broken)
    assert (await work()).state is JobState.QUEUED
    assert [each[2] for each in await kept()] == [True, True, False, False, False]
    monkeypatch.setattr(solving, "store", store)
    async with database.writing() as session:
        from app.models.system import Job  # noqa: PLC0415

        await session.execute(update(Job).values(available_at=func.now()))
    assert (await work()).state is JobState.DONE
    assert [each[2] for each in await kept()] == [True] * 5


async def test_a_line_that_changes_meanwhile_is_not_overwritten(solve_lines, lines, kept, work, database, monkeypatch):
    await lines((-2.5, "2"), (2.5, "Red"))
    await solve_lines()
    store = solving.store

    async def changed(session, plan, made):
        async with database.writing() as another:
            one = (await another.scalars(select(MachineLine).order_by(MachineLine.id).limit(1))).one()
            one.values = [9.5, *one.values[1:]]
        return await store(session, plan, made)

    monkeypatch.setattr(solving, "store", changed)
    await work()
    assert await kept() == [(9.5, None, False, False), (2.5, "Ja", True, True)]


async def test_lines_are_solved_only_if_there_are_some_and_once_at_a_time(refuse, solve_lines, lines, owner, machine):
    refused = await refuse("solveLines", viewer=owner, machineId=ids.encode(machine))
    assert (refused["code"], "No lines" in refused["message"]) == ("CONFLICT", True)
    await lines((1.5, "Red"))
    assert (await solve_lines())["status"] == "WAITING_FOR_SERVER"
    refused = await refuse("solveLines", viewer=owner, machineId=ids.encode(machine))
    assert (refused["code"], "already" in refused["message"]) == ("CONFLICT", True)


async def test_lines_are_paid_with_their_outputs(
    refuse, solve_lines, lines, work, database, owner, machine, monkeypatch
):
    monkeypatch.setattr(settings, "machine_solving_price_tokens", 1)
    monkeypatch.setattr(settings, "solve_rows_max", 2)
    await lines((1.5, "Red"), (0.5, "Red"), (0.1, "2"))
    refused = await refuse("solveLines", viewer=owner, machineId=ids.encode(machine))
    assert (refused["code"], refused["required"]) == ("INSUFFICIENT_FUNDS", "15.00000000")
    await give(database, owner.id, 15, Currency.EAML)
    await solve_lines()
    assert (await work()).state is JobState.DONE
    async with database.reading() as session:
        paid = select(Operation.count_of_lines).where(Operation.cause == OperationCause.MACHINE_SOLVING)
        assert (await session.scalars(paid.order_by(Operation.id))).all() == [2, 1]


async def test_the_progress_of_lines_moves_and_never_goes_back(solve_lines, lines, work, look, monkeypatch):
    monkeypatch.setattr(settings, "solve_rows_max", 2)
    # A second between any two looks at the clock, which may stand still for as long as a few lines take.
    monkeypatch.setattr("jobs.automl.solving.monotonic", count().__next__)
    await lines(*[(each / 2, "Red") for each in range(5)])
    told, report = [], works.report

    async def listening(session, claim, work_id, progress, best):
        told.append((progress.progress, progress.eta_s > 0))
        await report(session, claim, work_id, progress, best)

    monkeypatch.setattr(works, "report", listening)
    begun = await solve_lines()
    assert (await work()).state is JobState.DONE
    assert told == [(0.4, True), (0.8, True), (1.0, False)]
    assert (await look(begun["id"], fields="progress"))["progress"] == 1.0


def test_an_attempt_counts_on_from_the_progress_of_the_one_before():
    plan = solving.SolvingPlan(1, 1, None, [], {}, None, None, lines=10, progress=0.5)
    assert [solving.progress_of(plan, done, 1.0).progress for done in (1, 5, 10, 12)] == [0.55, 0.75, 1.0, 1.0]
    assert solving.progress_of(plan, 5, 2.0).eta_s == 2.0
