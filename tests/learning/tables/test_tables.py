"""What machines learn from tables: splits, candidates, budgets, and what is left in the folder."""

from math import nan

import numpy as np
import pytest

from app.learning.engine import Failure
from app.learning.tables import training
from app.learning.tables.candidates.boosting import TreeMaker
from app.learning.tables.candidates.forests import ForestMaker
from app.learning.tables.plans import ForestPlan
from app.tabular.predictor import Predictor
from tests.learning.tables.trained import (
    COLOURS,
    INPUTS,
    KIND,
    KINDS,
    PRICE,
    PRICES,
    RANDOM,
    ROWS,
    SIZES,
    Trained,
    column,
)


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    return Trained(tmp_path_factory.mktemp("classes"), [*INPUTS, KIND], level=3)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    return Trained(tmp_path_factory.mktemp("numbers"), [*INPUTS, PRICE], level=3)


@pytest.fixture(scope="module")
def networked(tmp_path_factory):
    """With networks, as small as they can be."""
    shape = {"HiddenLayerCount": 1, "NeuronPercentage1": 400, "NeuronPercentage2": 400, "NeuronPercentage3": 400}
    return Trained(tmp_path_factory.mktemp("networked"), [*INPUTS, PRICE], level=2, shape=shape, epochs_max=3)


def test_learning_and_evaluation_share_no_row_and_leave_none_out(classes):
    split = classes.output["split"]

    assert (split["by"], split["learningRows"], split["evaluationRows"]) == ("RANDOM", 192, 48)
    assert sum(map(sum, classes.output["figures"]["confusion"])) == 48


def test_labels_come_back_as_they_were_written(classes):
    answers = classes.answers([{"size": 3, "colour": "red"}, {"size": -3, "colour": "blue"}])

    assert answers.classes == ("Ja", "Nein")
    assert answers.values == ["Ja", "Nein"]
    assert all(abs(sum(each) - 1) < 1e-9 for each in answers.probabilities)


def test_answers_are_better_than_the_plain_baseline(classes, numbers):
    scores = {line["name"]: line["score"] for line in classes.output["leaderboard"]}

    assert set(scores) == {"constant", "linear", "forest", "trees-1", "trees-2"}
    assert classes.output["figures"]["logLoss"] < scores["constant"] / 2
    assert numbers.output["figures"]["r2"] > 0.97


def test_the_leaderboard_has_a_score_for_each_fold_and_what_everything_takes(classes):
    for line in classes.output["leaderboard"]:
        assert line["metric"] == "logLoss"
        assert len(line["foldScores"]) == 4
        assert line["bytes"] > 0
    assert sum(line["weight"] for line in classes.output["leaderboard"]) == pytest.approx(1)


def test_figures_are_in_the_units_of_the_target(numbers):
    figures = numbers.output["figures"]

    assert 1 < figures["mae"] <= figures["rmse"] < 60
    assert 0.8 <= figures["coverage"] <= 1
    (value,) = numbers.answers([{"size": 0, "colour": "green"}]).values
    assert value == pytest.approx(1000, abs=60)


def test_numbers_come_with_an_interval(numbers):
    answers = numbers.answers([{"size": 0, "colour": "green"}])

    ((low, high),) = answers.intervals
    assert low < answers.values[0] < high
    assert high - low == pytest.approx(2 * numbers.output["margin"])


def test_the_order_of_rows_is_kept_whatever_else_they_have(numbers):
    rows = [{"size": size, "colour": "red", "id": 77 - place} for place, size in enumerate((2, -2, 0))]

    high, low, middle = numbers.answers(rows).values

    assert low < middle < high


def test_a_label_that_nobody_knows_costs_no_row(numbers):
    rows = [{"size": 0.5, "colour": "red"}, {"size": 0.5, "colour": "mauve"}, {"size": 900, "colour": None}]

    (answers,), warned = numbers.machine.answer(rows)

    assert answers.values[0] == numbers.answers(rows[:1]).values[0]
    assert answers.values[1] == numbers.answers([{"size": 0.5}]).values[0]
    assert [(each.row, each.column, each.kind) for each in warned] == [
        (1, "colour", "UNKNOWN_LABEL"),
        (2, "size", "OUT_OF_RANGE"),
    ]


def test_the_more_important_input_is_named(numbers):
    shares = {each["column"]: each["share"] for each in numbers.output["importance"]}

    assert shares["size"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)
    assert all(each["spread"] >= 0 for each in numbers.output["importance"])


