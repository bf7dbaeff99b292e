"""How the inputs of a machine become numbers, learned once from its rows and kept with it as plain numbers."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from app.tabular.inputs.cells import MOMENTS, Cells, Numbers, is_missing, numbers_of, text_of
from app.tabular.inputs.parts import Codes, Labels, Part, levelled_numbers, parts_of
from app.tabular.inputs.texts import Floats, counted, levelled, rarity

FORMAT_VERSION = 1
# Up to so many labels have a place of their own each; more share an embedding.
ONE_HOT_MAX = 9


@dataclass(frozen=True)
class Warned:
    """What is odd about one cell of a row that was asked about."""

    row: int
    column: str
    kind: str
    message: str


@dataclass(frozen=True)
class Encoder:
    """How one input column becomes numbers."""

    column: str
    name: str
    datatype: str
    parts: tuple[Part, ...] = ()
    labels: Labels | None = None
    text_weights: tuple[float, ...] = ()


@dataclass(frozen=True)
class Matrix:
    """Encoded rows: numbers with NaN for missing, codes of labels, and texts."""

    numbers: Numbers
    codes: Codes
    texts: Floats

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: NDArray[np.int64]) -> "Matrix":
        """Some of the rows."""
        return Matrix(self.numbers[rows], self.codes[rows], self.texts[rows])


@dataclass(frozen=True)
class Dense:
    """Rows as a network takes them: `numbers` may be embedded, `wide` are taken as they are."""

    numbers: Floats
    wide: Floats
    indexes: Codes


@dataclass(frozen=True)
class Encoders:
    """The encoders of all inputs of a machine, in the order of its columns."""

    encoders: tuple[Encoder, ...] = field(default=())
    is_ranked: bool = True

    @classmethod
    def fit(
        cls, columns: Sequence[Mapping[str, Any]], cells: Sequence[Cells], *, text_width: int, is_ranked: bool
    ) -> Self:
        """From the rows that are learned from; columns without any value are left out."""
        fitted = (_fit(column, each, text_width) for column, each in zip(columns, cells, strict=True))
        return cls(tuple(each for each in fitted if each is not None), is_ranked)

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"format_version": FORMAT_VERSION, **asdict(self)}

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Self:
        """From JSON."""
        if plain.get("format_version") != FORMAT_VERSION:
            raise ValueError("These encoders were written by another version.")
        return cls(tuple(_read(each) for each in plain["encoders"]), plain["is_ranked"])

    @property
    def sha256(self) -> str:
        """By what weights know the encoders that they were learned with."""
        return hashlib.sha256(json.dumps(self.plain(), sort_keys=True).encode()).hexdigest()

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The numbers, in the order of the matrix."""
        return tuple(part for encoder in self.encoders for part in encoder.parts)

    @cached_property
    def labels(self) -> tuple[Labels, ...]:
        """The labels, in the order of the matrix."""
        return tuple(encoder.labels for encoder in self.encoders if encoder.labels is not None)

    @cached_property
    def embedded(self) -> tuple[int, ...]:
        """Which labels are embedded."""
        return tuple(place for place, labels in enumerate(self.labels) if len(labels.classes) > ONE_HOT_MAX)

    @cached_property
    def text_width(self) -> int:
        """How many numbers stand for texts."""
        return sum(len(encoder.text_weights) for encoder in self.encoders)

    def names_of(self, encoder: Encoder) -> list[str]:
        """What becomes of an input, in words."""
        if encoder.labels is not None:
            return ["EMBEDDING" if len(encoder.labels.classes) > ONE_HOT_MAX else "ONE_HOT"]
        if encoder.text_weights:
            return ["HASHED_N_GRAMS"]
        names = ["ROBUST_SCALER"] if encoder.datatype == "FLOAT" else ["CALENDAR", "ROBUST_SCALER"]
        names += ["RANK"] if self.is_ranked else []
        return [*names, "IS_NONE"] if any(part.has_missing for part in encoder.parts) else names

    def encode(self, cells: Mapping[str, Cells], rows: int) -> tuple[Matrix, list[Warned]]:
        """Columns of cells, by the ids of their columns; a column that is not there is missing in all rows."""
        numbers: list[Numbers] = []
        codes: list[Codes] = []
        texts: list[Floats] = []
        warned: list[Warned] = []
        for encoder in self.encoders:
            column = cells.get(encoder.column)
            column = [None] * rows if column is None else column
            if encoder.labels is not None:
                column_codes, unknown = encoder.labels.encode(column)
                codes.append(column_codes)
                warned += [_unknown(encoder, place, column[place]) for place in unknown]
            elif encoder.text_weights:
                counts = counted([text_of(cell) for cell in column], len(encoder.text_weights))
                texts.append(levelled(counts, np.array(encoder.text_weights, np.float32)))
            else:
                values, wrong = numbers_of(column, encoder.datatype)
                parts = parts_of(values, encoder.datatype)
                numbers += parts
                warned += [_unreadable(encoder, place, column[place]) for place in wrong]
                warned += _outside(encoder, values, parts[0])
        matrix = Matrix(
            np.stack(numbers, 1) if numbers else np.zeros((rows, 0)),
            np.stack(codes, 1) if codes else np.zeros((rows, 0), np.int32),
            np.concatenate(texts, 1) if texts else np.zeros((rows, 0), np.float32),
        )
        return matrix, warned

    def dense(self, matrix: Matrix) -> Dense:
        """What a network takes: the numbers, then their ranks; flags of missing ones, labels in places of their own."""
        rows = len(matrix)
        flags = np.isnan(matrix.numbers[:, self._flagged]).astype(np.float32)
        numbers = self._level(matrix.numbers)
        if self.is_ranked and self.parts:
            ranks = [part.rank(values) for part, values in zip(self.parts, matrix.numbers.T, strict=True)]
            numbers = np.concatenate([numbers, np.stack(ranks, 1)], 1)
        places, width = self._one_hot
        wide = np.zeros((rows, width), np.float32)
        for place, first in places:
            wide[np.arange(rows), first + matrix.codes[:, place]] = 1
        return Dense(numbers, np.concatenate([flags, wide, matrix.texts], 1), matrix.codes[:, list(self.embedded)])

    @cached_property
    def _flagged(self) -> list[int]:
        """Which numbers were missing in some rows."""
        return [place for place, part in enumerate(self.parts) if part.has_missing]

    @cached_property
    def _one_hot(self) -> tuple[list[tuple[int, int]], int]:
        """The labels that have a place for each code, and where these begin; and how many there are."""
        places, width = [], 0
        for place, labels in enumerate(self.labels):
            if place not in self.embedded:
                places.append((place, width))
                width += labels.width
        return places, width

    @cached_property
    def _levels(self) -> Numbers:
        """The least, the greatest, the median and the scale of each number."""
        return np.array([(part.low, part.high, part.median, part.scale) for part in self.parts]).reshape(-1, 4).T

    def _level(self, values: Numbers) -> Floats:
        """All numbers at once, each as its part encodes it."""
        return levelled_numbers(values, *self._levels)


