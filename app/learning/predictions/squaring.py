"""Square corners: turning the edges of an outline onto the main directions of its building."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import cos, hypot, pi, radians, sin

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from app.learning.predictions.rectilinear import rectilinear

QUARTER = pi / 2
# Rather the outline as it was found than one that moved more of its ground than this.
AREA_CHANGE_MAX = 0.2
# A round hut has a third to a half of its outline near any pair of directions; a building with corners far more.
ALIGNED_SHARE_MIN = 0.6
# Of the area of a circle with the same outline: a square has 0.79 of it, a hut more.
ROUND_SHARE_MIN = 0.88
# A network rounds corners off. A slanting edge is a rounded corner up to this share of the side of a square building.
SLANT_SHARE_MAX = 0.25
PARALLEL = sin(radians(10))
# An outline that fills so much of the box around it is that box, unless a notch in it is wide.
BOX_SHARE_MIN = 0.8
# No building has a corner below 40°, and one below 20° is nothing but a whisker.
NEEDLE, WHISKER = cos(radians(40.5)), cos(radians(20))
# A corner is worth it if it tells this share of the ground of a building of so many square metres, and one that is not
# square if it tells more: with less, outlines follow noise, with more, they lose ground that is the building's.
COST_M2, COST_POWER = 60.0, 0.7
CORNER_COST, SLANT_COST = 0.004, 0.010
SQUARE = sin(radians(5))
SAME_DIRECTION = radians(1)
# What sticks out by more than this share of the side of a square building is a part of it.
PART_SHARE_MAX = 0.2


def squared(
    polygon: BaseGeometry, *, max_angle_change_deg: float, skew_tolerance_deg: float, step_m: float
) -> BaseGeometry:
    """The polygon with right angles, as far as its ground allows.

    Its edges turn by at most `max_angle_change_deg` onto its two main directions, if most of its outline lies within
    `skew_tolerance_deg` of them. Steps shorter than `step_m` are evened out, and so are cut corners that are short for
    such a building. Unless one of both limits is 0, it becomes a shape of right angles only where such a shape is
    nearly the same ground and is simpler.
    """
    if 4 * pi * polygon.area > ROUND_SHARE_MIN * polygon.length**2:
        return polygon
    turned = _turned_shape(polygon, radians(max_angle_change_deg), radians(skew_tolerance_deg), step_m)
    shape = polygon if turned is None else turned
    if not max_angle_change_deg or not skew_tolerance_deg:
        return shape
    most = _cost(polygon, shape)
    part_m = max(step_m, PART_SHARE_MAX * polygon.area**0.5)
    others = [(_cost(polygon, other), other) for other in _rectilinear_shapes(polygon, radians(skew_tolerance_deg))]
    simpler = sorted((each for each in others if each[0] < most), key=lambda each: each[0])
    return next((other for _, other in simpler if _is_like(polygon, other, part_m)), shape)


def _cost(polygon: BaseGeometry, shape: BaseGeometry) -> float:
    """How much ground a shape changes, and how far it is from simple, as a share of the polygon's ground.

    Corners cost less of a large building, which has more of them.
    """
    changed = shapely.symmetric_difference(polygon, shape).area / polygon.area
    cosines = np.concatenate([_cosines(_points(ring)) for ring in (shape.exterior, *shape.interiors)])
    corners = CORNER_COST * len(cosines) + SLANT_COST * np.count_nonzero(np.abs(cosines) > SQUARE)
    return float(changed + corners * (COST_M2 / polygon.area) ** COST_POWER)


def _turned_shape(
    polygon: BaseGeometry, max_angle_change: float, skew_tolerance: float, step_m: float
) -> BaseGeometry | None:
    """The polygon with its edges turned; None if that is not possible, or would change much."""
    for tolerance_m in (0.0, step_m, 1.5 * step_m):
        # Of a frayed outline only its coarse shape shows the directions.
        coarse = shapely.simplify(polygon, tolerance_m, preserve_topology=True) if tolerance_m else polygon
        result = _turned(coarse, max_angle_change, skew_tolerance, step_m)
        if result is not None and _change(polygon, result) <= AREA_CHANGE_MAX * polygon.area:
            return result
    return None


def _rectilinear_shapes(polygon: BaseGeometry, skew_tolerance: float) -> Iterator[BaseGeometry]:
    """Shapes of right angles only, along each of what may be the main directions."""
    middle = polygon.centroid
    tried: list[float] = []
    for direction in _directions(polygon, skew_tolerance):
        if all(abs(_away(np.array(direction - other))) >= SAME_DIRECTION for other in tried):
            tried.append(direction)
            level = affinity.rotate(polygon, -direction, origin=middle, use_radians=True)
            courtyards = [_courtyard(ring) for ring in level.interiors]
            for shape in rectilinear(level):
                whole = shapely.Polygon(shape.exterior, courtyards)
                if whole.is_valid:
                    yield affinity.rotate(whole, direction, origin=middle, use_radians=True)


def _courtyard(ring: BaseGeometry) -> BaseGeometry:
    """The ring of a courtyard with sides along the axes: of its shapes, the one that costs least."""
    ground = shapely.Polygon(ring)
    return min(rectilinear(ground), key=lambda shape: _cost(ground, shape), default=ground).exterior


def _is_like(polygon: BaseGeometry, shape: BaseGeometry, part_m: float) -> bool:
    """Whether a shape changes little, and nowhere leaves the polygon by the width of a part of a building."""
    changed = shapely.symmetric_difference(polygon, shape)
    is_like = changed.area <= AREA_CHANGE_MAX * polygon.area
    return bool(is_like and changed.buffer(-part_m / 2, join_style="mitre").is_empty)


def _directions(polygon: BaseGeometry, skew_tolerance: float) -> tuple[float, float, float]:
    """What may be the main direction: by most of the edges, by the whole outline, and by the box around it."""
    edges = np.diff(np.asarray(polygon.exterior.coords), axis=0)
    turns = np.radians(np.arange(0, 90, 2.0))[:, None]
    # The way around a building that may only go along two axes is shortest if these are its main directions.
    angles = np.arctan2(edges[:, 1], edges[:, 0]) - turns
    ways = (np.hypot(*edges.T) * (np.abs(np.cos(angles)) + np.abs(np.sin(angles)))).sum(1)
    box = np.asarray(shapely.minimum_rotated_rectangle(polygon).exterior.coords)
    across, along = box[1] - box[0]
    voted, _ = _main_direction(polygon, skew_tolerance)
    return voted, float(turns[ways.argmin(), 0]), float(np.arctan2(along, across) % QUARTER)


def _change(polygon: BaseGeometry, result: BaseGeometry) -> float:
    """How much ground is another building's, or none's, afterwards."""
    return float(max(abs(result.area - polygon.area), shapely.symmetric_difference(result, polygon).area))


def _turned(
    polygon: BaseGeometry, max_angle_change: float, skew_tolerance: float, step_m: float
) -> BaseGeometry | None:
    """The polygon with its edges turned; None if too few of them run along its main directions, or if it breaks."""
    direction, aligned = _main_direction(polygon, skew_tolerance)
    if aligned < ALIGNED_SHARE_MIN:
        return None
    middle = polygon.centroid
    level = affinity.rotate(polygon, -direction, origin=middle, use_radians=True)
    slant_m = max(step_m, SLANT_SHARE_MAX * polygon.area**0.5)
    if max_angle_change and _is_box(level, slant_m):
        return affinity.rotate(shapely.box(*level.bounds), direction, origin=middle, use_radians=True)
    rings = [_ring(ring.coords, max_angle_change, step_m, slant_m) for ring in (level.exterior, *level.interiors)]
    if any(len(ring) < 3 for ring in rings):
        return None
    result = affinity.rotate(shapely.Polygon(rings[0], rings[1:]), direction, origin=middle, use_radians=True)
    return result if result.is_valid and not result.is_empty else None


def _is_box(level: BaseGeometry, notch_m: float) -> bool:
    """Whether an outline along the axes is a rectangle but for rounded corners and small notches."""
    box = shapely.box(*level.bounds)
    if level.interiors or level.area < BOX_SHARE_MIN * box.area:
        return False
    return bool(shapely.difference(box, level).buffer(-notch_m / 2, join_style="mitre").is_empty)


def without_needles(polygon: BaseGeometry) -> BaseGeometry:
    """The polygon without its sharpest corners, which no building has: whiskers go, and other tips are cut."""
    rings = [_blunt(_points(ring)) for ring in (polygon.exterior, *polygon.interiors)]
    result = shapely.Polygon(rings[0], rings[1:]) if all(len(ring) >= 3 for ring in rings) else shapely.Polygon()
    if result.is_valid and not result.is_empty:
        return result
    box = shapely.minimum_rotated_rectangle(polygon)
    share = (polygon.area / box.area) ** 0.5
    return affinity.scale(box, share, share)


def _points(ring: BaseGeometry) -> NDArray[np.float64]:
    """The corners of a ring, the first one once."""
    return np.asarray(ring.coords)[:-1]


def _cosines(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the angles at the corners of a ring."""
    before, after = np.roll(points, 1, 0) - points, np.roll(points, -1, 0) - points
    lengths = np.maximum(np.hypot(*before.T) * np.hypot(*after.T), np.finfo(np.float64).tiny)
    cosines: NDArray[np.float64] = (before * after).sum(1) / lengths
    return cosines


