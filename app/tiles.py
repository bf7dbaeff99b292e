"""Web Mercator tiles: which of them a shape touches, and where they lie.

Tiles are named as in XYZ services: (0, 0) is the north-west corner of the world, y grows to the south.
"""

from math import asinh, atan, cos, degrees, floor, pi, radians, sinh, tan
from typing import NamedTuple

import shapely
from shapely.geometry.base import BaseGeometry

PIXELS = 256
LATITUDE_MAX = 85.0511287798066
EQUATOR_M = 40_075_016.68557849


class Tile(NamedTuple):
    """One square of the pyramid at zoom `z`."""

    z: int
    x: int
    y: int

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        return (*_corner(self.z, self.x, self.y + 1), *_corner(self.z, self.x + 1, self.y))

    def ancestor(self, zoom: int) -> "Tile":
        """The tile of a lower zoom that contains this one."""
        up = self.z - zoom
        return Tile(zoom, self.x >> up, self.y >> up)


def _corner(z: int, x: float, y: float) -> tuple[float, float]:
    size = 2**z
    return x / size * 360 - 180, degrees(atan(sinh(pi * (1 - 2 * y / size))))


def position(longitude: float, latitude: float, zoom: int) -> tuple[float, float]:
    """Where a point lies in tile units: the integer parts name the tile."""
    size = 2**zoom
    phi = radians(max(-LATITUDE_MAX, min(LATITUDE_MAX, latitude)))
    return (longitude + 180) / 360 * size, (1 - asinh(tan(phi)) / pi) / 2 * size


def metres_per_pixel(latitude: float, zoom: int) -> float:
    """True ground length of a tile's pixel."""
    return EQUATOR_M * cos(radians(latitude)) / (PIXELS << zoom)


def covering(shape: BaseGeometry, zoom: int) -> list[Tile]:
    """The tiles that share ground with a shape, not only with its bounding box; row by row."""
    west, south, east, north = shape.bounds
    left, top = position(west, north, zoom)
    right, bottom = position(east, south, zoom)
    last = 2**zoom - 1
    shapely.prepare(shape)
    found = []
    for y in range(max(0, floor(top)), min(last, floor(bottom)) + 1):
        row = [Tile(zoom, x, y) for x in range(max(0, floor(left)), min(last, floor(right)) + 1)]
        boxes = shapely.box(*zip(*(tile.bounds for tile in row), strict=True))
        # Ground in common, not an edge: neighbours that only touch would bring tiles without a pixel of use.
        shared = shapely.intersects(shape, boxes) & ~shapely.touches(shape, boxes)
        found += [tile for tile, is_shared in zip(row, shared, strict=True) if is_shared]
    return found
