"""What is asked of OpenStreetMap, and what comes of it, whoever answers."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from app import checks
from app.errors import Invalid
from app.gateways.outside import Outage
from app.geometry import ground
from app.settings import settings

TEXT_LENGTH_MAX = 255  # as OpenStreetMap has it

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
        raise Invalid(field, f"Name 1 to {settings.osm_tags_max} keys; these are {len(tags)}.")
    if sum(map(len, tags.values())) > settings.osm_tag_values_max:
        raise Invalid(field, f"Name at most {settings.osm_tag_values_max} values.")
    return {
        checks.text(field, key, length_max=TEXT_LENGTH_MAX): [
            checks.text(field, value, length_max=TEXT_LENGTH_MAX) for value in dict.fromkeys(values)
        ]
        for key, values in tags.items()
    }


def unique(who: str, found: Iterable[OsmFeature | None]) -> list[OsmFeature]:
    """Each feature once: a way and a relation of one number are two."""
    features = {(feature.osm_type, feature.osm_id): feature for feature in found if feature}
    if len(features) > settings.osm_features_max:
        raise Outage(who, f"sent more than {settings.osm_features_max} features", heals=False)
    return list(features.values())


def covered(shape: BaseGeometry | None) -> Polygon | MultiPolygon | None:
    """The ground a shape covers, repaired where its rings cross; None if it covers none or is no shape on earth."""
    if shape is None or shape.is_empty:
        return None
    points = shapely.get_coordinates(shape)
    if len(points) > settings.vertices_max or not (np.abs(points) <= (180, 90)).all():
        return None
    return ground(shapely.force_2d(shape))


def version_of(said: Mapping[str, Any]) -> int | None:
    """Its version, where it is told."""
    version = said.get("version")
    return version if isinstance(version, int) else None


def timestamp_of(said: Mapping[str, Any]) -> datetime | None:
    """When it was last changed, where that is told."""
    try:
        moment = datetime.fromisoformat(said["timestamp"])
    except (KeyError, TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
