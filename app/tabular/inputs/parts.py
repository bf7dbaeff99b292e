"""What columns are made of: numbers with their spread, and labels with their codes."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from app.tabular.inputs.cells import DAY_S, Cells, Numbers, label_key, label_text, number_of, numeric_key, year_days
from app.tabular.inputs.texts import Floats

LABELS_MAX = 250
MISSING, RARE, FIRST = 0, 1, 2
KNOTS = 33
Codes = NDArray[np.int32]


def levelled_numbers(values: Numbers, low: Any, high: Any, median: Any, scale: Any) -> Floats:
    """Numbers around 0, between -3 and 3."""
    with np.errstate(over="ignore", invalid="ignore"):
        far = np.clip((np.clip(values, low, high) - median) / scale, -1e6, 1e6)
    far = np.where(np.isnan(far), 0.0, far)
    return (far / np.sqrt(1 + (far / 3) ** 2)).astype(np.float32)


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
        """Smoothly bounded, so that no outlier flattens the rest; a missing value lies in the middle.

        What lies outside of what was learned from counts as the nearest value that was.
        """
        return levelled_numbers(values, self.low, self.high, self.median, self.scale)

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
        numbers: dict[str, int] = {}
        for key, code in known.items():
            if (number := number_of(key)) is not None and np.isfinite(number):
                numbers.setdefault(numeric_key(number), code)
        return numbers | known

    @cached_property
    def _spelled(self) -> dict[str | None, int]:
        """The code of each spelling that is shown, for most cells are spelled so."""
        spelled: dict[str | None, int] = {None: MISSING}
        spelled.update(self.codes)
        spelled.update((shown, FIRST + place) for place, shown in enumerate(self.classes))
        return spelled

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
            codes = [self._spelled.get(cell) for cell in cells]
        except TypeError:  # a list or an object among them
            codes = [None] * len(cells)
        unknown = []
        for place in [place for place, code in enumerate(codes) if code is None]:
            code = self.code(cells[place])
            codes[place] = MISSING if code is None else code
            if code is None:
                unknown.append(place)
        return np.array(codes, np.int32), unknown

    def decode(self, code: int) -> str | None:
        """The label of a code, as it is shown."""
        return self.classes[code - FIRST] if code >= FIRST else None


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
