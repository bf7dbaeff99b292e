"""Which inputs moved an answer, and how far from the answer to a usual row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.tabular.inputs.cells import Numbers
from app.tabular.predictor import Predictor


@dataclass(frozen=True)
class Moved:
    """How far one input moved the answer: up or down, in the units of the output or as a probability."""

    column: str
    name: str
    effect: float


@dataclass(frozen=True)
class Explanation:
    """Of one answer: what a usual row is answered, what this one, and the inputs between both, the strongest first."""

    output: str
    label: str | None
    usual: float
    answer: float
    inputs: tuple[Moved, ...]


def explain(machine: Predictor, row: Mapping[str, Any]) -> list[Explanation]:
    """For each output. The effects of all inputs add up to the way from the usual answer to this one.

    An input's effect is the mean of what it changes in a usual row and of what this row loses without it; what inputs
    do together is shared among them in proportion.
    """
    usual = usual_row(machine)
    names = [column for column, _ in machine.inputs]
    own = {name: row.get(name) for name in names}
    rows = [usual, own]
    rows += [{**usual, name: own[name]} for name in names]
    rows += [{**own, name: usual[name]} for name in names]
    cells = {name: [each[name] for each in rows] for name in names}
    encoded, _ = machine.encoded(cells, len(rows))
    explanations = []
    for head in machine.heads:
        answers = head.answers(encoded)
        place = int(answers[1].argmax()) if head.classes else 0
        label = head.classes[place] if head.classes else None
        effects = _effects(answers[:, place], len(names))
        moved = [
            Moved(column, name, float(effect)) for (column, name), effect in zip(machine.inputs, effects, strict=True)
        ]
        moved.sort(key=lambda each: -abs(each.effect))
        explanations.append(
            Explanation(head.column, label, float(answers[0, place]), float(answers[1, place]), tuple(moved))
        )
    return explanations


def _effects(answers: Numbers, inputs: int) -> Numbers:
    usual, own = answers[:2]
    joining, leaving = answers[2 : 2 + inputs] - usual, own - answers[2 + inputs :]
    each = (joining + leaving) / 2
    rest, strength = own - usual - each.sum(), np.abs(each).sum()
    shared: Numbers = each + rest * (np.abs(each) / strength if strength > 0 else 1 / max(inputs, 1))
    return shared


def usual_row(machine: Predictor) -> dict[str, Any]:
    """The row with the median of each number and the most frequent label."""
    row: dict[str, Any] = {}
    for encoder in machine.encoders.encoders:
        if encoder.labels is not None:
            row[encoder.column] = encoder.labels.classes[0] if encoder.labels.classes else None
        else:
            row[encoder.column] = encoder.parts[0].median if encoder.datatype == "FLOAT" else None
    return row