def _fit(column: Mapping[str, Any], cells: Cells, text_width: int) -> Encoder | None:
    known = sum(not is_missing(cell) for cell in cells)
    if not known:
        return None
    identity = (str(column["id"]), str(column.get("name", column["id"])), str(column["datatype"]))
    datatype = identity[2]
    if datatype == "LABEL":
        return Encoder(*identity, labels=Labels.fit(cells, count_min=2 if len(cells) < 2000 else 4))
    if datatype in {"LANGUAGE", "JSON"}:
        weights = rarity(counted([text_of(cell) for cell in cells], text_width))
        return Encoder(*identity, text_weights=tuple(np.round(weights.astype(float), 6).tolist()))
    if datatype != "FLOAT" and datatype not in MOMENTS:
        return None
    values, _ = numbers_of(cells, datatype)
    parts = tuple(Part.fit(part) for part in parts_of(values, datatype))
    return Encoder(*identity, parts=parts) if np.isfinite(values).any() else None


def _read(plain: Mapping[str, Any]) -> Encoder:
    parts = tuple(Part(**{**part, "knots": tuple(part["knots"])}) for part in plain["parts"])
    labels = plain["labels"]
    known = None if labels is None else Labels(tuple(labels["classes"]), tuple(labels["rare"]))
    return Encoder(
        plain["column"], plain["name"], plain["datatype"], parts, known, tuple(map(float, plain["text_weights"]))
    )


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _unknown(encoder: Encoder, row: int, value: object) -> Warned:
    message = f'"{_shown(value)}" was never seen in {encoder.name}. It counts as missing.'
    return Warned(row, encoder.column, "UNKNOWN_LABEL", message)


def _unreadable(encoder: Encoder, row: int, value: object) -> Warned:
    what = {"FLOAT": "a number", "DATE": "a date", "TIME": "a time of day"}.get(encoder.datatype, "a date and a time")
    message = f'"{_shown(value)}" in {encoder.name} is not {what}. It counts as missing.'
    return Warned(row, encoder.column, "UNREADABLE", message)


def _outside(encoder: Encoder, values: Numbers, first: Numbers) -> list[Warned]:
    part = encoder.parts[0]
    warned = [
        Warned(int(row), encoder.column, "NOT_FINITE", f"{encoder.name} is infinite. It counts as missing.")
        for row in np.flatnonzero(np.isinf(values))
    ]
    for row in np.flatnonzero((first < part.low) | (first > part.high)):
        message = f"{encoder.name} lies outside of what was learned from."
        if encoder.datatype == "FLOAT":
            message = (
                f"{values[row]:g} lies outside of what {encoder.name} was learned with, {part.low:g} to {part.high:g}."
            )
        warned.append(Warned(int(row), encoder.column, "OUT_OF_RANGE", message))
    return warned
