"""Answers of machines: for each row in order, in the words of the table, with what is odd said, for those who may."""

import json
import math

import pytest
from sqlalchemy import update

from app.gateways import storage
from app.models.automl.machines import Machine
from app.services.automl.answering import memory
from app.services.automl.answering.asking import NOT_OFFERED
from app.settings import settings
from app.tabular.predictor import Predictor
from resolvers import ids
from tests import factories
from tests.automl import learned
from tests.automl.learned import COLOUR, SIZE, WHEN

ROW = {SIZE: 1.5, COLOUR: "Red", WHEN: "03/04/2024"}
SHOWN = "version rows { outputs probabilities intervals warnings { column issue message } }"


def same(one, other):
    """Whether rows are answered alike; arithmetic in single precision depends on how many are answered at once."""
    numbers = [each["outputs"]["price"] for each in (one, other)]
    words = [(each["outputs"]["kind"], each["warnings"]) for each in (one, other)]
    return words[0] == words[1] and math.isclose(*numbers, rel_tol=1e-4)


@pytest.fixture
async def machine(database, owner):
    return await learned.machine(database, owner.id)


@pytest.fixture
def solve(change, machine, owner):
    async def solve(*rows, viewer=owner, of=None):
        return await change("solve", SHOWN, viewer=viewer, machineId=ids.encode(of or machine), rows=list(rows))

    return solve


async def test_rows_are_answered_in_their_order_in_the_words_of_the_table(solve):
    rows = [{**ROW, SIZE: size} for size in (-2.9, 2.7, -2.5, 2.5)]
    told = await solve(*rows)
    assert told["version"] == 1
    assert [each["outputs"]["kind"] for each in told["rows"]] == ["Nein", "Ja", "Nein", "Ja"]
    first, second = told["rows"][:2]
    assert first["outputs"]["price"] < 900
    assert second["outputs"]["price"] > 1100
    assert set(first["probabilities"]) == {"kind"}
    assert set(first["probabilities"]["kind"]) == {"Ja", "Nein"}
    assert math.isclose(sum(first["probabilities"]["kind"].values()), 1)
    low, high = first["intervals"]["price"]
    assert low < first["outputs"]["price"] < high
    assert set(first["intervals"]) == {"price"}
    assert second["warnings"] == []
    # The same as the file itself says.
    own = Predictor.load(learned.learned()).answer([{"0": size, "1": "Red", "2": "2024-04-03"} for size in (-2.9, 2.7)])
    assert [each["outputs"]["price"] for each in told["rows"][:2]] == pytest.approx(own[0][1].values, rel=1e-4)


async def test_values_are_read_as_those_of_the_table_were(solve):
    """A decimal comma and the order of dates are the machine's; 2.0 is the label 2; case does not matter."""
    plain = await solve({SIZE: 0.5, COLOUR: "2", WHEN: "2024-04-03"}, {SIZE: 0.5, COLOUR: "Red", WHEN: "2024-04-03"})
    wordy = await solve({SIZE: "0,5", COLOUR: 2.0, WHEN: "03/04/2024"}, {SIZE: "0,5", COLOUR: " red", WHEN: "3/4/24"})
    assert plain == wordy


async def test_what_is_odd_about_a_cell_is_said_and_the_row_is_answered(solve):
    told = await solve(
        {SIZE: 99, COLOUR: "Red"},
        {SIZE: 1, COLOUR: "mauve"},
        {SIZE: "wide", COLOUR: "Red"},
        {SIZE: "1e999", COLOUR: "Red"},
        {SIZE: 1, COLOUR: "Red", WHEN: "31/31/2024"},
        {SIZE: 1, COLOUR: "Red"},
    )
    odd = [[(each["column"], each["issue"]) for each in row["warnings"]] for row in told["rows"]]
    assert odd == [
        [(SIZE, "OUT_OF_RANGE")],
        [(COLOUR, "UNKNOWN_LABEL")],
        [(SIZE, "UNREADABLE")],
        [(SIZE, "NOT_FINITE")],
        [(WHEN, "UNREADABLE")],
        [],
    ]
    assert "mauve" in told["rows"][1]["warnings"][0]["message"]
    assert all(set(row["outputs"]) == {"kind", "price"} for row in told["rows"])
    # An unknown label counts as missing, and the rows beside it are answered as they are alone.
    unknown = (await solve({SIZE: 1}))["rows"][0]
    assert same(unknown, {**told["rows"][1], "warnings": []})
    assert same((await solve({SIZE: 99, COLOUR: "Red"}))["rows"][0], told["rows"][0])