def test_equal_seeds_give_equal_machines(classes, tmp_path):
    again = Trained(tmp_path / "again", [*INPUTS, KIND], level=3)

    assert again.data == classes.data
    assert again.outcome["encodersSha256"] == classes.outcome["encodersSha256"]


def test_a_machine_answers_the_same_after_it_was_read_again(networked):
    rows = [{"size": size, "colour": "blue"} for size in (-1.5, 0.1, 2.2)]

    again = Predictor.load(Predictor.load(networked.data).save())

    assert again.answer(rows)[0][0].values == networked.answers(rows).values


def test_a_network_is_a_candidate(networked):
    lines = {line["name"]: line for line in networked.output["leaderboard"]}

    assert lines["network-1"]["facts"]["rounds"] > 0
    assert networked.output["isRefitted"]


def test_another_seed_of_trees_comes_after_every_other_kind_of_candidate(tmp_path, monkeypatch):
    names, add = [], training._Output._add

    def noted(output, learned_so_far, maker, clock):
        names.append(maker.name)
        add(output, learned_so_far, maker, clock)

    monkeypatch.setattr(training._Output, "_add", noted)
    monkeypatch.setattr(training._Output, "_networks", lambda _: [ForestMaker("network-1", ForestPlan(trees=2))])

    trained = Trained(tmp_path / "seeds", [*INPUTS, PRICE], level=5, trees_max=2)

    kinds = ["constant", "linear", "forest", "trees-1", "trees-2", "trees-3"]
    assert names == [*kinds, "network-1", "trees-1-2", "trees-2-2", "trees-3-2"]
    assert {line["name"] for line in trained.output["leaderboard"]} == set(names)


@pytest.mark.parametrize(("level", "output"), [(3, KIND), (4, KIND), (4, PRICE)])
def test_a_forest_is_a_candidate_from_level_3_on(tmp_path, monkeypatch, level, output):
    monkeypatch.setattr(
        training.weighing, "weights_of", lambda _, learned: [float(each.kind == "forest") for each in learned]
    )

    trained = Trained(tmp_path / "forest", [*INPUTS, output], level=level, trees_max=12)

    board = {line["kind"]: line for line in trained.output["leaderboard"]}
    assert (board["forest"]["weight"], trained.output["isRefitted"]) == (1, True)
    scores = [board[kind]["score"] for kind in ("forest", "constant")]
    assert scores[0] < scores[1] / 2
    # Learned once more from all rows, it knows each of them.
    rows = [{"size": size, "colour": colour} for size, colour in zip(SIZES, COLOURS, strict=True)]
    values = trained.answers(rows).values
    assert values == KINDS if output is KIND else np.abs(np.array(values) - PRICES).max() < 1


def test_rows_that_are_marked_are_split_as_marked(tmp_path):
    purposes = ["EVALUATION" if place < 30 else "LEARNING" for place in range(ROWS)]

    trained = Trained(tmp_path / "marked", [*INPUTS, KIND], purposes)

    split = trained.output["split"]
    assert (split["by"], split["learningRows"], split["evaluationRows"]) == ("MARKED", ROWS - 30, 30)


def test_a_split_by_time_judges_on_the_latest_rows(tmp_path):
    days = [f"2024-{1 + place // 28 % 12:02}-{1 + place % 28:02}" for place in range(ROWS)]
    rising = [float(place) for place in range(ROWS)]
    columns = [*INPUTS, (column("day", "DATE", "IGNORE"), days), (column("rising", "FLOAT", "OUTPUT"), rising)]

    trained = Trained(tmp_path / "time", columns, split={"by": "TIME", "column": "day"}, is_refitted=False)

    # What was learned ends before what is judged begins, so that no answer reaches it.
    assert trained.output["split"]["evaluationRows"] == 48
    assert trained.answers([{"size": 0}]).values[0] < 191
    assert trained.output["figures"]["mae"] > 100


def test_a_split_by_group_keeps_people_apart(tmp_path):
    people = [f"person {place // 8}" for place in range(ROWS)]
    traits = {person: float(RANDOM.normal()) for person in people}
    columns = [
        (column("person", "LABEL"), people),
        (column("trait", "FLOAT", "OUTPUT"), [traits[person] for person in people]),
    ]

    by_group = Trained(tmp_path / "group", columns, split={"by": "GROUP", "column": "person"})
    at_random = Trained(tmp_path / "random", columns)

    assert by_group.output["split"]["evaluationRows"] % 8 == 0
    assert at_random.output["figures"]["r2"] > 0.9
    assert by_group.output["figures"]["r2"] < 0.2


