"""The columns of a table as graphs take them: as numbers along an axis, or as groups of lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.tabular.datatypes import Datatype

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DATED = frozenset({Datatype.DATE, Datatype.DATETIME})
# Beyond it squares and differences are no numbers any more.
NUMBER_MAX = 1e150
# So many values of a number are groups of their own; more are put between edges.
VALUES_MAX, BINS = 12, 6
MISSING, OTHER = "(missing)", "(other)"


@dataclass(frozen=True)
class Measured:
    """A number for each line: dates as seconds since 1970, times since midnight; NaN is missing."""

    name: str
    datatype: Datatype
    numbers: Floats

    @property
    def title(self) -> str:
        """What an axis of it is called."""
        return f"Length of {text(self.name)}" if self.datatype is Datatype.LANGUAGE else text(self.name)

    @property
    def is_dated(self) -> bool:
        """Whether an axis of it shows dates or times."""
        return self.datatype in DATED or self.datatype is Datatype.TIME

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which lines have a value."""
        return ~np.isnan(self.numbers)

    def take(self, chosen: NDArray[Any]) -> "Measured":
        """Some of its lines."""
        return Measured(self.name, self.datatype, self.numbers[chosen])

    def shown(self, numbers: Floats) -> list[Any]:
        """Numbers as values of a figure: on an axis of dates as ISO 8601 writes them."""
        if not self.is_dated:
            plain: list[Any] = numbers.tolist()
            return plain
        moments = np.round(numbers * 1000).astype("datetime64[ms]")
        unit = "D" if self.datatype is Datatype.DATE and not np.any(numbers % 86_400) else "ms"
        return [str(each) for each in moments.astype(f"datetime64[{unit}]")]

    def width(self, number: float) -> float:
        """A distance along an axis, which Plotly counts in milliseconds if it shows dates."""
        return number * 1000 if self.is_dated else number

    def axis(self) -> dict[str, Any]:
        """The axis."""
        axis: dict[str, Any] = {"title": {"text": self.title}, "type": "date" if self.is_dated else "linear"}
        return axis | ({"tickformat": "%H:%M"} if self.datatype is Datatype.TIME else {})


@dataclass(frozen=True)
class Grouped:
    """A group for each line, by its place among the names; every line has one."""

    name: str
    codes: Ints
    names: tuple[str, ...]
    joined: int = 0
    """How many rarer values stand together."""

    @property
    def title(self) -> str:
        """What an axis of it is called."""
        return text(self.name)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which lines have a group: all."""
        return np.ones(len(self.codes), bool)

    def take(self, chosen: NDArray[Any]) -> "Grouped":
        """Some of its lines."""
        return Grouped(self.name, self.codes[chosen], self.names, self.joined)

    def shown(self, numbers: NDArray[Any]) -> list[str]:
        """Groups as values of a figure."""
        return [self.names[int(each)] for each in numbers]

    def axis(self) -> dict[str, Any]:
        """The axis: the groups in their order."""
        order = {"categoryorder": "array", "categoryarray": list(self.names)}
        return {"title": {"text": self.title}, "type": "category", **order}


Column = Measured | Grouped


def text(name: str) -> str:
    """Somebody's text as figures take it: Plotly would read tags in it."""
    return escape(name, quote=False)


def measured(name: str, datatype: Datatype, cells: Sequence[Any]) -> Measured:
    """A column as numbers."""
    if datatype in DATED:
        dates = np.array([each or "NaT" for each in cells], dtype="datetime64[ms]")
        numbers = np.where(np.isnat(dates), np.nan, dates.astype(np.int64) / 1000)
    elif datatype is Datatype.TIME:
        numbers = np.array([np.nan if each is None else _seconds(each) for each in cells], np.float64)
    else:
        numbers = np.array([np.nan if each is None else each for each in cells], np.float64)
    return Measured(name, datatype, np.where(np.abs(numbers) > NUMBER_MAX, np.nan, numbers))


def _seconds(time: str) -> float:
    return 3600.0 * int(time[:2]) + 60 * int(time[3:5]) + float(time[6:] or 0)


def grouped(name: str, datatype: Datatype, cells: Sequence[Any], *, most: int) -> Grouped:
    """A column as groups: the most frequent values in order, the rest together, and missing ones at the end.

    Many different numbers are put between edges that have about as many lines on each side.
    """
    if datatype is not Datatype.LABEL:
        column = measured(name, datatype, cells)
        values = np.unique(column.numbers[column.present])
        if len(values) > min(most, VALUES_MAX):
            return _between_edges(column, min(most, BINS))
        places = np.searchsorted(values, column.numbers)
        return _finished(name, np.where(column.present, places, len(values)), _in_words(column, values), 0)
    texts = np.array([each if each is not None else "" for each in cells], dtype=object)
    present = np.array([each is not None for each in cells], bool)
    known, places, counts = _unique(texts[present])
    kept = sorted(sorted(range(len(known)), key=lambda at: (-counts[at], known[at]))[:most])
    place = {at: number for number, at in enumerate(kept)}
    joined = len(known) - len(kept)
    codes = np.full(len(cells), len(kept) + (joined > 0))
    codes[present] = [place.get(int(at), len(kept)) for at in places]
    names = [known[at] for at in kept]
    return _finished(name, codes, names + ([_unlike(OTHER, names)] if joined else []), joined)


def _unique(texts: NDArray[Any]) -> tuple[list[str], Ints, Ints]:
    values = sorted(set(texts.tolist()))
    place = {each: at for at, each in enumerate(values)}
    places = np.array([place[each] for each in texts.tolist()], np.int64)
    return values, places, np.bincount(places, minlength=len(values))


def _between_edges(column: Measured, most: int) -> Grouped:
    present = column.numbers[column.present]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, most + 1)))
    places = np.clip(np.searchsorted(edges[1:-1], column.numbers, side="left"), 0, len(edges) - 2)
    shown = _in_words(column, edges)
    names = [f"{low} – {high}" for low, high in pairwise(shown)]
    return _finished(column.name, np.where(column.present, places, len(names)), names, 0)


def _finished(name: str, codes: Ints, names: list[str], joined: int) -> Grouped:
    """With a group of missing values if there are any."""
    if np.any(codes == len(names)):
        names = [*names, _unlike(MISSING, names)]
    return Grouped(name, codes.astype(np.int64), tuple(map(text, names)), joined)


def _unlike(name: str, names: Sequence[str]) -> str:
    """A name that no value has."""
    return name if name not in names else _unlike(f"{name}*", names)


def _in_words(column: Measured, values: Floats) -> list[str]:
    """Values as the names of groups: short, but none like another."""
    shown = column.shown(values)
    if column.is_dated:
        return [each.removesuffix("T00:00:00.000").removesuffix(".000") for each in shown]
    names = [f"{each:.6g}" for each in shown]
    return names if len(set(names)) == len(names) else [repr(each) for each in shown]
