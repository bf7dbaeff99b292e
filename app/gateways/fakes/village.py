"""A village that does not exist, photographed from above: tiles at any zoom, and the true outline of every house.

It stands on an island in the middle of a lake where there is none, so that nobody takes it for a real place. All of it
follows from one seed: a house looks the same, at the same spot, in every tile, process and year.
"""

from functools import lru_cache
from io import BytesIO
from itertools import count
from math import cos, floor, radians
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

from app.gateways.fakes.camera import photograph
from app.gateways.fakes.plan import village
from app.gateways.fakes.roofs import SHED_M2
from app.geometry.tiles import EQUATOR_M, PIXELS, Tile, position

LONGITUDE, LATITUDE = 6.565, 46.42
ZOOM = 19
ORIGIN_X, ORIGIN_Y = (floor(part) for part in position(LONGITUDE, LATITUDE, ZOOM))
TILE_M = EQUATOR_M * cos(radians(LATITUDE)) / 2**ZOOM
OSM_ID_FIRST = 7_000_000_001


class Footprint(NamedTuple):
    """A house as OpenStreetMap would have it."""

    osm_id: int
    osm_type: str
    geometry: Polygon
    tags: dict[str, str]


def tile_png(tile: Tile) -> bytes:
    """What lies in a tile, as 256 × 256 pixels."""
    side = TILE_M * 2.0 ** (ZOOM - tile.z)
    image = photograph(tile.x * side - ORIGIN_X * TILE_M, tile.y * side - ORIGIN_Y * TILE_M, PIXELS, side / PIXELS)
    file = BytesIO()
    image.save(file, "PNG", compress_level=3)
    return file.getvalue()


def footprints(bounds: tuple[float, float, float, float]) -> list[Footprint]:
    """The houses that touch a box of west, south, east and north in degrees."""
    all_footprints, tree = _footprints()
    return [all_footprints[index] for index in sorted(tree.query(shapely.box(*bounds), predicate="intersects"))]


@lru_cache(maxsize=1)
def _footprints() -> tuple[list[Footprint], shapely.STRtree]:
    # OpenStreetMap numbers its ways and its relations apart: one number may name one of each.
    numbers = {"ways_poly": count(OSM_ID_FIRST), "relations": count(OSM_ID_FIRST)}
    footprints = []
    for house in village().houses:
        kind = "relations" if house.footprint.interiors else "ways_poly"
        use = "shed" if house.footprint.area < SHED_M2 else "yes"
        footprints.append(Footprint(next(numbers[kind]), kind, _on_earth(house.footprint), {"building": use}))
    return footprints, shapely.STRtree([footprint.geometry for footprint in footprints])


def _on_earth(shape: Polygon) -> Polygon:
    """Metres of the plan as degrees."""

    def moved(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = ((points / TILE_M + np.array((ORIGIN_X, ORIGIN_Y))) / 2**ZOOM).T
        return np.column_stack((x * 360 - 180, np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * y))))))

    return shapely.transform(shape, moved)


def _area(*corners: tuple[float, float]) -> Polygon:
    return _on_earth(Polygon(corners))


# Three neighbourhoods to learn from, about 60 tiles at zoom 19 together, and one, untouched by them, to try it on.
TRAINING_AREAS = [
    _area((-330, -120), (-180, -190), (-60, -185), (-40, -60), (-130, 30), (-300, 20)),
    _area((-190, 70), (80, 60), (90, 130), (-20, 150), (-30, 250), (-180, 220)),
    _area((0, -120), (110, -90), (90, 20), (10, 10)),
]
PREDICTION_AREA = _area((200, -170), (345, -175), (365, -30), (215, -10))

# The island and some water round it.
BOUNDS = _area((-800, -700), (800, -700), (800, 700), (-800, 700)).bounds