def test_a_class_with_few_rows_is_learned_and_warned_of(tmp_path):
    kinds = [*KINDS[:-5], *["selten"] * 5]

    trained = Trained(tmp_path / "rare", [*INPUTS, (KIND[0], kinds)], level=3)

    answers = trained.answers([{"size": 0, "colour": "red"}])
    assert answers.classes == ("Ja", "Nein", "selten")
    assert min(answers.probabilities[0]) > 0
    assert any('"selten"' in warning for warning in trained.outcome["warnings"])
    assert trained.output["figures"]["classes"] == ["Ja", "Nein", "selten"]


def test_one_column_of_text_is_enough(tmp_path):
    texts = [("win a prize now " if place % 3 == 0 else "see you at home ") + "x" * (place % 7) for place in range(120)]
    spam = ["spam" if place % 3 == 0 else "ham" for place in range(120)]
    columns = [(column("text", "LANGUAGE"), texts), (column("kind", "LABEL", "OUTPUT"), spam)]

    trained = Trained(tmp_path / "text", columns)

    assert trained.output["figures"]["accuracy"] > 0.95
    assert trained.answers([{"text": "you can win a prize"}, {"text": "at home"}]).values == ["spam", "ham"]


def test_several_outputs_are_learned_beside_each_other(tmp_path):
    trained = Trained(tmp_path / "several", [*INPUTS, KIND, PRICE])

    kinds, prices = trained.machine.answer([{"size": 2, "colour": "red"}])[0]
    assert (kinds.name, prices.name) == ("kind", "price")
    assert kinds.values == ["Ja"]
    assert prices.values[0] > 1300


def test_a_date_is_answered_as_a_date(tmp_path):
    days = [f"2024-01-{1 + round(abs(size) * 8):02}" for size in SIZES]

    trained = Trained(tmp_path / "date", [*INPUTS, (column("day", "DATE", "OUTPUT"), days)])

    assert trained.answers([{"size": 0.01, "colour": "red"}]).values[0].startswith("2024-01-0")


def test_balanced_classes_raise_the_odds_of_the_rare_one(tmp_path):
    kinds = ["Ja" if size > 1.2 else "Nein" for size in SIZES]
    noisy = [(column("size"), [size + float(RANDOM.normal()) for size in SIZES]), (KIND[0], kinds)]

    plain = Trained(tmp_path / "plain", noisy)
    balanced = Trained(tmp_path / "balanced", noisy, class_weights="BALANCED")

    odds = [each.answers([{"size": 0.8}]).probabilities[0][0] for each in (plain, balanced)]
    assert odds[1] > odds[0] + 0.1


def test_a_threshold_for_the_metric_is_kept(tmp_path):
    kinds = ["wahr" if size > 1 else "falsch" for size in SIZES]
    noisy = [(column("size"), [size + float(RANDOM.normal()) for size in SIZES]), (KIND[0], kinds)]

    trained = Trained(tmp_path / "threshold", noisy, target_metric="f1")

    threshold = trained.output["threshold"]
    assert 0 < threshold < 1
    answers = trained.answers([{"size": size / 4} for size in range(-8, 9)])
    assert answers.values == ["wahr" if odds[1] >= threshold else "falsch" for odds in answers.probabilities]


def test_a_budget_of_half_a_second_gives_a_machine(tmp_path):
    wide = [(column(f"c{place}"), RANDOM.normal(size=ROWS).tolist()) for place in range(60)]

    trained = Trained(tmp_path / "short", [*wide, PRICE], level=5, budget_s=0.5, epochs_max=None)

    assert trained.result["artefacts"] == ["machine.safetensors", "outcome.json"]
    assert "constant" in {line["name"] for line in trained.output["leaderboard"]}
    assert {line["name"] for line in trained.output["leaderboard"]} <= {"constant", "linear"}
    assert len(trained.answers([{}]).values) == 1


