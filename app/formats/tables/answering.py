"""Rows by the names of columns, answered by a machine in memory: its outputs, how sure they are, and what was odd."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np

from app.errors import quoted
from app.formats.tables.columns.values import Unfitting, ValueReader
from app.formats.tables.notation import numbers
from app.limits.automl import PROBABILITIES_MAX
from app.tabular.datatypes import Datatype
from app.tabular.inputs.encoders import Warned
from app.tabular.predictor import Answers, Predictor

SHOWN_LENGTH_MAX = 40
AS_THEY_ARE = {Datatype.FLOAT: frozenset({int, float, type(None)})}


class CellIssue(Enum):
    """What is odd about a cell that a machine was asked about. It was answered all the same.

    OUT_OF_RANGE: A number outside what the machine has learned from.
    UNKNOWN_LABEL: A label that the machine has not learned.
    UNREADABLE: A value that does not fit the datatype.
    NOT_FINITE: A number that is infinite or not a number.
    """

    OUT_OF_RANGE = "OUT_OF_RANGE"
    UNKNOWN_LABEL = "UNKNOWN_LABEL"
    UNREADABLE = "UNREADABLE"
    NOT_FINITE = "NOT_FINITE"


class CellWarning(NamedTuple):
    """What is odd about one cell, by the name of its column."""

    column: str
    issue: CellIssue
    message: str


@dataclass
class SolvedRow:
    """What a machine says of one row, by the names of its outputs."""

    outputs: dict[str, Any] = field(default_factory=dict)
    probabilities: dict[str, dict[str, float]] = field(default_factory=dict)
    intervals: dict[str, list[Any]] = field(default_factory=dict)
    warnings: list[CellWarning] = field(default_factory=list)


@dataclass(frozen=True)
class Answerer:
    """A machine in memory, and how the values of its columns are read: by their settled formats."""

    predictor: Predictor
    readers: Mapping[str, ValueReader]

    @classmethod
    def of(cls, predictor: Predictor, columns: Iterable[dict[str, Any]], *, is_typed: bool = False) -> Self:
        """With the columns of the machine, as they are stored; whether cells come from a format that has numbers."""
        return cls(predictor, {each["name"]: ValueReader.of(each)._replace(is_typed=is_typed) for each in columns})

    @cached_property
    def inputs(self) -> dict[str, str]:
        """The names of the columns that it looks at, by their ids."""
        return dict(self.predictor.inputs)

    @cached_property
    def outputs(self) -> list[str]:
        """The names of its outputs."""
        return [head.name for head in self.predictor.heads]

    def solve(self, rows: Sequence[Mapping[str, Any]]) -> list[SolvedRow]:
        """An answer for each row, in their order. What is not in a row, and what cannot be read, is missing."""
        solved = [SolvedRow() for _ in rows]
        if not rows:
            return solved
        cells, warned = self._cells(rows)
        encoded, odd = self.predictor.encoded(cells, len(rows))
        for each in (*warned, *odd):
            warning = CellWarning(self.inputs[each.column], CellIssue(each.kind), each.message)
            solved[each.row].warnings.append(warning)
        for answers in self.predictor.answers_of(encoded):
            _tell(answers, solved)
        return solved

    def cells_of(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The cells of one row by the ids of columns, as the machine takes them."""
        cells, _ = self._cells([row])
        return {column: each[0] for column, each in cells.items()}

    def _cells(self, rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Sequence[Any]], list[Warned]]:
        cells: dict[str, Sequence[Any]] = {}
        warned: list[Warned] = []
        for column, name in self.inputs.items():
            values = [row.get(name) for row in rows]
            reader = self.readers.get(name) or ValueReader(name, Datatype.LABEL)
            if set(map(type, values)) <= AS_THEY_ARE.get(reader.datatype, frozenset()):
                cells[column] = values
            else:
                cells[column] = _read(column, reader, values, warned)
        return cells, warned


def _read(column: str, reader: ValueReader, cells: Sequence[Any], warned: list[Warned]) -> list[Any]:
    """Values as lines keep them; equal texts are read once."""
    known: dict[str, Any] = {}
    values = []
    for row, value in enumerate(cells):
        if isinstance(value, str) and value in known:
            values.append(known[value])
            continue
        read, odd = _one(column, reader, row, value)
        if odd is not None:
            warned.append(odd)
        elif isinstance(value, str):
            known[value] = read
        values.append(read)
    return values


def _one(column: str, reader: ValueReader, row: int, value: Any) -> tuple[Any, Warned | None]:
    try:
        read = reader.value(value)
    except Unfitting as unfitting:
        message = f"{_shown(value)} in {quoted(reader.name)} is not {unfitting}. It counts as missing."
        return None, Warned(row, column, CellIssue.UNREADABLE.value, message)
    if read is None and reader.datatype is Datatype.FLOAT and _is_infinite(value):
        message = f"{_shown(value)} in {quoted(reader.name)} is infinite. It counts as missing."
        return None, Warned(row, column, CellIssue.NOT_FINITE.value, message)
    return read, None


def _is_infinite(value: Any) -> bool:
    if isinstance(value, str):
        return numbers.is_infinite(value.strip())
    if isinstance(value, int | float):
        return value == value  # noqa: PLR0124 -- NaN is only missing
    return False


def _shown(value: Any) -> str:
    text = str(value)[: SHOWN_LENGTH_MAX + 1] if isinstance(value, str | float) else type(value).__name__
    return quoted(text if len(text) <= SHOWN_LENGTH_MAX else f"{text[: SHOWN_LENGTH_MAX - 1]}…")


def _tell(answers: Answers, solved: Sequence[SolvedRow]) -> None:
    """Adds the answers of one output to the rows."""
    name = answers.name
    for row, value in zip(solved, answers.values, strict=True):
        row.outputs[name] = value
    if answers.probabilities is not None:
        for row, odds in zip(solved, answers.probabilities, strict=True):
            row.probabilities[name] = _likeliest(answers.classes, odds)
    if answers.intervals is not None:
        for row, (low, high) in zip(solved, answers.intervals, strict=True):
            row.intervals[name] = [low, high]


def _likeliest(classes: Sequence[str], odds: Sequence[float]) -> dict[str, float]:
    if len(classes) <= PROBABILITIES_MAX:
        return dict(zip(classes, odds, strict=True))
    best = np.argsort(-np.asarray(odds), kind="stable")[:PROBABILITIES_MAX]
    return {classes[place]: odds[place] for place in best}
