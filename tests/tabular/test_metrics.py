"""Figures, beside those of scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as theirs

from app.tabular import metrics

RANDOM = np.random.default_rng(5)
ODDS = RANDOM.dirichlet((1, 2, 3), 300)
TRUTH = RANDOM.integers(0, 3, 300)


def test_figures_of_three_classes():
    figures = metrics.of_classes(ODDS, TRUTH, ("a", "b", "c"))

    assert figures["logLoss"] == pytest.approx(theirs.log_loss(TRUTH, ODDS))
    assert figures["auc"] == pytest.approx(theirs.roc_auc_score(TRUTH, ODDS, multi_class="ovr"))
    assert figures["accuracy"] == pytest.approx(theirs.accuracy_score(TRUTH, ODDS.argmax(1)))
    assert figures["f1"] == pytest.approx(theirs.f1_score(TRUTH, ODDS.argmax(1), average="macro"))
    assert figures["confusion"] == theirs.confusion_matrix(TRUTH, ODDS.argmax(1)).tolist()
    assert sum(each["rows"] for each in figures["calibration"]["bins"]) == 300


def test_ties_count_half():
    scores = np.round(ODDS[:, 0], 1)

    assert metrics.auc(scores, TRUTH == 0) == pytest.approx(theirs.roc_auc_score(TRUTH == 0, scores))


def test_points_of_the_curves_lie_on_them():
    scores, is_true = np.round(ODDS[:, 1], 2), TRUTH == 1
    found = metrics.curves(scores, is_true)

    for place, threshold in enumerate(found["threshold"]):
        chosen = scores >= threshold
        assert found["truePositiveRate"][place] == pytest.approx(is_true[chosen].sum() / is_true.sum())
        assert found["falsePositiveRate"][place] == pytest.approx((~is_true[chosen]).sum() / (~is_true).sum())
        assert found["precision"][place] == pytest.approx(is_true[chosen].mean())
    assert len(found["threshold"]) <= metrics.CURVE_POINTS


def test_a_class_that_does_not_occur_breaks_no_figure():
    figures = metrics.of_classes(ODDS[TRUTH < 2], TRUTH[TRUTH < 2], ("a", "b", "c"))

    assert all(figures[name] is not None for name in ("logLoss", "auc", "accuracy", "f1"))


def test_figures_of_numbers():
    answers, truth = RANDOM.normal(size=50), RANDOM.normal(size=50)
    figures = metrics.of_numbers(answers, truth, (answers - 1, answers + 1))

    assert figures["rmse"] == pytest.approx(theirs.mean_squared_error(truth, answers) ** 0.5)
    assert figures["mae"] == pytest.approx(theirs.mean_absolute_error(truth, answers))
    assert figures["r2"] == pytest.approx(theirs.r2_score(truth, answers))
    assert figures["coverage"] == pytest.approx(np.mean(abs(answers - truth) <= 1))


def test_figures_without_bounds_are_none():
    assert metrics.of_numbers(np.array([1e308, 0.0]), np.array([-1e308, 1.0]))["rmse"] is None