HOSTILE = [
    *(None, "", " ", "NaN", "nan", "NAN", "NA", "null", "#N/A", "-nan"),
    *("inf", "-Infinity", "1e308", "-1e308", "1e999", 1e308, -1e308, 10**300, -(10**300)),
    *(True, False, [], {}, [1], {"a": 1}, "a" * 100_000, "\ud7ff", "=1+1", "0x10", "1,2,3", "٣"),
]


async def test_no_cell_fails_a_row(solve):
    """Each of them in each column."""
    rows = [{**ROW, column: value} for value in HOSTILE for column in (SIZE, COLOUR, WHEN)]
    told = await solve(*rows)
    assert "rows" in told, told
    assert len(told["rows"]) == len(rows)
    for row in told["rows"]:
        assert row["outputs"]["kind"] in {"Ja", "Nein"}
        assert math.isfinite(row["outputs"]["price"])
        assert all(0 <= each <= 1 for each in row["probabilities"]["kind"].values())
    assert len(json.dumps(told)) < 1_000_000


async def test_columns_that_are_not_asked_for_may_be_given(solve):
    told = await solve({**ROW, "kind": "Nein", "price": 1, "left out": "x"}, {})
    assert same(told["rows"][0], (await solve(ROW))["rows"][0])


@pytest.mark.parametrize(
    ("rows", "field", "said"),
    [
        ([], "rows", "1 to 9 rows"),
        ([ROW] * 10, "rows", "these are 10"),
        ([ROW, {"colour": 1}], "rows.1", 'no column "colour"'),
        ([[1, 2]], "rows.0", "an object"),
        (["x"], "rows.0", "an object"),
    ],
)
async def test_what_are_no_rows_is_refused(refuse, machine, owner, monkeypatch, rows, field, said):
    monkeypatch.setattr(settings, "solve_rows_max", 9)
    refused = await refuse("solve", viewer=owner, machineId=ids.encode(machine), rows=rows)
    assert (refused["field"], said in refused["message"]) == (field, True)


async def test_a_machine_is_asked_by_those_who_use_it(solve, database, machine, owner, other, staff, refuse):
    assert (await solve(ROW, viewer=staff))["version"] == 1
    rows, id = [ROW], ids.encode(machine)
    assert (await refuse("solve", viewer=other, machineId=id, rows=rows))["code"] == "NOT_FOUND"
    assert (await refuse("solve", viewer=None, machineId=id, rows=rows))["code"] == "UNAUTHENTICATED"
    team = await factories.team(database, owner.id, other.id)
    async with database.writing() as session:
        await session.execute(update(Machine).values(machine_owner_team_id=team.id))
    assert (await solve(ROW, viewer=other))["version"] == 1


async def test_a_public_machine_is_asked_by_everybody_but_not_for_a_price(solve, database, other, owner, refuse):
    copied = await learned.machine(database, owner.id, machine_machine_is_duplicatable=True)
    refused = await refuse("solve", viewer=other, machineId=ids.encode(copied), rows=[ROW])
    assert refused["code"] == "NOT_FOUND"
    public = await learned.machine(database, owner.id, machine_api_solving_is_public=True)
    assert (await solve(ROW, viewer=other, of=public))["version"] == 1
    sold = await learned.machine(
        database, owner.id, machine_api_solving_is_public=True, machine_api_solving_price_usd=1
    )
    refused = await refuse("solve", viewer=other, machineId=ids.encode(sold), rows=[ROW])
    assert (refused["code"], refused["message"]) == ("CONFLICT", NOT_OFFERED)
    assert (await solve(ROW, viewer=owner, of=sold))["version"] == 1


async def test_a_machine_that_was_not_trained_or_whose_file_was_changed_is_refused(refuse, database, owner, machine):
    bare = await factories.machine(database, owner.id)
    refused = await refuse("solve", viewer=owner, machineId=ids.encode(bare), rows=[ROW])
    assert (refused["code"], "trainMachine" in refused["message"]) == ("CONFLICT", True)
    model = await learned.version(database, machine, b"not a machine", number=2)
    refused = await refuse("solve", viewer=owner, machineId=ids.encode(machine), rows=[ROW])
    assert (refused["code"], "not a machine" in refused["message"]) == ("CONFLICT", True)
    await storage.put(model.storage_key, b"changed")
    refused = await refuse("solve", viewer=owner, machineId=ids.encode(machine), rows=[ROW])
    assert (refused["code"], "was changed" in refused["message"]) == ("CONFLICT", True)


async def test_a_new_version_answers_at_once_and_an_old_one_again(solve, database, machine):
    before = await solve(ROW)
    await learned.version(database, machine, learned.other(), number=2)
    told = await solve(ROW)
    assert (told["version"], told["rows"][0]["outputs"]["price"]) == (2, 7.0)
    await learned.version(database, machine, learned.learned(), number=3)
    assert (await solve(ROW))["rows"] == before["rows"]


