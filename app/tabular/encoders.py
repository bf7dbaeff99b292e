"""How the inputs of a machine become numbers, learned once from its rows and kept with it as plain numbers."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from app.tabular.cells import (
    DAY_S,
    MOMENTS,
    Cells,
    Numbers,
    is_missing,
    label_key,
    label_text,
    number_of,
    numbers_of,
    numeric_key,
    text_of,
    year_days,
)
from app.tabular.texts import Floats, counted, levelled, rarity

FORMAT_VERSION = 1
# Up to so many labels have a place of their own each; more share an embedding.
ONE_HOT_MAX = 9
LABELS_MAX = 250
MISSING, RARE, FIRST = 0, 1, 2
KNOTS = 33
OUTSIDE = 1e-9
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Warned:
    """What is odd about one cell of a row that was asked about."""

    row: int
    column: str
    kind: str
    message: str


@dataclass(frozen=True)
class Part:
    """A number of a column: where it lies, how far it spreads, and the values at equal shares of the rows."""

    median: float
    scale: float
    low: float
    high: float
    has_missing: bool
    knots: tuple[float, ...]

    @classmethod
    def fit(cls, values: Numbers) -> Self:
        """From the values of a column; what is not finite is missing."""
        known = values[np.isfinite(values)]
        if not len(known):
            return cls(0.0, 1.0, 0.0, 0.0, has_missing=True, knots=(0.0,))
        with np.errstate(over="ignore"):
            low, first, median, third, high = np.quantile(known / 4, (0, 0.25, 0.5, 0.75, 1)) * 4
            low, high = known.min(), known.max()
            scale = next((each for each in (third - first, (high - low) / 2) if 0 < each < np.inf), 1.0)
            knots = np.unique(np.quantile(known / 4, np.linspace(0, 1, KNOTS)) * 4)
        knots = knots[np.isfinite(knots)]
        return cls(
            float(median), float(scale), float(low), float(high), bool(len(known) < len(values)), tuple(knots.tolist())
        )

    def encode(self, values: Numbers) -> Floats:
        """Smoothly bounded, so that no outlier flattens the rest; a missing value lies in the middle."""
        with np.errstate(over="ignore", invalid="ignore"):
            far = np.clip(np.nan_to_num((values - self.median) / self.scale), -1e6, 1e6)
        return (far / np.sqrt(1 + (far / 3) ** 2)).astype(np.float32)

    def decode(self, encoded: Floats) -> Numbers:
        """The values again, as exactly as the bound leaves them."""
        level = np.clip(encoded.astype(np.float64) / 3, -1 + 1e-12, 1 - 1e-12)
        return level * 3 / np.sqrt(1 - level**2) * self.scale + self.median

    def rank(self, values: Numbers) -> Floats:
        """Where values lie among those of the rows, from -1 to 1; a missing one in the middle."""
        if len(self.knots) < 2:
            return np.zeros(len(values), np.float32)
        places = np.linspace(-1, 1, len(self.knots))
        return np.nan_to_num(np.interp(values, self.knots, places)).astype(np.float32)


@dataclass(frozen=True)
class Labels:
    """The labels of a column, each known by its key; those that were seen too seldom share one code."""

    classes: tuple[str, ...]
    rare: tuple[str, ...] = ()

    @classmethod
    def fit(cls, cells: Cells, *, count_min: int = 1, most: int = LABELS_MAX) -> Self:
        """The frequent labels first; of several spellings the most frequent is shown."""
        spellings: dict[str, Counter[str]] = {}
        for cell in cells:
            if (key := label_key(cell)) is not None:
                spellings.setdefault(key, Counter())[label_text(cell)] += 1
        ranked = sorted(spellings, key=lambda key: (-spellings[key].total(), key))
        kept = [key for key in ranked[:most] if spellings[key].total() >= count_min]
        shown = tuple(spellings[key].most_common(1)[0][0] for key in kept)
        return cls(shown, tuple(ranked[len(kept) :][:1000]))

    @cached_property
    def codes(self) -> dict[str, int]:
        """The code of each key, also of the number that a label is."""
        known = {label_key(shown) or "": FIRST + place for place, shown in enumerate(self.classes)}
        known |= {key: RARE for key in self.rare if key not in known}
        numbers = {}
        for key, code in known.items():
            if (number := number_of(key)) is not None and np.isfinite(number):
                numbers.setdefault(numeric_key(number), code)
        return numbers | known

    @cached_property
    def _spelled(self) -> dict[str | None, int]:
        """The code of each spelling that is shown, for most cells are spelled so."""
        return {**self.codes, **{shown: FIRST + place for place, shown in enumerate(self.classes)}, None: MISSING}

    @property
    def width(self) -> int:
        """How many codes there are."""
        return FIRST + len(self.classes)

    def code(self, cell: object) -> int | None:
        """The code of a cell; None if nobody knows the label."""
        key = label_key(cell)
        if key is None:
            return MISSING
        code = self.codes.get(key)
        if code is None and (number := number_of(key)) is not None and np.isfinite(number):
            code = self.codes.get(numeric_key(number))
        return code

    def encode(self, cells: Cells) -> tuple[Codes, list[int]]:
        """The codes of cells, and the positions of labels that nobody knows."""
        try:
            found = [self._spelled.get(cell) for cell in cells]
        except TypeError:  # a list or an object among them
            found = [None] * len(cells)
        unknown = []
        for place in [place for place, code in enumerate(found) if code is None]:
            code = self.code(cells[place])
            found[place] = MISSING if code is None else code
            if code is None:
                unknown.append(place)
        return np.array(found, np.int32), unknown

    def decode(self, code: int) -> str | None:
        """The label of a code, as it is shown."""
        return self.classes[code - FIRST] if code >= FIRST else None


@dataclass(frozen=True)
class Encoder:
    """How one input column becomes numbers."""

    column: str
    name: str
    datatype: str
    parts: tuple[Part, ...] = ()
    labels: Labels | None = None
    text_weights: tuple[float, ...] = ()

    def parts_of(self, values: Numbers) -> list[Numbers]:
        """The numbers of a column: one, or the parts of a date or a time."""
        return parts_of(values, self.datatype)


def parts_of(values: Numbers, datatype: str) -> list[Numbers]:
    """A number as it is; of a date the day, month and so on; of a time the hour."""
    if datatype == "FLOAT":
        return [np.where(np.isfinite(values), values, np.nan)]
    if datatype == "TIME":
        return [values / 3600]
    known = np.isfinite(values)
    days = np.floor(np.where(known, values, 0) / DAY_S).astype(np.int64)
    parts = [days.astype(float), *year_days(days)]
    if datatype == "DATETIME":
        parts.append((np.where(known, values, 0) - days * DAY_S) / 3600)
    return [np.where(known, part, np.nan) for part in parts]


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

    def encode(self, cells: Mapping[str, Cells], rows: int) -> tuple[Matrix, list[Warned]]:
        """Columns of cells, by the ids of their columns; a column that is not there is missing in all rows."""
        numbers: list[Numbers] = []
        codes: list[Codes] = []
        texts: list[Floats] = []
        warned: list[Warned] = []
        for encoder in self.encoders:
            given = cells.get(encoder.column)
            given = [None] * rows if given is None else given
            if encoder.labels is not None:
                found, unknown = encoder.labels.encode(given)
                codes.append(found)
                warned += [_unknown(encoder, place, given[place]) for place in unknown]
            elif encoder.text_weights:
                counts = counted([text_of(cell) for cell in given], len(encoder.text_weights))
                texts.append(levelled(counts, np.array(encoder.text_weights, np.float32)))
            else:
                values, wrong = numbers_of(given, encoder.datatype)
                parts = encoder.parts_of(values)
                numbers += parts
                warned += [_unreadable(encoder, place, given[place]) for place in wrong]
                warned += _outside(encoder, values, parts[0])
        matrix = Matrix(
            np.stack(numbers, 1) if numbers else np.zeros((rows, 0)),
            np.stack(codes, 1) if codes else np.zeros((rows, 0), np.int32),
            np.concatenate(texts, 1) if texts else np.zeros((rows, 0), np.float32),
        )
        return matrix, warned

    def dense(self, matrix: Matrix) -> Dense:
        """What a network takes."""
        numbers: list[Floats] = []
        wide: list[Floats] = []
        for part, values in zip(self.parts, matrix.numbers.T, strict=True):
            numbers.append(part.encode(values))
            if self.is_ranked:
                numbers.append(part.rank(values))
            if part.has_missing:
                wide.append(np.isnan(values).astype(np.float32))
        for place, labels in enumerate(self.labels):
            if place not in self.embedded:
                wide += list((matrix.codes[:, place, None] == np.arange(labels.width)).astype(np.float32).T)
        rows = len(matrix)
        narrow = np.stack(wide, 1) if wide else np.zeros((rows, 0), np.float32)
        return Dense(
            np.stack(numbers, 1) if numbers else np.zeros((rows, 0), np.float32),
            np.concatenate([narrow, matrix.texts], 1),
            matrix.codes[:, list(self.embedded)],
        )


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
