"""A machine that answers: rows of cells in, values with probabilities or intervals and warnings out, in order."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from app.tabular import bundle
from app.tabular.candidates.heads import Head, Rows
from app.tabular.inputs.cells import Cells, Numbers, moment_text
from app.tabular.inputs.encoders import Encoders, Warned
from app.tabular.metrics import chosen


@dataclass(frozen=True)
class Answers:
    """What a machine says of rows, for one output: a value for each, and how sure it is."""

    column: str
    name: str
    values: Sequence[Any]
    classes: tuple[str, ...] = ()
    probabilities: Sequence[Sequence[float]] | None = None
    intervals: Sequence[tuple[Any, Any]] | None = None


@dataclass(frozen=True)
class Predictor:
    """A machine in memory."""

    encoders: Encoders
    heads: Sequence[Head]
    facts: Mapping[str, Any]

    @classmethod
    def load(cls, data: bytes) -> Self:
        """From a file; raises `UnreadableMachine`."""
        return cls(*bundle.read(data))

    def save(self) -> bytes:
        """As a file."""
        return bundle.write(self.encoders, list(self.heads), self.facts)

    @property
    def inputs(self) -> list[tuple[str, str]]:
        """The ids and names of the columns that it looks at."""
        return [(encoder.column, encoder.name) for encoder in self.encoders.encoders]

    def encoded(self, cells: Mapping[str, Cells], rows: int) -> tuple[Rows, list[Warned]]:
        """Columns of cells, ready for candidates."""
        matrix, warned = self.encoders.encode(cells, rows)
        return Rows.of(matrix, self.encoders.dense(matrix)), warned

    def answer(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Answers], list[Warned]]:
        """Rows as objects by the ids of columns; what is not in a row is missing."""
        cells = {column: [row.get(column) for row in rows] for column, _ in self.inputs}
        encoded, warned = self.encoded(cells, len(rows))
        return self.answers_of(encoded), sorted(warned, key=lambda each: each.row)

    def answers_of(self, rows: Rows) -> list[Answers]:
        """The answers to encoded rows, for each output."""
        return [self._answers(head, rows) for head in self.heads]

    def _answers(self, head: Head, rows: Rows) -> Answers:
        answers = head.answers(rows)
        if head.classes:
            places = chosen(answers, head.threshold)
            values = [head.classes[place] for place in places]
            return Answers(head.column, head.name, values, head.classes, answers.tolist())
        numbers = answers[:, 0]
        bounds = head.interval(numbers)
        intervals = None
        if bounds is not None:
            intervals = list(zip(_shown(bounds[0], head), _shown(bounds[1], head), strict=True))
        return Answers(head.column, head.name, _shown(numbers, head), intervals=intervals)

    def with_facts(self, **facts: Any) -> "Predictor":
        """The same machine, of which more is known."""
        return replace(self, facts={**self.facts, **json.loads(json.dumps(facts))})


def _shown(numbers: Numbers, head: Head) -> list[Any]:
    if head.datatype == "FLOAT":
        shown: list[Any] = np.where(np.isfinite(numbers), numbers, 0.0).tolist()
        return shown
    return [moment_text(float(each), head.datatype) for each in numbers]
