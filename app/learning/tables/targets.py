"""The output to learn: which rows have it, its classes or its scale, and how much each row counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.learning.engine import Failure
from app.tabular.candidates.heads import Scale
from app.tabular.inputs.cells import Numbers, label_key, numbers_of
from app.tabular.inputs.parts import FIRST, Labels

Ints = NDArray[np.int64]
CLASSES_MAX = 1000
FEW_ROWS = 10


@dataclass(frozen=True)
class Target:
    """One output. `values` are class numbers, or numbers in their units; `rows` are those that have one."""

    column: str
    name: str
    datatype: str
    rows: Ints
    values: Numbers
    classes: tuple[str, ...] = ()
    weights: Numbers | None = None

    @property
    def truth(self) -> Ints:
        """The class of each row that has one."""
        return self.values.astype(np.int64)

    def warnings(self) -> list[str]:
        """What one should know of it."""
        if not self.classes:
            return []
        counts = np.bincount(self.truth, minlength=len(self.classes))
        return [
            f'{self.name}: only {count} rows have the value "{label}". Answers about it will be poor.'
            for label, count in zip(self.classes, counts, strict=True)
            if count < FEW_ROWS
        ]


def target_of(
    column: Mapping[str, Any], cells: Sequence[Any], class_weights: str | Mapping[str, float] | None
) -> Target:
    """From the cells of an output column; raises `Failure` if there is nothing to learn."""
    identity = str(column["id"]), str(column["name"]), str(column["datatype"])
    if identity[2] == "LABEL":
        return _classes(identity, cells, class_weights)
    values, _ = numbers_of(cells, identity[2])
    rows = np.flatnonzero(np.isfinite(values))
    if not len(rows):
        raise Failure(f"{identity[1]} has no values, so there is nothing to learn. Add rows that have it.")
    if np.ptp(values[rows] / 2) == 0:
        raise Failure(f"All rows have the same value of {identity[1]}, so there is nothing to learn.")
    return Target(*identity, rows=rows, values=values[rows])


def _classes(
    identity: tuple[str, str, str], cells: Sequence[Any], class_weights: str | Mapping[str, float] | None
) -> Target:
    labels = Labels.fit(cells, most=CLASSES_MAX + 1)
    # In the order of their names, so that the order says nothing about the rows.
    labels = Labels(tuple(sorted(labels.classes, key=_sorted_by)))
    if len(labels.classes) < 2:
        only = f'"{labels.classes[0]}"' if labels.classes else "no value"
        raise Failure(f"All rows have {only} as {identity[1]}, so there is nothing to learn.")
    if len(labels.classes) > CLASSES_MAX:
        raise Failure(f"{identity[1]} has more than {CLASSES_MAX:,} different values. Choose another output.")
    codes, _ = labels.encode(cells)
    rows = np.flatnonzero(codes >= FIRST)
    values = codes[rows].astype(np.int64) - FIRST
    return Target(*identity, rows, values.astype(np.float64), labels.classes, _weights(values, labels, class_weights))


def _sorted_by(label: str) -> tuple[int, float, str]:
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label


def _weights(values: Ints, labels: Labels, asked: str | Mapping[str, float] | None) -> Numbers | None:
    if asked is None:
        return None
    if asked == "BALANCED":
        counts = np.bincount(values, minlength=len(labels.classes))
        each = len(values) / (len(labels.classes) * np.maximum(counts, 1))
    elif isinstance(asked, Mapping):
        known = {label_key(label): float(weight) for label, weight in asked.items()}
        each = np.array([known.get(label_key(label), 1.0) for label in labels.classes])
    else:
        raise Failure("The class weights must be BALANCED or a weight for each class.")
    weights: Numbers = each[values] / each[values].mean()
    return weights


def scale_of(values: Numbers) -> Scale:
    """How far numbers lie apart. Beside the greatest, so that the square of none overflows."""
    greatest = float(np.abs(values).max()) or 1.0
    beside = values / greatest
    deviation = float(beside.std()) * greatest or greatest
    return Scale(float(beside.mean()) * greatest, deviation, float(values.min()), float(values.max()))
