"""How good answers are: of classes by their probabilities, of numbers in their own units."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.tabular.inputs.cells import Numbers

Ints = NDArray[np.int64]
LEAST = 1e-15
CURVE_POINTS = 101
BINS = 10
SMALLER_IS_BETTER = frozenset({"logLoss", "rmse", "mae"})
CLASS_METRICS = ("logLoss", "auc", "accuracy", "f1")
NUMBER_METRICS = ("rmse", "mae", "r2")


def log_loss(odds: Numbers, truth: Ints, weights: Numbers | None = None) -> float:
    """The mean surprise, in natural logarithms."""
    chosen = np.clip(odds[np.arange(len(truth)), truth], LEAST, 1)
    return float(np.average(-np.log(chosen), weights=weights))


def auc(scores: Numbers, is_true: NDArray[np.bool_]) -> float | None:
    """How often a true row scores above a false one; a tie counts half. None without both."""
    true, false = int(is_true.sum()), int((~is_true).sum())
    if not true or not false:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[is_true].sum() - true * (true + 1) / 2) / (true * false))


def mean_auc(odds: Numbers, truth: Ints) -> float | None:
    """Of two classes the AUC of the second; of more the mean of each against the rest."""
    if odds.shape[1] == 2:
        return auc(odds[:, 1], truth == 1)
    each = [auc(odds[:, label], truth == label) for label in range(odds.shape[1])]
    known = [one for one in each if one is not None]
    return float(np.mean(known)) if known else None


def confusion(predicted: Ints, truth: Ints, classes: int) -> Ints:
    """How often each class (rows) was taken for each (columns)."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (truth, predicted), 1)
    return matrix


def f1(matrix: Ints) -> float:
    """Of two classes the F1 of the second; of more the mean over the classes that occur."""
    right = np.diag(matrix)
    both = matrix.sum(0) + matrix.sum(1)
    each = np.divide(2 * right, both, out=np.zeros(len(matrix)), where=both > 0)
    return float(each[1]) if len(matrix) == 2 else float(each[matrix.sum(1) > 0].mean())


def curves(scores: Numbers, is_true: NDArray[np.bool_]) -> dict[str, Any]:
    """Points of the ROC curve and of precision over recall, with their thresholds, from high to low."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    true = np.cumsum(is_true[order])[ends]
    false = np.cumsum(~is_true[order])[ends]
    if len(ends) > CURVE_POINTS:
        chosen = np.unique(np.linspace(0, len(ends) - 1, CURVE_POINTS).astype(np.int64))
        ends, true, false = ends[chosen], true[chosen], false[chosen]
    return {
        "threshold": scores[order][ends].tolist(),
        "truePositiveRate": (true / max(is_true.sum(), 1)).tolist(),
        "falsePositiveRate": (false / max((~is_true).sum(), 1)).tolist(),
        "precision": (true / np.maximum(true + false, 1)).tolist(),
    }


def calibration(odds: Numbers, truth: Ints) -> dict[str, Any]:
    """How often answers were right, for how sure they were; and how far both lie apart on average."""
    sure, right = odds.max(1), odds.argmax(1) == truth
    place = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    bins = [
        {
            "from": number / BINS,
            "to": (number + 1) / BINS,
            "rows": int(here.sum()),
            "confidence": float(sure[here].mean()),
            "accuracy": float(right[here].mean()),
        }
        for number in range(BINS)
        if (here := place == number).any()
    ]
    apart = sum(each["rows"] * abs(each["confidence"] - each["accuracy"]) for each in bins)
    return {"expectedError": apart / max(len(truth), 1), "bins": bins}


def of_classes(odds: Numbers, truth: Ints, classes: Sequence[str], threshold: float | None = None) -> dict[str, Any]:
    """All figures of a machine that tells classes apart; `threshold` is that of the second of two classes."""
    predicted = chosen(odds, threshold)
    matrix = confusion(predicted, truth, len(classes))
    figures: dict[str, Any] = {
        "rows": len(truth),
        "logLoss": log_loss(odds, truth),
        "auc": mean_auc(odds, truth),
        "accuracy": float(np.mean(predicted == truth)),
        "f1": f1(matrix),
        "classes": list(classes),
        "confusion": matrix.tolist(),
        "calibration": calibration(odds, truth),
    }
    if len(classes) == 2:
        figures["curves"] = curves(odds[:, 1], truth == 1)
    return figures


def chosen(odds: Numbers, threshold: float | None = None) -> Ints:
    """The class of each row."""
    if threshold is not None and odds.shape[1] == 2:
        return (odds[:, 1] >= threshold).astype(np.int64)
    predicted: Ints = odds.argmax(1)
    return predicted


def of_numbers(answers: Numbers, truth: Numbers, intervals: tuple[Numbers, Numbers] | None = None) -> dict[str, Any]:
    """All figures of a machine that says numbers, in their units."""
    with np.errstate(over="ignore", invalid="ignore"):
        errors = answers - truth
        spread = float(np.sum((truth - truth.mean()) ** 2))
        figures: dict[str, Any] = {
            "rows": len(truth),
            "rmse": float(np.sqrt(np.mean(errors**2))),
            "mae": float(np.mean(np.abs(errors))),
            "r2": float(1 - np.sum(errors**2) / spread) if spread > 0 else None,
        }
    if intervals is not None:
        figures["coverage"] = float(np.mean((intervals[0] <= truth) & (truth <= intervals[1])))
    return {name: finite(value) for name, value in figures.items()}


def finite(value: Any) -> Any:
    """A figure that JSON can hold."""
    return None if isinstance(value, float) and not np.isfinite(value) else value


def is_better(metric: str, one: float, other: float) -> bool:
    """Whether one figure is better than another."""
    return one < other if metric in SMALLER_IS_BETTER else one > other
