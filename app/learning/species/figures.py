"""How good a classifier is on crops that it never saw."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.learning.species.head import Floats, Numbers
from app.tabular.metrics import confusion

BINS = 10


def figures(odds: Floats, labels: Numbers, classes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Accuracy, recall and precision by class, the confusion matrix (rows: truth) and calibration."""
    predicted = odds.argmax(1)
    matrix = confusion(predicted, labels, len(classes))
    by_class = [
        {
            "key": each["key"],
            "name": each["name"],
            "test_crops": int(matrix[number].sum()),
            "recall": _share(matrix[number, number], matrix[number].sum()),
            "precision": _share(matrix[number, number], matrix[:, number].sum()),
        }
        for number, each in enumerate(classes)
    ]
    recalls = [each["recall"] for each in by_class if each["recall"] is not None]
    return {
        "accuracy": _share(np.trace(matrix), matrix.sum()),
        "balanced_accuracy": float(np.mean(recalls)) if recalls else None,
        "baseline_accuracy": _share(matrix.sum(1).max(), matrix.sum()),
        "classes": by_class,
        "confusion_matrix": matrix.tolist(),
        **calibration(odds, labels),
    }


def calibration(odds: Floats, labels: Numbers) -> dict[str, Any]:
    """The expected calibration error, and per bin of confidence how often it was right."""
    sure, right = odds.max(1), odds.argmax(1) == labels
    place = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    bins = [
        {
            "from": number / BINS,
            "to": (number + 1) / BINS,
            "crops": int(here.sum()),
            "confidence": round(float(sure[here].mean()), 4) if here.any() else None,
            "accuracy": round(float(right[here].mean()), 4) if here.any() else None,
        }
        for number in range(BINS)
        for here in [place == number]
    ]
    apart = [abs(sure[place == number].sum() - right[place == number].sum()) for number in range(BINS)]
    error = float(sum(apart))
    return {"expected_calibration_error": round(error / len(labels), 4) if len(labels) else None, "bins": bins}


def _share(part: Any, whole: Any) -> float | None:
    return round(float(part) / float(whole), 4) if whole else None