def test_what_is_said_on_the_way_has_a_stage_and_the_best_so_far(classes):
    stages = [said[0][0] for said in classes.said]

    assert stages[0] == "preparing"
    assert "evaluating" in stages
    assert "Best so far: " in classes.said[-1][0][2]
    assert all(0 <= said[0][1] <= 1 and said[1]["eta_s"] >= 0 for said in classes.said)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ([*INPUTS], "no output column"),
        ([KIND], "no input column"),
        ([*INPUTS, (column("kind", "LABEL", "OUTPUT"), ["Ja"] * ROWS)], 'All rows have "Ja" as kind'),
        ([*INPUTS, (column("kind", "LABEL", "OUTPUT"), [None] * ROWS)], "All rows have no value as kind"),
        ([*INPUTS, (column("price", "FLOAT", "OUTPUT"), [None] * ROWS)], "price has no values"),
        ([*INPUTS, (column("price", "FLOAT", "OUTPUT"), [3] * ROWS)], "the same value of price"),
        ([*INPUTS, (column("text", "LANGUAGE", "OUTPUT"), ["a"] * ROWS)], "cannot be predicted"),
        ([(described, cells[:40]) for described, cells in [*INPUTS, KIND]], "At least 50 and 10 are needed"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_words(tmp_path, columns, sentence):
    with pytest.raises(Failure, match=sentence):
        Trained(tmp_path / "refused", columns)

    assert not (tmp_path / "refused" / "machine.safetensors").exists()


@pytest.mark.parametrize("cells", [[None] * ROWS, [1.0] * ROWS, ["x"] * ROWS])
def test_inputs_that_say_nothing_give_the_constant(tmp_path, cells):
    datatype = "LABEL" if cells[0] == "x" else "FLOAT"

    trained = Trained(tmp_path / "nothing", [(column("size", datatype), cells), PRICE])

    (value,) = trained.answers([{"size": cells[0]}]).values
    assert value == pytest.approx(np.mean(PRICES), rel=0.02)


def test_numbers_without_bounds_are_borne(tmp_path):
    sizes = [*SIZES[:-5], 1e308, -1e308, 1.7e308, nan, 1e-308]
    prices = [*PRICES[:-2], 1e300, -1e300]

    trained = Trained(tmp_path / "huge", [(column("size"), sizes), (PRICE[0], prices)], level=3)

    answers = trained.answers([{"size": 1e308}, {"size": float("inf")}, {"size": 0}])
    assert np.isfinite(answers.values).all()


def test_an_identifier_that_repeats_suggests_a_split_by_group_with_both_figures(tmp_path):
    people = [float(place // 8) for place in range(ROWS)]
    traits = RANDOM.normal(size=ROWS // 8).tolist()
    columns = [
        (column("subject#", "FLOAT"), people),
        (column("size"), SIZES),
        (column("trait", "FLOAT", "OUTPUT"), [traits[place // 8] for place in range(ROWS)]),
    ]

    (suggestion,) = Trained(tmp_path / "suggested", columns).outcome["suggestions"]

    assert (suggestion["by"], suggestion["name"], suggestion["isLoud"]) == ("GROUP", "subject#", True)
    assert suggestion["randomScore"] > 0.5 > suggestion["score"]
    assert "Split by group" in suggestion["message"]


def test_a_date_suggests_a_split_by_time_and_other_columns_nothing(tmp_path, classes):
    days = [f"2024-{1 + place // 28 % 12:02}-{1 + place % 28:02}" for place in range(ROWS)]

    found = Trained(tmp_path / "dated", [*INPUTS, (column("day", "DATE"), days), PRICE]).outcome["suggestions"]

    assert [(each["by"], each["name"]) for each in found] == [("TIME", "day")]
    assert not found[0]["isLoud"]
    assert classes.outcome["suggestions"] == []


def test_what_there_is_no_time_to_learn_again_stays_as_it_was_judged(tmp_path, monkeypatch):
    monkeypatch.setattr(training.weighing, "weights_of", lambda *_: [0.0, 0.5, 0.0, 0.5, 0.0])
    judged = Trained(tmp_path / "judged", [*INPUTS, PRICE], level=3, is_refitted=False)
    monkeypatch.setattr(TreeMaker, "refit", lambda *_: None)
    partly = Trained(tmp_path / "partly", [*INPUTS, PRICE], level=3)

    def parts(trained, kind):
        return [
            {name: each.tolist() for name, each in part.stored()[1].items()}
            for _, part in trained.machine.heads[0].candidates
            if part.kind.startswith(kind)
        ]

    assert (judged.output["isRefitted"], partly.output["isRefitted"]) == (False, True)
    assert parts(partly, "trees") == parts(judged, "trees") != []
