"""Where the tiles of an imagery are: by its template, or by the TileJSON file that this names."""

from typing import Any, NamedTuple
from urllib.parse import urljoin

import orjson

from app.errors import Invalid, Unreadable
from app.gateways import imagery_templates, outside
from app.gateways.outside import Outage
from app.geometry.tiles import Tile
from app.parsing.bounds import check_json
from app.settings import settings

WHO = "The imagery server"


class Source(NamedTuple):
    """A template, and where there are tiles, if its server says so."""

    template: str
    zoom_min: int = 0
    zoom_max: int | None = None
    bounds: tuple[float, float, float, float] | None = None

    def has_zoom(self, zoom: int) -> bool:
        """Whether there are tiles at a zoom level."""
        return self.zoom_min <= zoom and (self.zoom_max is None or zoom <= self.zoom_max)

    def has(self, tile: Tile) -> bool:
        """Whether there may be this tile."""
        return self.has_zoom(tile.z) and (self.bounds is None or _reaches(self.bounds, tile))

    @property
    def zooms(self) -> str:
        """The zoom levels, in words."""
        return f"from {self.zoom_min}" if self.zoom_max is None else f"{self.zoom_min} to {self.zoom_max}"


def _reaches(bounds: tuple[float, float, float, float], tile: Tile) -> bool:
    west, south, east, north = bounds
    left, bottom, right, top = tile.bounds
    if top <= south or bottom >= north:
        return False
    # West is east of east where the bounds cross the antimeridian.
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    return any(right > first and left < last for first, last in spans)


async def source_of(client: Any, template: str) -> Source:
    """What a template says of itself, or the TileJSON file that it names."""
    stated = imagery_templates.read(template)
    if not imagery_templates.is_tilejson(stated.address):
        return Source(template, stated.zoom_min, stated.zoom_max)
    reply = await outside.fetch(
        client,
        stated.address,
        who=WHO,
        bytes_max=settings.imagery_tilejson_bytes_max,
        s_max=settings.imagery_s_max,
        tries_max=settings.imagery_tries_max,
    )
    try:
        check_json(reply.content)
        document = orjson.loads(reply.content.removeprefix(b"\xef\xbb\xbf"))
        named = urljoin(stated.address, str(document["tiles"][0]))
        if document.get("scheme") == "tms":
            named = named.replace("{y}", "{-y}")
        zooms = _zoom(document.get("minzoom"), 0), _zoom(document.get("maxzoom"), None)
        bounds = _bounds(document.get("bounds"))
        return Source(imagery_templates.check_template("tiles", named), zooms[0] or 0, zooms[1], bounds)
    except (Unreadable, orjson.JSONDecodeError, LookupError, TypeError, AttributeError, ValueError):
        raise Outage(WHO, "sent something that is not a TileJSON file", heals=False) from None
    except Invalid as invalid:
        raise Outage(WHO, f"named tiles that cannot be fetched ({invalid.message.rstrip('.')})", heals=False) from None


def _zoom(value: object, otherwise: int | None) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 <= value <= 30 else otherwise


def _bounds(value: object) -> tuple[float, float, float, float] | None:
    """Four numbers in degrees; what else a file says there is no reason to leave out tiles."""
    if not isinstance(value, list) or len(value) != 4 or not all(isinstance(each, int | float) for each in value):
        return None
    west, south, east, north = map(float, value)
    return (west, south, east, north) if south < north and west != east else None