async def test_memory_is_bounded_and_a_forgotten_machine_is_read_again(solve, monkeypatch, database, owner, machine):
    size = len(learned.learned())
    kept = memory.machines_kept(size + 10)
    monkeypatch.setattr(memory, "_kept", kept)
    before = await solve(ROW)
    assert len(kept) == 1
    second = await learned.machine(database, owner.id)
    await solve(ROW, of=second)
    assert [key.machine_id for key in kept] == [second.id]
    assert await solve(ROW) == before
    monkeypatch.setattr(memory, "_kept", none := memory.machines_kept(size - 1))
    assert await solve(ROW) == before
    assert len(none) == 0


async def test_a_thousand_rows_are_answered_at_once(solve):
    rows = [{**ROW, SIZE: at / 500 - 1} for at in range(1_000)]
    told = await solve(*rows)
    assert len(told["rows"]) == 1_000
    assert same(told["rows"][123], (await solve(rows[123]))["rows"][0])


EXPLAIN = """query($id: ID!, $row: JSON!) { explain(machineId: $id, row: $row) {
    output label usual answer inputs { column value effect } } }"""


async def test_the_inputs_that_moved_an_answer_are_told(ask, solve, machine, owner, other):
    id = ids.encode(machine)
    kind, price = (await ask(EXPLAIN, viewer=owner, id=id, row=ROW))["explain"]
    assert (kind["output"], kind["label"], price["output"], price["label"]) == ("kind", "Ja", "price", None)
    [row] = (await solve(ROW))["rows"]
    assert math.isclose(kind["answer"], row["probabilities"]["kind"]["Ja"])
    assert math.isclose(price["answer"], row["outputs"]["price"])
    for each in (kind, price):
        assert math.isclose(sum(one["effect"] for one in each["inputs"]), each["answer"] - each["usual"], abs_tol=1e-9)
    assert price["inputs"][0]["column"] == SIZE
    assert price["inputs"][0]["effect"] > 100
    assert {one["column"]: one["value"] for one in kind["inputs"]} == {SIZE: 1.5, COLOUR: "Red", WHEN: "2024-04-03"}
    assert (await ask(EXPLAIN, viewer=other, id=id, row=ROW)).codes == ["NOT_FOUND"]
    assert (await ask(EXPLAIN, viewer=owner, id=id, row={"x": 1})).codes == ["INVALID_INPUT"]


FIND = """query($id: ID!, $goals: JSON!, $fixed: JSON, $seconds: Float! = 0.3, $seed: Int! = 0) {
    findSolution(machineId: $id, goals: $goals, fixed: $fixed, seconds: $seconds, seed: $seed) {
        inputs score triedCount solved { outputs warnings { issue } } } }"""


async def test_inputs_are_found_that_lead_to_wanted_outputs(ask, machine, owner):
    id = ids.encode(machine)
    goals = {"price": "~1300", "kind": "Ja"}
    found = (await ask(FIND, viewer=owner, id=id, goals=goals, fixed={COLOUR: "2"}))["findSolution"]
    assert found["inputs"][COLOUR] == "2"
    assert found["solved"]["outputs"]["kind"] == "Ja"
    assert abs(found["solved"]["outputs"]["price"] - 1300) < 60
    assert (found["solved"]["warnings"], found["triedCount"] > 100) == ([], True)
    low = (await ask(FIND, viewer=owner, id=id, goals={"price": "---"}))["findSolution"]
    assert low["solved"]["outputs"]["price"] < 800


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"goals": {}}, "at least one output"),
        ({"goals": {"size": 1}}, "not an output"),
        ({"goals": {"kind": "+++"}}, "has classes"),
        ({"goals": {"price": "<"}}, "after its sign"),
        ({"goals": {"price": "__import__('os')"}}, "no such values"),
        ({"goals": {"price": [5, "much"]}}, "no such values"),
        ({"goals": {"kind": "Perhaps"}}, "not a class"),
        ({"goals": ["price"]}, "an object"),
        ({"goals": {"price": 1}, "fixed": {"nothing": 1}}, "no column"),
        ({"goals": {"price": 1}, "seconds": 6.0}, "0.01 to 5"),
        ({"goals": {"price": 1}, "seed": -1}, "from 0"),
    ],
)
async def test_goals_that_say_nothing_are_refused(ask, machine, owner, given, said):
    answer = await ask(FIND, viewer=owner, id=ids.encode(machine), **{"seconds": 0.05} | given)
    assert answer.codes == ["INVALID_INPUT"]
    assert said in answer.errors[0]["message"]
