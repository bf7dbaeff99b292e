"""Labels before they are kept: read, checked one by one, and sifted by the area they are for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import ijson
import numpy as np
import orjson
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ARRAY, BigInteger, LargeBinary, String, cast, func, insert, literal, select
from sqlalchemy.dialects.postgresql import JSONB

from app import checks, geometry
from app.database import WriteSession
from app.errors import Invalid
from app.formats import Feature, osm_reading
from app.gateways.osm import OsmFeature, Tags
from app.models import Label, LabelFormat, LabelOrigin
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
        found = [Footprint(*each) for each in zip(wkb, tags, strict=True)]
        return self._within(found, shapes)

    def sift_osm(self, features: Sequence[OsmFeature]) -> list[Footprint]:
        """The next features of OpenStreetMap, which are sound already."""
        shapes = [geometry.anticlockwise(each.geometry) for each in features]
        found = [
            Footprint(shape.wkb, orjson.dumps(each.tags), each.osm_id, each.osm_type)
            for shape, each in zip(shapes, features, strict=True)
        ]
        return self._within(found, shapes)

    def _within(self, found: Sequence[Footprint], shapes: Sequence[BaseGeometry]) -> list[Footprint]:
        # Ground in common: a common edge is none.
        shared = shapely.intersects(self._area, shapes) & ~shapely.touches(self._area, shapes)
        within = [each for each, is_shared in zip(found, shared, strict=True) if is_shared]
        self.passed += len(within)
        self.outside += len(found) - len(within)
        return within

    def _checked(self, shape: BaseGeometry) -> BaseGeometry:
        place = f"{self._field}.{self._number}"
        self._number += 1
        if not isinstance(shape, Polygon | MultiPolygon):
            raise Invalid(place, f"Labels are Polygons or MultiPolygons; this is a {shape.geom_type}.")
        geometry.check_place(place, shape)
        if not shape.is_valid:
            shape, self._repairs_left = _repaired(place, shape, self._repairs_left), self._repairs_left - 1
        return geometry.anticlockwise(shape)


def _repaired(place: str, shape: BaseGeometry, repairs_left: int) -> BaseGeometry:
    """Real footprints cross themselves now and then; what a label covers is clear all the same."""
    covered = geometry.ground(shape) if repairs_left > 0 else None
    if covered is None:
        raise Invalid(place, f"This label covers no ground, or crosses itself: {shapely.is_valid_reason(shape)}.")
    return covered


def sifted(area: Polygon, field: str, collection: Any) -> tuple[list[Footprint], int]:
    """The labels of a GeoJSON FeatureCollection that share ground with an area, and how many do not."""
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list) or collection.get("type") != "FeatureCollection":
        raise Invalid(field, 'Give a GeoJSON FeatureCollection: {"type": "FeatureCollection", "features": […]}.')
    if not 0 < len(features) <= settings.labels_per_upload_max:
        raise Invalid(field, f"Give 1 to {settings.labels_per_upload_max} features; these are {len(features)}.")
    sieve = Sieve(area, f"{field}.features")
    found = [
        footprint for batch in batched(_features(f"{field}.features", features)) for footprint in sieve.sift(batch)
    ]
    return found, sieve.outside


def features_in(path: Path, format: LabelFormat, tags: Tags) -> Iterator[Feature]:
    """The features of a file, one after the other; of OSM XML those with one of the tags, or all if none is named."""
    if format is LabelFormat.OSM_XML:
        try:
            yield from osm_reading.read(path, lambda said: not tags or _matches(tags, said))
        except osm_reading.Unreadable as error:
            raise Invalid("file", str(error)) from None
    else:
        yield from _features("file.features", _read_geojson(path))


def _matches(wanted: Tags, tags: Mapping[str, str]) -> bool:
    return any(key in tags and (not values or tags[key] in values) for key, values in wanted.items())


def _read_geojson(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as file:
            if next(ijson.items(file, "type"), None) != "FeatureCollection":
                raise Invalid("file", "This is not a GeoJSON FeatureCollection.")
            file.seek(0)
            yield from ijson.items(file, "features.item", use_float=True)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise Invalid("file", f"This is not JSON: {str(error).splitlines()[0]}.") from None


def _features(field: str, features: Iterable[Any]) -> Iterator[Feature]:
    for number, feature in enumerate(features):
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


async def insert_labels(
    session: WriteSession, footprints: Sequence[Footprint], *, aoi_id: int, user_id: int | None, origin: LabelOrigin
) -> None:
    """Keeps labels, a thousand with each statement."""
    for start in range(0, len(footprints), BATCH):
        wkb, tags, osm_ids, osm_types = zip(*footprints[start : start + BATCH], strict=True)
        said = [each and each.decode() for each in tags]
        rows = (
            func.unnest(
                cast(list(wkb), ARRAY(LargeBinary)),
                cast(said, ARRAY(String)),
                cast(list(osm_ids), ARRAY(BigInteger)),
                cast(list(osm_types), ARRAY(String)),
            )
            .table_valued("wkb", "tags", "osm_id", "osm_type", name="given")
            .render_derived()
        )
        columns = {
            Label.aoi_id: literal(aoi_id, BigInteger),
            Label.user_id: literal(user_id, BigInteger),
            Label.origin: literal(origin, Label.origin.type),
            Label.geom: func.ST_GeomFromWKB(rows.c.wkb, geometry.SRID),
            Label.tags: cast(rows.c.tags, JSONB),
            Label.osm_id: rows.c.osm_id,
            Label.osm_type: rows.c.osm_type,
        }
        await session.execute(insert(Label).from_select(list(columns), select(*columns.values())))
