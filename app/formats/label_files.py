"""Files of labels, read in a parsing child: what passes goes into another file, a batch at a time."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ijson
import msgpack
import shapely

from app.errors import Invalid, Unreadable
from app.formats import Feature, osm_reading
from app.formats.footprints import Footprint, Sieve, batched, features
from app.parsing.bounds import JsonFile

OSM_XML = "OSM_XML"
FIELD = "file"

Tags = Mapping[str, Sequence[str]]


def sift(path: str, format: str, tags: Tags, area: bytes, target: str) -> tuple[int, int]:
    """How many labels of a file share ground with an area (as WKB), which are written to another, and how many do not.

    Of OSM XML those with one of the tags count, or all if none is named.
    """
    sieve = Sieve(shapely.from_wkb(area), f"{FIELD}.features")
    try:
        with Path(target).open("wb") as passed:
            batches = batched(_features(Path(path), format, tags))
            passed.writelines(msgpack.packb(sieve.sift(batch)) for batch in batches)
    except Unreadable as error:
        raise Invalid(FIELD, str(error)) from None
    if not sieve.passed + sieve.outside:
        raise Invalid(FIELD, "There are no labels in this file.")
    return sieve.passed, sieve.outside


def filter_footprints(target: Path) -> Iterator[list[Footprint]]:
    """What `sift` wrote, a batch at a time."""
    with target.open("rb") as passed:
        for batch in msgpack.Unpacker(passed):
            yield [Footprint(*each) for each in batch]


def _features(path: Path, format: str, tags: Tags) -> Iterator[Feature]:
    if format == OSM_XML:
        return osm_reading.read(path, lambda element_tags: not tags or _matches(tags, element_tags))
    return features(f"{FIELD}.features", _read_geojson(path))


def _matches(wanted: Tags, tags: Mapping[str, str]) -> bool:
    return any(key in tags and (not values or tags[key] in values) for key, values in wanted.items())


def _read_geojson(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as file:
            if next(ijson.items(JsonFile(file), "type"), None) != "FeatureCollection":
                raise Unreadable("This is not a GeoJSON FeatureCollection.")
            file.seek(0)
            yield from ijson.items(JsonFile(file), "features.item", use_float=True)
    except UnicodeDecodeError:
        raise Unreadable("This is not JSON: its text is not UTF-8.") from None
    except ijson.JSONError as error:
        raise Unreadable(f"This is not JSON: {str(error).splitlines()[0]}.") from None
