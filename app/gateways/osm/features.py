"""What is asked of OpenStreetMap, and what comes of it, whoever answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from app import checks, parsing
from app.errors import Invalid, Unreadable
from app.gateways.outside import Outage
from app.geometry.shapes import ground
from app.settings import settings

TEXT_LENGTH_MAX = 255  # as OpenStreetMap has it

Plain = tuple[str | None, bool, list[list[Any]]]
"""Why a reply cannot be used, whether that heals, and its features as lists of values."""
Tags = Mapping[str, Sequence[str]]
"""Keys, each with the values it may have; any, if none is named. A feature needs one of them."""
BUILDINGS: Tags = {"building": ()}


class OsmFeature(NamedTuple):
    """Something as it is mapped now."""

    osm_id: int
    osm_type: str
    geometry: Polygon | MultiPolygon
    tags: dict[str, str]
    version: int | None
    timestamp: datetime | None


def check_tags(field: str, tags: Tags) -> dict[str, list[str]]:
    """The tags, if OpenStreetMap can be asked for them."""
    if not 1 <= len(tags) <= settings.osm_tags_max:
        raise Invalid(field, f"Give 1 to {settings.osm_tags_max} keys; this has {len(tags)}.")
    if sum(map(len, tags.values())) > settings.osm_tag_values_max:
        raise Invalid(field, f"Give at most {settings.osm_tag_values_max} values.")
    return {
        checks.text(field, key, length_max=TEXT_LENGTH_MAX, is_exact=True): [
            checks.text(field, value, length_max=TEXT_LENGTH_MAX, is_exact=True) for value in dict.fromkeys(values)
        ]
        for key, values in tags.items()
    }


def unique(who: str, candidates: Iterable[OsmFeature | None]) -> list[OsmFeature]:
    """Each feature once: a way and a relation of one number are two."""
    features: dict[tuple[str, int], OsmFeature] = {}
    for feature in candidates:
        if feature:
            features[feature.osm_type, feature.osm_id] = feature
        if len(features) > settings.osm_features_max:
            raise Outage(who, f"sent more than {settings.osm_features_max} features", heals=False)
    return list(features.values())


async def read(who: str, parser: Callable[[bytes], Plain], content: bytes) -> list[OsmFeature]:
    """The features in a reply, read in a child by a parser that is made of `plain`."""
    try:
        reason, heals, features = await parsing.run(parser, content)
    except Unreadable:
        raise Outage(who, "sent more than can be read", heals=False) from None
    if reason is not None:
        raise Outage(who, reason, heals=heals)
    shapes = shapely.from_wkb([shape for _, _, shape, *_ in features])
    return [
        OsmFeature(osm_id, osm_type, shape, tags, version, moment and datetime.fromisoformat(moment))
        for (osm_id, osm_type, _, tags, version, moment), shape in zip(features, shapes, strict=True)
    ]


def plain(features: Callable[[bytes], Iterable[OsmFeature]], content: bytes) -> Plain:
    """What is wrong with a reply, whether that heals, and the features in it: all of it plain."""
    try:
        return None, False, [list(_plain(each)) for each in features(content)]
    except Outage as outage:
        return outage.reason, outage.heals, []


def _plain(feature: OsmFeature) -> Iterator[Any]:
    yield from (feature.osm_id, feature.osm_type, feature.geometry.wkb, feature.tags, feature.version)
    yield feature.timestamp and feature.timestamp.isoformat()


def covered(shape: BaseGeometry | None) -> Polygon | MultiPolygon | None:
    """The ground a shape covers, repaired where its rings cross; None if it covers none or is no shape on earth."""
    if shape is None or shape.is_empty:
        return None
    points = shapely.get_coordinates(shape)
    if len(points) > settings.vertices_max or not (np.abs(points) <= (180, 90)).all():
        return None
    return ground(shapely.force_2d(shape))


def version_of(properties: Mapping[str, Any]) -> int | None:
    """Its version, where the answer has one."""
    version = properties.get("version")
    return version if isinstance(version, int) else None


def timestamp_of(properties: Mapping[str, Any]) -> datetime | None:
    """When it was last changed, where the answer has it."""
    try:
        moment = datetime.fromisoformat(properties["timestamp"])
    except (KeyError, TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