def _blunt(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A ring without corners below the least angle; fewer than three points if nothing of it is left."""
    while len(points) >= 3:
        cosines = _cosines(points)
        sharpest = int(cosines.argmax())
        if cosines[sharpest] <= NEEDLE:
            return points
        tip = np.zeros((0, 2))
        if cosines[sharpest] < WHISKER:
            sides = points[[sharpest - 1, (sharpest + 1) % len(points)]] - points[sharpest]
            reach = np.hypot(*sides.T)
            tip = points[sharpest] + sides / reach[:, None] * reach.min() / 3
        points = np.concatenate([points[:sharpest], tip, points[sharpest + 1 :]])
    return points


def _main_direction(polygon: BaseGeometry, tolerance: float) -> tuple[float, float]:
    """The angle, between 0 and 90°, along which and across which most of the outline runs, and the share that does."""
    edges = np.concatenate(
        [np.diff(np.asarray(ring.coords), axis=0) for ring in (polygon.exterior, *polygon.interiors)]
    )
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    angles = np.arctan2(edges[:, 1], edges[:, 0]) % QUARTER
    away = _away(angles[None, :] - angles[:, None])
    # Long edges near a candidate vote for it, the nearer the more.
    votes = (lengths * np.clip(1 - np.abs(away) / max(tolerance, radians(1)), 0, None)).sum(1)
    best = int(votes.argmax())
    near = np.abs(away[best]) <= tolerance
    direction = angles[best] + np.average(away[best][near], weights=lengths[near])
    aligned = lengths[np.abs(_away(angles - direction)) <= tolerance].sum() / lengths.sum()
    return float(direction), float(aligned)


def _away(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far angles are from the nearest multiple of 90°, −45° … 45°."""
    return (angles + QUARTER / 2) % QUARTER - QUARTER / 2


@dataclass
class _Edge:
    """The line a·x + b·y = c through an edge, and the part of it that was there; `axis` is None for a slanting one."""

    axis: int | None
    a: float
    b: float
    c: float
    length: float
    start: tuple[float, float]
    end: tuple[float, float]

    def foot(self, x: float, y: float) -> tuple[float, float]:
        """The nearest point of the line."""
        away = self.a * x + self.b * y - self.c
        return x - away * self.a, y - away * self.b


def _ring(coordinates: object, max_angle_change: float, step_m: float, slant_m: float) -> list[tuple[float, float]]:
    """A ring whose main directions are the axes, rebuilt from the lines its edges lie on."""
    points = [(float(x), float(y)) for x, y in np.asarray(coordinates)]
    edges = [_edge(start, end, max_angle_change) for start, end in pairwise(points)]
    long = [edge for edge in edges if edge.length >= (slant_m if edge.axis is None else step_m)]
    edges = _merged(long if len(long) >= 3 else edges, step_m)
    return [
        corner for before, edge in zip(edges[-1:] + edges[:-1], edges, strict=True) for corner in _corner(before, edge)
    ]


def _edge(start: tuple[float, float], end: tuple[float, float], max_angle_change: float) -> _Edge:
    x, y = end[0] - start[0], end[1] - start[1]
    length = hypot(x, y)
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    reach = sin(max_angle_change) * length
    if abs(y) <= reach and abs(y) <= abs(x):
        return _Edge(0, 0.0, 1.0, middle[1], length, start, end)
    if abs(x) <= reach:
        return _Edge(1, 1.0, 0.0, middle[0], length, start, end)
    a, b = -y / length, x / length
    return _Edge(None, a, b, a * middle[0] + b * middle[1], length, start, end)


def _merged(edges: list[_Edge], step_m: float) -> list[_Edge]:
    """Neighbours on nearly the same line become one, the longer with the greater say."""
    merged: list[_Edge] = []
    # Begin at a corner, so that no run of equal edges is cut in two by the ring's arbitrary start.
    turns = [index for index, edge in enumerate(edges) if edge.axis is None or edge.axis != edges[index - 1].axis]
    first = turns[0] if turns else 0
    for edge in edges[first:] + edges[:first]:
        last = merged[-1] if merged else None
        if last is None or edge.axis is None or last.axis != edge.axis or abs(last.c - edge.c) >= step_m:
            merged.append(edge)
            continue
        length = last.length + edge.length
        c = (last.c * last.length + edge.c * edge.length) / length
        merged[-1] = _Edge(edge.axis, edge.a, edge.b, c, length, last.start, edge.end)
    return merged


def _corner(before: _Edge, after: _Edge) -> list[tuple[float, float]]:
    """Where two edges meet: a corner, or a step between two that run side by side."""
    turn = before.a * after.b - before.b * after.a
    if abs(turn) < PARALLEL:
        between = (before.end[0] + after.start[0]) / 2, (before.end[1] + after.start[1]) / 2
        return [before.foot(*between), after.foot(*between)]
    return [((before.c * after.b - before.b * after.c) / turn, (before.a * after.c - before.c * after.a) / turn)]
