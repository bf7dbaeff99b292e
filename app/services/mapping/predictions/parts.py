"""How a large area is searched: in squares of tiles, one after another, so that a worker never holds more than one."""

from shapely import box
from shapely.geometry.base import BaseGeometry

from app.errors import LimitReached
from app.geometry.shapes import ground
from app.geometry.tiles import Tile, covering
from app.settings import settings


def part_zoom(area: BaseGeometry, zoom: int) -> int:
    """The zoom whose tiles are the parts of an area; 0, with a single part, if a worker can hold all of it."""
    try:
        covering(area, zoom, tiles_max=settings.prediction_part_tiles_max)
    except LimitReached:
        # Each zoom has four times the tiles of the one before.
        coarse = zoom - (settings.prediction_part_tiles_max.bit_length() - 1) // 2
        parts_of(area, coarse)
        return coarse
    return 0


def parts_of(area: BaseGeometry, zoom: int) -> list[Tile]:
    """The parts of an area, in the order of the search; LimitReached if they are too many."""
    most = settings.prediction_parts_max
    try:
        return covering(area, zoom, tiles_max=most)
    except LimitReached:
        tiles = settings.prediction_part_tiles_max
        raise LimitReached(
            f"This area has more than {most} parts of {tiles} tiles each. Choose a smaller area or a lower zoom level.",
            limit=most * tiles,
        ) from None


def ground_of(area: BaseGeometry, part: Tile) -> BaseGeometry | None:
    """The ground that a part is responsible for."""
    return area if part.z == 0 else ground(area.intersection(box(*part.bounds)))


def tiles_of(area: BaseGeometry, part: Tile, zoom: int) -> list[Tile]:
    """The tiles a part looks at: one more on each side where the area continues, so edge buildings are whole."""
    if part.z == 0:
        return covering(area, zoom)
    levels = zoom - part.z
    west, _, _, north = Tile(zoom, (part.x << levels) - 1, (part.y << levels) - 1).bounds
    _, south, east, _ = Tile(zoom, part.x + 1 << levels, part.y + 1 << levels).bounds
    around = ground(area.intersection(box(west, south, east, north)))
    return covering(around, zoom) if around else []
