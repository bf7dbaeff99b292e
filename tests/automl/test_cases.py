"""What went wrong elsewhere, case by case: each has tests, and those that no other file holds are here."""

from pathlib import Path

import numpy as np
import pytest

from app.formats.tables import reading
from app.formats.tables.answering import Answerer
from app.tabular.predictor import Predictor
from tests.automl import learned
from tests.automl.proofs import claims, lacking
from tests.learning.tables.trained import INPUTS, KIND, KINDS, PRICE, PRICES, ROWS, SIZES, Trained, column

RANDOM = np.random.default_rng(5)
CASES = claims(Path(__file__).with_name("cases.txt"))
PUBLISHED = [f"A{number}" for number in range(1, 20) if number not in {3, 11, 19}]


@pytest.mark.parametrize(("name", "tests"), [(name, tests) for name, *_, tests in CASES], ids=lambda each: each[:20])
def test_each_case_is_held_by_tests_that_exist(name, tests):
    assert (name, tests != "", lacking(tests)) == (name, True, [])


def test_all_published_cases_are_there():
    names = [name for name, *_ in CASES]
    assert [name for name in names if name[0] == "A" and name[1:].isdigit()] == PUBLISHED
    assert len(names) == len(set(names))


@pytest.mark.parametrize("level", [1, 4])
def test_a_class_that_is_in_no_row_to_learn_from_has_a_small_probability(tmp_path, level):
    kinds = [*KINDS[:-1], "einmal"]
    purposes = ["LEARNING"] * 180 + ["EVALUATION"] * (ROWS - 180)

    trained = Trained(
        tmp_path / "once", [*INPUTS, (KIND[0], kinds)], purposes, is_refitted=False, level=level, trees_max=9
    )

    odds = trained.answers([{"size": 0.1, "colour": "red"}]).probabilities[0]
    assert 0 < odds[trained.machine.heads[0].classes.index("einmal")] < 0.05
    assert np.isfinite(trained.output["figures"]["logLoss"])
    assert trained.output["figures"]["classes"] == ["Ja", "Nein", "einmal"]
    assert any('"einmal"' in warning for warning in trained.outcome["warnings"])


@pytest.fixture(scope="module")
def answerer():
    """The small machine: numbers with a decimal comma, dates with the day first."""
    columns = [
        {"name": name, "datatype": datatype, "decimal": ",", "date_order": "DMY"}
        for name, datatype, *_ in learned.COLUMNS
    ]
    return Answerer.of(Predictor.load(learned.learned()), columns)


def test_dates_of_one_day_are_read_in_the_order_of_the_machine(answerer):
    # Alone, these days could be of March or of April.
    written, plain = ([{learned.WHEN: day, learned.SIZE: 1}] * 3 for day in ("03/04/2024", "2024-04-03"))
    assert answerer.solve(written) == answerer.solve(plain)
    assert answerer.solve(written)[0].outputs != answerer.solve([{learned.WHEN: "04/03/2024", learned.SIZE: 1}])[0]
    assert [row.warnings for row in answerer.solve(written)] == [[], [], []]


def test_a_decimal_comma_is_never_taken_for_nothing(answerer):
    comma, point, number = answerer.solve([{learned.SIZE: size} for size in ("2,6", "2.6", 2.6)])
    assert comma == number
    assert [warning.issue.value for warning in point.warnings] == ["UNREADABLE"]
    assert point.outputs == answerer.solve([{}])[0].outputs


async def test_codes_that_are_all_numbers_in_a_later_file_stay_labels(make, change, send, work, owner, ask):
    table = b"code,y\n" + b"".join(b"%s,%d\n" % ((b"a1", b"007")[at % 2], at * 7 % 10) for at in range(30))
    id = await make(table, columns=[{"name": "y", "role": "OUTPUT"}])
    upload = await send(b"code,y\n007,1\n8,2\n9.50,3\n", name="more.csv")
    await change("appendLines", "id", viewer=owner, machineId=id, upload=upload, purpose="LEARNING")
    await work()
    document = """query ($id: ID!) { dataInputLines(machineId: $id, first: 3) { nodes { inputs outputs } }
        machine(id: $id) { failure columns { name datatype } } }"""
    told = await ask(document, viewer=owner, id=id)
    assert [each["inputs"]["code"] for each in told["dataInputLines"]["nodes"]] == ["9.50", "8", "007"]
    assert told["machine"]["columns"][0] == {"name": "code", "datatype": "LABEL"}


NAMES = ("a:b", "[x]", '{"k"}', "价格", "<y", " ", "IsForLearning", "id")


def test_any_name_of_a_column_is_learned_and_answered(tmp_path):
    inputs = [
        (column(name) | {"id": str(at)}, [SIZES, RANDOM.normal(size=ROWS).tolist()][at > 0])
        for at, name in enumerate(NAMES)
    ]

    trained = Trained(
        tmp_path / "names", [*inputs, (column("pred[0]", "LABEL", "OUTPUT"), KINDS)], level=4, trees_max=5
    )

    assert {line["kind"] for line in trained.output["leaderboard"]} >= {"trees", "linear"}
    assert trained.answers([{"0": 3.0}]).values == ["Ja"]
    assert [each["name"] for each in trained.outcome["inputs"]] == list(NAMES)


def test_a_wide_table_that_takes_longer_than_its_budget_says_so(tmp_path):
    wide = [(column(f"c{place}"), RANDOM.normal(size=ROWS).tolist()) for place in range(150)]

    trained = Trained(tmp_path / "wide", [*wide, PRICE], level=5, budget_s=0.3, epochs_max=None)

    assert trained.outcome["stopped"] == "BUDGET"
    assert not trained.output["isRefitted"]
    assert trained.answers([{}]).values[0] == pytest.approx(np.mean(PRICES), rel=0.5)


def test_a_table_of_texts_and_a_target_keeps_the_texts(tmp_path):
    sentence = "The river is high and it was raining for all of the night, so we do not cross it before the morning. "
    rows = [f"{sentence}{at}\t{('dry', 'wet')[at % 2]}" for at in range(60)]
    (tmp_path / "table").write_text("\n".join(["text\tkind", *rows]))

    told = reading.read(str(tmp_path / "table"), {})

    assert [(each["datatype"], each["role"]) for each in told["columns"]] == [
        ("LANGUAGE", "INPUT"),
        ("LABEL", "OUTPUT"),
    ]
