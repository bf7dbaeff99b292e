"""OpenStreetMap's buildings, asked of a raw-data service that keeps a copy of the map."""

import asyncio
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import orjson
import shapely
from shapely.geometry import MultiPolygon, Polygon, mapping

from app.gateways import outside
from app.gateways.outside import Outage
from app.geometry import ground
from app.settings import settings

WHO = "The OpenStreetMap service"
# The service names the table a feature came from; OpenStreetMap itself knows three types.
TYPES = {"nodes": "node", "ways_line": "way", "ways_poly": "way", "relations": "relation"}


class OsmFeature(NamedTuple):
    """A building as it is mapped now."""

    osm_id: int
    osm_type: str
    geometry: Polygon | MultiPolygon
    tags: dict[str, str]
    version: int | None
    timestamp: datetime | None


async def fetch_features(area: Polygon) -> list[OsmFeature]:
    """The buildings that share ground with an area, whole, each once; an Outage says why there are none to be had."""
    question = {
        "geometry": mapping(area),
        "geometryType": ["polygon"],
        "filters": {"tags": {"all_geometry": {"join_or": {"building": []}}}},
        # False: also what only reaches into the area.
        "useStWithin": False,
    }
    async with outside.browsing(connections=1) as client:
        reply = await outside.fetch(
            client,
            f"{settings.osm_features_url.rstrip('/')}/snapshot/plain/",
            who=WHO,
            json=question,
            headers={"Accept": "application/json", "Referer": "Fieldgraph"},
            bytes_max=settings.osm_reply_bytes_max,
            s_max=settings.osm_s_max,
            tries_max=settings.osm_tries_max,
        )
    return await asyncio.to_thread(_features, reply.content)


def _features(content: bytes) -> list[OsmFeature]:
    try:
        entries = orjson.loads(content)["features"]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        entries = None
    if not isinstance(entries, list):
        raise Outage(WHO, "sent something that is not GeoJSON", heals=False)
    if len(entries) > settings.osm_features_max:
        raise Outage(WHO, f"sent more than {settings.osm_features_max} features", heals=False)
    found = {(feature.osm_type, feature.osm_id): feature for feature in map(_feature, entries) if feature}
    return list(found.values())


def _feature(entry: Any) -> OsmFeature | None:
    """What one entry describes; nothing if it names no feature or its shape encloses no ground."""
    try:
        properties = entry["properties"]
        osm_id, osm_type = int(properties["osm_id"]), TYPES[properties["osm_type"]]
        geometry = _ground(entry["geometry"])
        tags = {str(key): str(value) for key, value in (properties.get("tags") or {}).items()}
    except (LookupError, TypeError, ValueError, AttributeError):
        return None
    if geometry is None:
        return None
    return OsmFeature(osm_id, osm_type, geometry, tags, _version(properties), _timestamp(properties))


def _ground(value: Any) -> Polygon | MultiPolygon | None:
    """The ground a GeoJSON geometry covers, repaired where its rings cross."""
    shape = shapely.force_2d(shapely.from_geojson(orjson.dumps(value), on_invalid="ignore"))
    if shape is None or shape.is_empty:
        return None
    points = shapely.get_coordinates(shape)
    if len(points) > settings.vertices_max or not (np.abs(points) <= (180, 90)).all():
        return None
    return ground(shape)


def _version(properties: dict[str, Any]) -> int | None:
    version = properties.get("version")
    return version if isinstance(version, int) else None


def _timestamp(properties: dict[str, Any]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(properties["timestamp"])
    except (KeyError, TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
