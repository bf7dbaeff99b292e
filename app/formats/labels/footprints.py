"""Labels before they are kept: checked one by one, and sifted by the area they are for."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import orjson
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from app import checks
from app.errors import Invalid
from app.formats.labels.skipping import Skip, SkipReason, Skips
from app.geometry import antimeridian
from app.geometry.shapes import anticlockwise, check_place, ground, polygons
from app.selections import Selection
from app.settings import settings

BATCH = 1_000
PROPERTIES = "properties"


class Candidate(NamedTuple):
    """A feature of a file that may become a label, and its place there."""

    place: str
    geometry: BaseGeometry
    tags: Mapping[str, Any]
    osm_type: str | None = None
    osm_id: int | None = None


Read = Candidate | Skip


class Footprint(NamedTuple):
    """A label to be kept, as the database takes it."""

    wkb: bytes
    tags: bytes | None
    osm_id: int | None = None
    osm_type: str | None = None


class Sieve:
    """Lets pass the labels that share ground with an area; counts the others, and what cannot be used."""

    def __init__(self, area: BaseGeometry, selection: Selection, skips: Skips) -> None:
        self.outside = 0
        self.passed = 0
        self.skips = skips
        self._area = area
        self._selection = selection
        self._repairs_left = settings.repairs_per_upload_max
        self._seen: set[bytes] = set()
        shapely.prepare(area)

    def sift(self, batch: Sequence[Read]) -> list[Footprint]:
        """The next labels."""
        footprints, shapes = [], []
        for each in batch:
            checked = each if isinstance(each, Skip) else self._checked(each)
            if isinstance(checked, Skip):
                self.skips.add(checked)
                continue
            footprint, shape = checked
            footprints.append(footprint)
            shapes.append(shape)
        if not footprints:
            return []
        shared = share_ground(self._area, shapes)
        within = [each for each, is_shared in zip(footprints, shared, strict=True) if is_shared]
        self.passed += len(within)
        self.outside += len(footprints) - len(within)
        return within

    def _checked(self, candidate: Candidate) -> tuple[Footprint, BaseGeometry] | Skip:
        """What is kept of a candidate, with its shape; or why it cannot be."""
        place = candidate.place
        if self._selection.denies(candidate.tags):
            return Skip(place, SkipReason.ABSENT, "A tag says that there is no such feature, such as building=no.")
        shape = self._shape(place, candidate.geometry)
        if isinstance(shape, Skip):
            return shape
        tags = _tags(place, candidate.tags)
        if isinstance(tags, Skip):
            return tags
        marks = self._marks(candidate, shape)
        if not self._seen.isdisjoint(marks):
            return Skip(place, SkipReason.DUPLICATE, "This feature is in the file twice.")
        self._seen.update(marks)
        wkb: bytes = shapely.to_wkb(shape)
        return Footprint(wkb, tags, candidate.osm_id, candidate.osm_type), shape

    def _shape(self, place: str, raw: BaseGeometry) -> Polygon | MultiPolygon | Skip:
        if raw.is_empty:
            return Skip(place, SkipReason.NO_GEOMETRY, "This geometry is empty.")
        areas = polygons_of(raw)
        if areas is None:
            message = f"Labels must be Polygons or MultiPolygons; this is a {raw.geom_type}."
            return Skip(place, SkipReason.NOT_A_POLYGON, message)
        shape = antimeridian.split(areas, moves=True)
        try:
            check_place(place, shape)
        except Invalid as invalid:
            is_large = shapely.get_num_coordinates(shape) > settings.vertices_max
            return Skip(place, SkipReason.TOO_LARGE if is_large else SkipReason.OUT_OF_BOUNDS, invalid.message)
        if not shape.is_valid:
            # Real footprints cross themselves now and then; what a label covers is clear all the same.
            self._repairs_left -= 1
            repaired = ground(shape) if self._repairs_left >= 0 else None
            if repaired is None:
                reason = shapely.is_valid_reason(shape)
                message = f"This label has no area, or crosses itself: {reason}."
                return Skip(place, SkipReason.INVALID_GEOMETRY, message)
            shape = repaired
        return anticlockwise(shape)

    def _marks(self, candidate: Candidate, shape: BaseGeometry) -> list[bytes]:
        """By what a feature is known again: its element, and its outline with the tags it was chosen by."""
        outline = shapely.to_wkb(shapely.normalize(shape))
        marks = [outline + orjson.dumps(self._selection.chosen_by(candidate.tags), default=str)]
        if candidate.osm_id is not None:
            marks.append(f"{candidate.osm_type}/{candidate.osm_id}".encode())
        return [blake2b(mark, digest_size=12).digest() for mark in marks]


def polygons_of(shape: BaseGeometry) -> Polygon | MultiPolygon | None:
    """The polygons of a shape, also those within a collection; None if it has none."""
    if isinstance(shape, Polygon | MultiPolygon):
        return shape
    parts = [part for part in polygons(shape) if not part.is_empty]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def share_ground(area: BaseGeometry, shapes: Sequence[BaseGeometry]) -> Sequence[bool]:
    """Which shapes have ground in common with an area: a common edge is none."""
    listed = np.array(shapes, dtype=object)
    shared: Sequence[bool] = shapely.intersects(area, listed) & ~shapely.touches(area, listed)
    return shared


def _tags(place: str, tags: Mapping[str, Any]) -> bytes | Skip | None:
    if not tags:
        return None
    try:
        written = orjson.dumps(checks.json_object(place, dict(tags)))
    except Invalid as invalid:
        return Skip(place, SkipReason.INVALID_PROPERTIES, invalid.message, PROPERTIES)
    if len(written) > settings.label_tags_bytes_max:
        most = settings.label_tags_bytes_max
        message = f"The properties of a label may take at most {most:,} bytes; these take {len(written):,}."
        return Skip(place, SkipReason.TOO_LARGE, message, PROPERTIES)
    return written


def batched(read: Iterator[Read]) -> Iterator[list[Read]]:
    """What was read in lists of a size that is quick to handle."""
    while batch := list(islice(read, BATCH)):
        yield batch
