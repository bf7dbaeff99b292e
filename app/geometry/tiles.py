"""Web Mercator tiles: which of them a shape touches, and where they lie.

Tiles are named as in XYZ services: (0, 0) is the north-west corner of the world, y grows to the south.
"""

from collections.abc import Iterable
from math import asinh, atan, cos, degrees, floor, pi, radians, sinh, tan
from typing import NamedTuple

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from app.errors import LimitReached
from app.settings import settings

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


def covering(shape: BaseGeometry, zoom: int, *, tiles_max: int | None = None) -> list[Tile]:
    """The tiles that share ground with a shape, not only with its bounding box; row by row.

    It goes down from the smallest tile that holds the whole shape, so it looks only at tiles near it, and gives up as
    soon as there are more than a job may fetch: a shape of little ground can be as long as the equator.
    """
    most = settings.tiles_per_job_max if tiles_max is None else tiles_max
    shapely.prepare(shape)
    tiles_at_zoom = [_holding(shape, zoom)]
    for z in range(tiles_at_zoom[0].z + 1, zoom + 1):
        quarters = [
            Tile(z, 2 * x + right, 2 * y + down) for _, x, y in tiles_at_zoom for down in (0, 1) for right in (0, 1)
        ]
        boxes = shapely.box(*np.array([tile.bounds for tile in quarters]).T)
        # Ground in common, not an edge: neighbours that only touch would bring tiles without a pixel of use.
        shared = shapely.intersects(shape, boxes) & ~shapely.touches(shape, boxes)
        tiles_at_zoom = [tile for tile, is_shared in zip(quarters, shared, strict=True) if is_shared]
        if len(tiles_at_zoom) > most:
            raise LimitReached(f"This takes more than {most} tiles; choose a smaller area or a lower zoom.", limit=most)
    return sorted(tiles_at_zoom, key=lambda tile: (tile.y, tile.x))


def outline(tiles: Iterable[Tile], within: BaseGeometry) -> BaseGeometry | None:
    """The ground of tiles within an area; None if there is none. Of very many tiles it is drawn more coarsely."""
    chosen = set(tiles)
    while chosen:
        boxes = shapely.box(*np.array([tile.bounds for tile in chosen]).T)
        ground = shapely.intersection(shapely.union_all(boxes), within)
        polygons = [part for part in shapely.get_parts(ground) if isinstance(part, Polygon) and part.area]
        if shapely.get_num_coordinates(polygons).sum() <= settings.vertices_max or not any(tile.z for tile in chosen):
            return shapely.MultiPolygon(polygons) if polygons else None
        chosen = {tile.ancestor(max(0, tile.z - 1)) for tile in chosen}
    return None


def _holding(shape: BaseGeometry, zoom: int) -> Tile:
    """The smallest tile, at this zoom or a lower one, that holds the whole shape."""
    west, south, east, north = shape.bounds
    left, top, right, bottom = (
        max(0, min(2**zoom - 1, floor(part))) for part in (*position(west, north, zoom), *position(east, south, zoom))
    )
    return Tile(zoom, left, top).ancestor(zoom - max((left ^ right).bit_length(), (top ^ bottom).bit_length()))
