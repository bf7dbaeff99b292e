"""Overpass: the map itself, asked in its own language."""

from collections.abc import Sequence
from typing import Any

import orjson
import shapely
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from app.errors import Unreadable
from app.gateways import outside
from app.gateways.osm.features import OsmFeature, Plain, Tags, covered, plain, read, timestamp_of, unique, version_of
from app.gateways.outside import Outage
from app.geometry.shapes import enclosed
from app.parsing.bounds import check_json
from app.settings import settings

WHO = "Overpass"


async def fetch(area: BaseGeometry, tags: Tags) -> list[OsmFeature]:
    """The areas with these tags that reach into an area."""
    async with outside.browsing(connections=1) as client:
        reply = await outside.fetch(
            client,
            str(settings.osm_overpass_url),
            who=WHO,
            form={"data": question(area, tags)},
            headers={"Accept": "application/json"},
            bytes_max=settings.osm_reply_bytes_max,
            s_max=settings.osm_s_max,
            tries_max=settings.osm_tries_max,
        )
    return await read(WHO, parsed, reply.content)


def question(area: BaseGeometry, tags: Tags) -> str:
    """Ways and relations in the language of Overpass, with their shapes."""
    # It names its limits in whole numbers, and no less than one.
    timeout_s = max(1, int(settings.osm_s_max))
    rings = [" ".join(f"{y:.7f} {x:.7f}" for x, y in part.exterior.coords[:-1]) for part in shapely.get_parts(area)]
    filters = [f"[{each}]" for key, values in tags.items() for each in _filters(_quoted(key), values)]
    wanted = "".join(f'wr{each}(poly:"{ring}");' for each in filters for ring in rings)
    return f"[out:json][timeout:{timeout_s}];({wanted});out meta geom;"


def _filters(key: str, values: Sequence[str]) -> list[str]:
    return [f"{key}={_quoted(value)}" for value in values] or [key]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parsed(content: bytes) -> Plain:
    """A reply, read."""
    return plain(_features, content)


def _features(content: bytes) -> list[OsmFeature]:
    try:
        check_json(content)
        answer = orjson.loads(content)
        entries, remark = answer["elements"], answer.get("remark")
    except (Unreadable, orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        raise Outage(WHO, "sent something that is not its JSON", heals=False) from None
    # It tells of its own limits in a reply that looks like success, and is cut short.
    if remark is not None:
        raise Outage(WHO, f"stopped early: {str(remark)[:100]}", heals=True)
    return unique(WHO, map(_feature, entries))


def _feature(entry: Any) -> OsmFeature | None:
    try:
        osm_id, osm_type = int(entry["id"]), str(entry["type"])
        tags = {str(key): str(value) for key, value in (entry.get("tags") or {}).items()}
        geometry = covered(_shape(entry, tags))
    except (LookupError, TypeError, ValueError, AttributeError, shapely.GEOSException):
        return None
    if geometry is None or osm_type not in {"way", "relation"}:
        return None
    return OsmFeature(osm_id, osm_type, geometry, tags, version_of(entry), timestamp_of(entry))


def _shape(entry: Any, tags: dict[str, str]) -> BaseGeometry | None:
    if entry["type"] == "way":
        line = _line(entry["geometry"])
        return Polygon(line) if line.is_ring else None
    if tags.get("type") not in {"multipolygon", "boundary"}:
        return None
    ways = [member for member in entry["members"] if member["type"] == "way"]
    inner = [_line(way["geometry"]) for way in ways if way["role"] == "inner"]
    return enclosed([_line(way["geometry"]) for way in ways if way["role"] != "inner"], inner)


def _line(places: Any) -> LineString:
    return LineString([(place["lon"], place["lat"]) for place in places])
