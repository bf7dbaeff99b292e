"""Outlines of right angles only: from all steps of an outline down to a rectangle, one step fewer each time."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

# A rectangle has no step that could go, and with more sides than a house has it is noise that is followed.
SIDES_MIN, SIDES_MAX = 4, 14
# An edge that rises by more than this along both axes is a step of three sides, otherwise one side.
RISE_M_MIN = 0.3


class _Side(NamedTuple):
    """A line along an axis, at the weighted median of the edges that it stands for: (where, length) of each."""

    axis: int
    at: float
    edges: list[tuple[float, float]]

    @classmethod
    def of(cls, axis: int, edges: list[tuple[float, float]]) -> Self:
        places, lengths = np.array(sorted(edges)).T
        sums = lengths.cumsum()
        return cls(axis, float(places[np.searchsorted(sums, sums[-1] / 2)]), edges)

    def with_edges_of(self, other: Self) -> Self:
        """The one line for the edges of both."""
        return self.of(self.axis, self.edges + other.edges)


def rectilinear(level: BaseGeometry) -> Iterator[BaseGeometry]:
    """Polygons whose sides run along the axes, like the outside of an outline; those with most corners come first."""
    sides = _sides(np.asarray(level.exterior.coords))
    while len(sides) >= SIDES_MIN:
        corners = _corners(sides)
        if len(sides) <= SIDES_MAX:
            polygon = shapely.Polygon(corners)
            if polygon.is_valid and not polygon.is_empty:
                yield polygon
        if len(sides) == SIDES_MIN:
            return
        lengths = np.abs(np.roll(corners, -1, 0) - corners).sum(1)
        sides = _without(sides, int(lengths.argmin()))


def _sides(points: NDArray[np.float64]) -> list[_Side]:
    """The sides of all edges; neighbours on the same axis become one."""
    sides: list[_Side] = []
    for (x, y), (end_x, end_y) in pairwise(points.tolist()):
        for side in _of_edge(x, y, end_x, end_y):
            if sides and sides[-1].axis == side.axis:
                sides[-1] = sides[-1].with_edges_of(side)
            else:
                sides.append(side)
    if len(sides) > 1 and sides[0].axis == sides[-1].axis:
        sides[0] = sides[0].with_edges_of(sides.pop())
    return sides


def _of_edge(x: float, y: float, end_x: float, end_y: float) -> list[_Side]:
    """An edge as a side on the axis it is nearest to, or as a step if it slants."""
    across, along = abs(end_x - x), abs(end_y - y)
    if min(across, along) > RISE_M_MIN:
        half = across / 2
        return [
            _Side(0, y, [(y, half)]),
            _Side(1, (x + end_x) / 2, [((x + end_x) / 2, along)]),
            _Side(0, end_y, [(end_y, half)]),
        ]
    if across >= along:
        return [_Side(0, (y + end_y) / 2, [((y + end_y) / 2, across)])]
    return [_Side(1, (x + end_x) / 2, [((x + end_x) / 2, along)])]


def _corners(sides: list[_Side]) -> NDArray[np.float64]:
    """Where each side meets the one before."""
    return np.array(
        [
            (side.at, before.at) if side.axis else (before.at, side.at)
            for before, side in zip(sides[-1:] + sides[:-1], sides, strict=True)
        ]
    )


def _without(sides: list[_Side], index: int) -> list[_Side]:
    """The sides without one: those before and after it become one."""
    _, after, *others, before = sides[index:] + sides[:index]
    return [before.with_edges_of(after), *others]
