"""Shapes across longitude 180, cut into parts on either side as RFC 7946, section 3.1.9, asks."""

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

HALF, TURN = 180.0, 360.0
# Two neighbours that lie within one degree of the antimeridian, on different sides.
STEP = 359.0


def split(shape: BaseGeometry, *, by_steps: bool = True, moves: bool = False) -> BaseGeometry:
    """A polygon across the antimeridian as a MultiPolygon that ends there; every other shape as it is.

    It crosses where longitudes leave ±180, or `by_steps` where two neighbours lie on either side of it: no area that
    anybody draws goes the other way around the earth. What lies wholly beyond is moved to its place if wanted.
    """
    if not isinstance(shape, Polygon | MultiPolygon) or not _crosses(shape, by_steps=by_steps, moves=moves):
        return shape
    polygons = [_unwound(polygon) for polygon in shapely.get_parts(shape)]
    if not all(polygon.is_valid for polygon in polygons):
        return shape
    parts = [part for polygon in polygons for part in _cut(polygon)]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def joined(shape: BaseGeometry) -> BaseGeometry:
    """The parts on either side of the antimeridian side by side, beyond 180; every other shape as it is."""
    west, _, east, _ = shape.bounds
    # The two sides of the seam, and nothing in the middle of the map.
    if east - west <= HALF or not isinstance(shape, MultiPolygon):
        return shape
    parts = [translate(part, TURN) if part.bounds[0] < 0 else part for part in shape.geoms]
    return shapely.union_all(parts)


def centroid(shape: BaseGeometry) -> shapely.Point:
    """The centre, on the side of the antimeridian where it is."""
    centre = joined(shape).centroid
    return translate(centre, -TURN) if centre.x > HALF else centre


def _crosses(shape: BaseGeometry, *, by_steps: bool, moves: bool) -> bool:
    west, east = shape.bounds[0], shape.bounds[2]
    if not max(abs(west), abs(east)) <= HALF + TURN:  # also NaN
        return False
    if max(abs(west), abs(east)) > HALF:
        return moves or west < HALF < east or west < -HALF < east
    return by_steps and any(_steps(ring) for polygon in shapely.get_parts(shape) for ring in _rings(polygon))


def _steps(ring: BaseGeometry) -> bool:
    steps = abs(np.diff(shapely.get_coordinates(ring)[:, 0]))
    return bool((steps > STEP).any())


def _rings(polygon: Polygon) -> list[BaseGeometry]:
    return [polygon.exterior, *polygon.interiors]


def _unwound(polygon: Polygon) -> Polygon:
    """With longitudes that go on beyond 180 instead of starting again at -180."""
    start = shapely.get_coordinates(polygon.exterior)[0, 0]
    shell, *holes = (_ring(ring, start) for ring in _rings(polygon))
    return Polygon(shell, holes)


def _ring(ring: BaseGeometry, start: float) -> NDArray[np.float64]:
    coordinates: NDArray[np.float64] = shapely.get_coordinates(ring)
    coordinates[:, 0] = np.unwrap(coordinates[:, 0], period=TURN)
    coordinates[:, 0] -= TURN * np.round((coordinates[:, 0].mean() - start) / TURN)
    return coordinates


def _cut(polygon: Polygon) -> list[Polygon]:
    parts = []
    for turn in (-TURN, 0.0, TURN):
        within = polygon.intersection(shapely.box(turn - HALF, -90, turn + HALF, 90))
        moved = translate(within, -turn)
        parts += [part for part in shapely.get_parts(moved) if isinstance(part, Polygon) and part.area > 0]
    return parts
