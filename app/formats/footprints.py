"""Labels before they are kept: read, checked one by one, and filter_footprints by the area they are for."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import orjson
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from app import checks, geometry
from app.errors import Invalid
from app.formats import Feature
from app.settings import settings

BATCH = 1_000


class Footprint(NamedTuple):
    """A label to be kept, as the database takes it."""

    wkb: bytes
    tags: bytes | None
    osm_id: int | None = None
    osm_type: str | None = None


class Sieve:
    """Checks labels, and lets pass those that share ground with an area; it counts the others."""

    def __init__(self, area: Polygon, field: str) -> None:
        self.outside = 0
        self.passed = 0
        self._area = area
        self._field = field
        self._number = 0
        self._repairs_left = settings.repairs_per_upload_max
        shapely.prepare(area)

    def sift(self, features: Sequence[Feature]) -> list[Footprint]:
        """The next labels; Invalid names the first that is wrong."""
        shapes = [self._checked(each.geometry) for each in features]
        tags = [orjson.dumps(dict(each.properties)) if each.properties else None for each in features]
        wkb = shapely.to_wkb(np.array(shapes, dtype=object))
        footprints = [Footprint(*each) for each in zip(wkb, tags, strict=True)]
        return self.within(footprints, shapes)

    def within(self, footprints: Sequence[Footprint], shapes: Sequence[BaseGeometry]) -> list[Footprint]:
        """Those of sound labels that share ground with the area."""
        # Ground in common: a common edge is none.
        shared = shapely.intersects(self._area, shapes) & ~shapely.touches(self._area, shapes)
        within = [each for each, is_shared in zip(footprints, shared, strict=True) if is_shared]
        self.passed += len(within)
        self.outside += len(footprints) - len(within)
        return within

    def _checked(self, shape: BaseGeometry) -> BaseGeometry:
        place = f"{self._field}.{self._number}"
        self._number += 1
        if not isinstance(shape, Polygon | MultiPolygon):
            raise Invalid(place, f"Labels must be Polygons or MultiPolygons; this is a {shape.geom_type}.")
        geometry.check_place(place, shape)
        if not shape.is_valid:
            shape, self._repairs_left = _repaired(place, shape, self._repairs_left), self._repairs_left - 1
        return geometry.anticlockwise(shape)


def _repaired(place: str, shape: BaseGeometry, repairs_left: int) -> BaseGeometry:
    """Real footprints cross themselves now and then; what a label covers is clear all the same."""
    covered = geometry.ground(shape) if repairs_left > 0 else None
    if covered is None:
        raise Invalid(place, f"This label has no area, or crosses itself: {shapely.is_valid_reason(shape)}.")
    return covered


def filter_footprints(area: Polygon, field: str, collection: Any) -> tuple[list[Footprint], int]:
    """The labels of a GeoJSON FeatureCollection that share ground with an area, and how many do not."""
    listed = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(listed, list) or collection.get("type") != "FeatureCollection":
        raise Invalid(field, 'Give a GeoJSON FeatureCollection: {"type": "FeatureCollection", "features": […]}.')
    if not 0 < len(listed) <= settings.labels_per_upload_max:
        raise Invalid(field, f"Give 1 to {settings.labels_per_upload_max} features; this has {len(listed)}.")
    sieve = Sieve(area, f"{field}.features")
    read = features(f"{field}.features", listed)
    footprints = [footprint for batch in batched(read) for footprint in sieve.sift(batch)]
    return footprints, sieve.outside


def features(field: str, listed: Iterable[Any]) -> Iterator[Feature]:
    """The features of a GeoJSON collection; Invalid names the first that is none."""
    for number, feature in enumerate(listed):
        place = f"{field}.{number}"
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise Invalid(place, "This is not a GeoJSON Feature.")
        try:
            shape = geometry.from_geojson(feature)
        except ValueError as error:
            raise Invalid(place, str(error)) from None
        yield Feature(shape, checks.json_object(f"{place}.properties", feature.get("properties") or {}))


def batched(features: Iterator[Feature]) -> Iterator[list[Feature]]:
    """The features in lists of a size that is quick to handle."""
    while batch := list(islice(features, BATCH)):
        yield batch
