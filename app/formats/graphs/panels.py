"""What is drawn in one panel: some lines of a table, on axes of their own, in series of one colour each."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.formats.graphs.columns import MISSING, OTHER, Column, Floats, Grouped, Measured

Trace = dict[str, Any]
Chosen = NDArray[np.bool_]
GREY = "#9aa0a6"
NORMAL_975 = 1.959963984540054


@dataclass(frozen=True)
class Data:
    """Columns by what they are for."""

    columns: Mapping[str, Column]
    count: int

    def take(self, chosen: Chosen) -> "Data":
        """Some of the lines."""
        return Data({slot: each.take(chosen) for slot, each in self.columns.items()}, int(chosen.sum()))

    def measured(self, slot: str) -> Measured:
        """A column of numbers."""
        column = self.columns[slot]
        assert isinstance(column, Measured)
        return column

    def grouped(self, slot: str) -> Grouped | None:
        """A column of groups, if the graph names one."""
        column = self.columns.get(slot)
        return column if isinstance(column, Grouped) else None

    def values(self, slot: str) -> NDArray[Any]:
        """The numbers of a column, or the places of its groups."""
        column = self.columns[slot]
        return column.codes if isinstance(column, Grouped) else column.numbers

    def shown(self, slot: str, values: NDArray[Any] | None = None) -> list[Any]:
        """Values of a column as a figure has them; all if none are given."""
        return self.columns[slot].shown(self.values(slot) if values is None else values)


@dataclass(frozen=True)
class Panel:
    """The lines of a panel, those of the whole graph, which fix its groups and edges, and how it looks."""

    data: Data
    whole: Data
    palette: tuple[str, ...]
    axes: Mapping[str, str]
    is_first: bool

    def colour(self, place: int | None) -> str:
        """The colour of a group."""
        colours = self.whole.grouped("color")
        if place is not None and colours and colours.names[place].rstrip("*") in {OTHER, MISSING}:
            return GREY
        return self.palette[(place or 0) % len(self.palette)]

    def trace(self, kind: str, series: "Series | None" = None, /, **attributes: Any) -> Trace:
        """A trace in this panel, in the legend once."""
        named: Trace = {"name": series.name, "legendgroup": series.name} if series and series.name else {}
        return {"type": kind, **named, "showlegend": bool(named) and self.is_first, **self.axes, **attributes}

    def series(self, *slots: str) -> Iterator["Series"]:
        """The lines of each group, or of each combination of groups, that the whole graph has."""
        columns = [(slot, column) for slot in slots if (column := self.whole.grouped(slot))]
        if not columns:
            yield Series("", np.ones(self.data.count, bool), {})
            return
        codes = np.stack([column.codes for _, column in columns], 1)
        for combination in np.unique(codes, axis=0):
            chosen = np.ones(self.data.count, bool)
            places = {}
            for (slot, _), code in zip(columns, combination, strict=True):
                chosen &= self.data.values(slot) == code
                places[slot] = int(code)
            names = [column.names[code] for (_, column), code in zip(columns, combination, strict=True)]
            yield Series(", ".join(dict.fromkeys(names)), chosen, places)


class Series(NamedTuple):
    """Lines that are drawn alike."""

    name: str
    chosen: Chosen
    places: Mapping[str, int]


class Means(NamedTuple):
    """The means of groups, and how far the 95 % confidence interval reaches on each side."""

    keys: NDArray[Any]
    means: Floats
    reach: Floats


def means(keys: NDArray[Any], values: Floats) -> Means:
    """For each key that occurs, in order."""
    unique, places = np.unique(keys, return_inverse=True)
    counts = np.maximum(np.bincount(places, minlength=len(unique)), 1)
    centres = np.bincount(places, values, len(unique)) / counts
    squares = np.bincount(places, (values - centres[places]) ** 2, len(unique))
    deviation = np.sqrt(squares / np.maximum(counts - 1, 1))
    factors = np.array([t_975(int(count) - 1) for count in counts])
    return Means(unique, centres, factors * deviation / np.sqrt(counts))


def t_975(freedom: int) -> float:
    """The 97.5 % quantile of Student's distribution: exact for 1 and 2, and within 1 % above."""
    if freedom < 1:
        return 0.0
    if freedom == 1:
        return 12.706204736174698
    if freedom == 2:
        return 4.302652729749464
    z, n = NORMAL_975, freedom
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def edges_of(numbers: Floats, *, most: int) -> Floats:
    """Edges at even distances, as many as suit the numbers; one bin if all are equal."""
    if not len(numbers):
        return np.array([0.0, 1.0])
    low, high = float(numbers.min()), float(numbers.max())
    apart = high - low
    if apart <= max(abs(low), abs(high)) * 1e-12:
        half = max(abs(low), 1.0) / 2
        return np.array([low - half, high + half])
    spread = float(np.subtract(*np.quantile(numbers, [0.75, 0.25])))
    width = 2 * spread / len(numbers) ** (1 / 3)
    wanted = apart / width if width > 0 else math.log2(len(numbers)) + 1
    return np.linspace(low, high, int(min(max(wanted, 5), most)) + 1)


def middles(edges: Floats) -> Floats:
    """Halfway between edges."""
    return (edges[:-1] + edges[1:]) / 2
