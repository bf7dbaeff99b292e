"""Files of labels, read in a parsing child: what passes goes into another file, a batch at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import shapely

from app.errors import Invalid, Unreadable
from app.formats import file_streams
from app.formats.labels import geojson_reading, osm_reading
from app.formats.labels.footprints import Footprint, Read, Sieve, batched
from app.formats.labels.skipping import Skipped, Skips
from app.selections import Selection, Tags
from app.settings import settings

GEOJSON = "GEOJSON"
FIELD = "file"


def sift(
    path: str, format: str, tags: Tags, area: bytes, target: str, is_strict: bool = False
) -> tuple[int, int, list[dict[str, Any]]]:
    """Writes the labels of a file that share ground with an area (as WKB) to another file.

    Returns how many these are, how many lie outside, and what was skipped. Of OpenStreetMap files, labels are areas
    with one of the tags, or all if none is named.
    """
    selection, skips = Selection(tags), Skips(FIELD, is_strict=is_strict)
    sieve = Sieve(shapely.from_wkb(area), selection, skips)
    try:
        with Path(target).open("wb") as passed:
            for batch in batched(_read(Path(path), format, selection)):
                passed.write(msgpack.packb(sieve.sift(batch)))
                _check_count(sieve.passed)
    except Unreadable as error:
        raise Invalid(FIELD, str(error)) from None
    skips.check_any_left(sieve.passed + sieve.outside)
    return sieve.passed, sieve.outside, [each.plain() for each in skips.report()]


def filter_footprints(target: Path) -> Iterator[list[Footprint]]:
    """What `sift` wrote, a batch at a time."""
    with target.open("rb") as passed:
        for batch in msgpack.Unpacker(passed):
            yield [Footprint(*each) for each in batch]


def sift_value(
    area: shapely.Geometry, field: str, value: Any, tags: Tags, *, is_strict: bool
) -> tuple[list[Footprint], int, list[Skipped]]:
    """The labels of a GeoJSON object that share ground with an area, how many do not, and what was skipped."""
    skips = Skips(field, is_strict=is_strict)
    sieve = Sieve(area, Selection(tags), skips)
    read = geojson_reading.read_value(field, value)
    footprints = [footprint for batch in batched(read) for footprint in sieve.sift(batch)]
    skips.check_any_left(sieve.passed + sieve.outside)
    return footprints, sieve.outside, skips.report()


def _read(path: Path, format: str, selection: Selection) -> Iterator[Read]:
    # People take any file of JSON for GeoJSON.
    is_geojson = format == GEOJSON and not file_streams.is_overpass_json(file_streams.head(path))
    return geojson_reading.read_file(path) if is_geojson else osm_reading.read(path, selection)


def _check_count(count: int) -> None:
    """Passes while the labels may fit into a dataset: what is known of each takes memory."""
    if count > settings.labels_per_dataset_max:
        raise Invalid(FIELD, "This dataset has reached the limit for labels.")
