"""Explanations, wanted outputs, and drift: what one asks of a machine beside answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.tabular.candidates.heads import Head, Neural, Scale
from app.tabular.candidates.network import Network
from app.tabular.drift import drift
from app.tabular.explaining import explain, usual_row
from app.tabular.goals import Goal, Unclear, goals_of, parsed
from app.tabular.inputs.encoders import Encoders
from app.tabular.predictor import Predictor
from app.tabular.solutions import find_solution
from tests.fuzz import examples

RANDOM = np.random.default_rng(6)
COLUMNS = [
    {"id": "0", "name": "size", "datatype": "FLOAT"},
    {"id": "1", "name": "noise", "datatype": "FLOAT"},
    {"id": "2", "name": "colour", "datatype": "LABEL"},
    {"id": "3", "name": "day", "datatype": "DATE"},
]
CELLS = [
    np.linspace(-10, 10, 81).tolist(),
    RANDOM.normal(size=81).tolist(),
    ["red", "blue", "red"] * 27,
    [f"2024-03-{1 + place % 28:02}" for place in range(81)],
]


def linear(encoders, weights, outputs=1):
    """A machine that adds up encoded inputs: the numbers, then the places of the labels."""
    last = np.zeros((1, 1, 12, outputs), np.float32)
    for place, each in weights.items():
        last[0, 0, place] = each
    return Network({"last_weight": last, "last_bias": np.zeros((1, 1, outputs), np.float32)}, ())


@pytest.fixture(scope="module")
def machine():
    encoders = Encoders.fit(COLUMNS, CELLS, text_width=8, is_ranked=False)
    # 7 numbers (size, noise, five of the day), then the places of colour: missing, rare, red, blue.
    widths = linear(encoders, {}, 1).arrays["last_weight"].shape[2]
    assert widths >= 11
    arrays = linear(encoders, {0: 10.0, 10: 5.0}).arrays
    number = Network({**arrays, "last_weight": arrays["last_weight"][:, :, :11]}, ())
    arrays = linear(encoders, {0: [3.0, 0.0]}, 2).arrays
    kind = Network({**arrays, "last_weight": arrays["last_weight"][:, :, :11]}, ())
    heads = [
        Head("4", "price", "FLOAT", (), [(1.0, Neural(number, Scale()))], low=-30.0, high=30.0),
        Head("5", "kind", "LABEL", ("up", "down"), [(1.0, Neural(kind, None))], shares=(0.5, 0.5)),
    ]
    return Predictor(encoders, heads, {})


def test_the_effects_lead_from_the_usual_answer_to_this_one(machine):
    price, kind = explain(machine, {"0": 8.0, "1": 0.3, "2": "blue", "3": "2024-03-09"})

    assert [each.name for each in price.inputs[:2]] == ["size", "colour"]
    assert price.inputs[1].effect == pytest.approx(5)
    assert sum(each.effect for each in price.inputs) == pytest.approx(price.answer - price.usual)
    assert (kind.label, kind.inputs[0].name) == ("up", "size")
    assert kind.inputs[0].effect == pytest.approx(kind.answer - kind.usual)


def test_the_usual_row_has_nothing_to_explain(machine):
    price, _ = explain(machine, usual_row(machine))

    assert price.answer == price.usual
    assert all(each.effect == 0 for each in price.inputs)


def test_as_much_as_possible_is_found(machine):
    solution = find_solution(machine, {"4": parsed("+++")}, {"3": "2024-03-09"}, seconds=60)

    assert solution.row["0"] > 9.5
    assert (solution.row["2"], solution.row["3"]) == ("blue", "2024-03-09")


def test_as_near_as_possible_is_found_with_what_is_fixed(machine):
    solution = find_solution(machine, {"4": parsed("~7")}, {"2": "red"}, seconds=60)

    (price, _), _ = machine.answer([solution.row])
    assert price.values[0] == pytest.approx(7, abs=0.2)
    assert solution.row["2"] == "red"
    assert solution.score == pytest.approx(1, abs=0.05)


def test_a_class_and_a_bound_are_found_together(machine):
    goals = goals_of({"4": "<=-5", "5": ["down"]})

    solution = find_solution(machine, goals, {}, seconds=60)

    (price, kind), _ = machine.answer([solution.row])
    assert price.values[0] <= -4.9
    assert kind.values == ["down"]


def test_equal_seeds_find_equal_solutions(machine):
    one, other = (find_solution(machine, {"4": parsed("---")}, {}, seconds=60, seed=3) for _ in range(2))

    assert (one.row, one.score) == (other.row, other.score)


def test_without_time_the_best_of_the_first_tries_is_told(machine):
    assert find_solution(machine, {"4": parsed("+++")}, {}, seconds=0).tried == 201


@pytest.mark.parametrize(
    ("expression", "goal"),
    [
        ("<5", Goal("<", (5.0,))),
        (" >= -1.5e3 ", Goal(">=", (-1500.0,))),
        ("~2", Goal("~", (2.0,))),
        ("~ 2 (20%)", Goal("~", (2.0,), 0.2)),
        ("+++", Goal("+++")),
        ("---(12.5 %)", Goal("---", (), 0.125)),
        (["a", 1], Goal("in", ("a", 1))),
        (True, Goal("in", (True,))),
        (3, Goal("in", (3,))),
        ("red", Goal("in", ("red",))),
        ("__import__('os')", Goal("in", ("__import__('os')",))),
    ],
)
def test_expressions_are_understood(expression, goal):
    assert parsed(expression) == goal


@pytest.mark.parametrize("expression", ["", None, "<", "<five", "~", "+++(0%)", "---(101%)", [], [[1]], {}, ">" * 300])
def test_expressions_that_say_nothing_are_refused(expression):
    with pytest.raises(Unclear):
        parsed(expression)


def test_goals_that_do_not_fit_the_machine_are_refused(machine):
    with pytest.raises(Unclear, match="price: "):
        goals_of({"price": "~"})
    with pytest.raises(Unclear, match="not an output"):
        find_solution(machine, {"9": parsed("+++")}, {}, seconds=1)
    with pytest.raises(Unclear, match="classes, not numbers"):
        find_solution(machine, {"5": parsed("+++")}, {}, seconds=1)
    with pytest.raises(Unclear, match="at least one"):
        find_solution(machine, {}, {}, seconds=1)


def test_the_same_values_have_no_drift():
    for datatype, cells in (("FLOAT", [1, 2, None, 3]), ("LABEL", ["a", None, "b"]), ("FLOAT", [5, 5]), ("DATE", [])):
        found = drift(datatype, cells, list(reversed(cells)))
        assert (found.psi, found.js) == (0, 0)


def test_a_constant_column_that_changes_is_noticed_and_finite():
    found = drift("FLOAT", [5.0] * 100, [6.0] * 100)

    assert found.is_large
    assert 0.9 < found.js <= 1
    assert np.isfinite(found.psi)


def test_new_labels_and_missing_values_are_counted():
    found = drift("LABEL", ["a"] * 50 + ["b"] * 50, ["a"] * 30 + ["c", "C "] * 10 + [None] * 50)

    assert found.new_labels == 1
    assert (found.missing_before, found.missing_now) == (0, 0.5)
    assert found.is_large


def test_the_measure_grows_with_the_distance():
    before = RANDOM.normal(size=2000).tolist()

    psi = [drift("FLOAT", before, (RANDOM.normal(size=2000) + shift).tolist()).psi for shift in (0, 0.3, 1, 3)]

    assert psi == sorted(psi)
    assert psi[0] < 0.05


CELL = st.one_of(st.none(), st.integers(-5, 5), st.floats(), st.text(max_size=3))


@pytest.mark.fuzz
@settings(**examples(60))
@given(st.lists(CELL, max_size=20), st.lists(CELL, max_size=20), st.sampled_from(["FLOAT", "LABEL", "DATE", "TIME"]))
def test_drift_is_always_finite(before, now, datatype):
    found = drift(datatype, before, now)

    assert np.isfinite([found.psi, found.js, found.missing_before, found.missing_now]).all()
    assert found.psi >= 0
    assert 0 <= found.js <= 1
