"""Reads the features of GeoJSON as people have it: collections, single features, lines and text sequences."""

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import ijson
import orjson

from app.errors import Invalid, Unfit, Unreadable
from app.formats import file_streams
from app.formats.features.osm_identity import identified
from app.formats.file_streams import Utf8
from app.formats.labels.footprints import PROPERTIES, Candidate, Read
from app.formats.labels.skipping import Skip, SkipReason
from app.geometry import reference_systems, shapes
from app.geometry.reference_systems import Transform
from app.parsing.bounds import JsonFile
from app.settings import settings

GEOMETRIES = {
    "Point",
    "LineString",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
}
EXPECTED = 'Give a GeoJSON FeatureCollection: {"type": "FeatureCollection", "features": […]}.'


def read_file(path: Path) -> Iterator[Read]:
    """The features of a file; Unreadable if it is no GeoJSON."""
    try:
        if _is_lines(path):
            yield from _lines(path)
            return
        kinds, crs = _described(path)
        if not kinds <= {"FeatureCollection", "Feature", *GEOMETRIES} or not kinds:
            raise Unreadable("This is not GeoJSON: its type is not FeatureCollection, Feature or a geometry.")
        with file_streams.opened(path) as file:
            if kinds == {"FeatureCollection"}:
                entries = ijson.items(JsonFile(Utf8(file)), "features.item", use_float=True, multiple_values=True)
                yield from features(entries, reference_systems.to_degrees(crs))
            else:
                values = ijson.items(JsonFile(Utf8(file)), "", use_float=True, multiple_values=True)
                yield from collections(values)
    except Unfit as unfit:
        raise Unreadable(str(unfit)) from None
    except UnicodeDecodeError:
        raise Unreadable("This is not JSON: its text is not UTF-8.") from None
    except ijson.JSONError as error:
        raise Unreadable(f"This is not JSON: {_first_line(error)}.") from None


def read_value(field: str, value: Any) -> Iterator[Read]:
    """The features of a GeoJSON object; Invalid of the field if it is none."""
    listed = value.get("features") if isinstance(value, dict) and value.get("type") == "FeatureCollection" else None
    if not isinstance(listed, list):
        raise Invalid(field, EXPECTED)
    if not 0 < len(listed) <= settings.labels_per_upload_max:
        raise Invalid(field, f"Give 1 to {settings.labels_per_upload_max} features; this has {len(listed)}.")
    try:
        transform = reference_systems.to_degrees(value.get("crs"))
    except Unfit as unfit:
        raise Invalid(f"{field}.crs", str(unfit)) from None
    yield from features(listed, transform)


def _first_line(error: Exception) -> str:
    """What the parser says, without the piece of the file that it quotes as Python would."""
    [argument] = error.args[:1] or ("",)
    text = argument.decode(errors="replace") if isinstance(argument, bytes) else str(argument)
    return text.splitlines()[0].strip().rstrip(".") if text.strip() else "it is broken"


def _described(path: Path) -> tuple[set[str], Any]:
    """The types of a file's values, and its reference system; both may stand behind the features."""
    kinds, systems = set[str](), list[Any]()
    with file_streams.opened(path) as file:
        content, targets = JsonFile(Utf8(file)), [list[Any](), list[Any]()]
        readers = [
            ijson.items_coro(_into(target), prefix, multiple_values=True, use_float=True)
            for target, prefix in zip(targets, ("type", "crs"), strict=True)
        ]
        while piece := content.read():
            for reader in readers:
                reader.send(piece)
            kinds |= {str(kind) for kind in targets[0]}
            systems += targets[1]
            targets[0].clear()
            targets[1].clear()
            if len(kinds) > len(GEOMETRIES) + 2:
                break
        for reader in readers:
            reader.close()
    if any(each != systems[0] for each in systems):
        raise Unreadable("This file has several coordinate reference systems. Use EPSG:4326.")
    return kinds, systems[0] if systems else None


class _into:  # noqa: N801 -- a target for ijson, which calls send
    """Appends what is sent to a list."""

    def __init__(self, target: list[Any]) -> None:
        self.send = target.append


def _is_lines(path: Path) -> bool:
    """Whether the first line of a file is a whole JSON object, and there is another."""
    with file_streams.opened(path) as file:
        first, rest = _first_lines(Utf8(file))
    if not rest:
        return False
    try:
        return isinstance(orjson.loads(first), dict)
    except orjson.JSONDecodeError:
        return False


def _first_lines(content: Utf8) -> tuple[bytes, bytes]:
    start = b""
    while len(start) <= settings.parser_item_bytes_max and (piece := content.read()):
        start = (start + piece).lstrip()
        first, _, rest = start.partition(b"\n")
        if rest.strip():
            return first, rest
    return start, b""


def _lines(path: Path) -> Iterator[Read]:
    """Features one a line, as GeoJSONSeq (RFC 8142) and newline-delimited GeoJSON have them: each by itself."""
    with file_streams.opened(path) as file:
        for number, line in enumerate(_split(JsonFile(Utf8(file))), 1):
            if not line.strip():
                continue
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                yield Skip(f"line {number}", SkipReason.NOT_A_FEATURE, f"Line {number} is not JSON.")
                continue
            for each in collections([value]):
                place = f"line {number}" if each.place == "features.0" else f"line {number}, {each.place}"
                yield each._replace(place=place)


def _split(content: JsonFile) -> Iterator[bytes]:
    rest = b""
    while piece := content.read():
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
        if len(rest) > settings.parser_item_bytes_max:
            raise Unreadable(f"A line of it is longer than {settings.parser_item_bytes_max:,} bytes.")
    yield rest


def collections(values: Iterable[Any]) -> Iterator[Read]:
    """The features of GeoJSON objects of any kind; a geometry counts as a feature without properties."""
    for value in values:
        kind, crs = (value.get("type"), value.get("crs")) if isinstance(value, dict) else (None, None)
        listed = value.get("features") if kind == "FeatureCollection" else None
        if not isinstance(listed, list):
            listed = [{"type": "Feature", "geometry": value} if kind in GEOMETRIES else value]
        yield from features(listed, reference_systems.to_degrees(crs))


def features(listed: Iterable[Any], transform: Transform = reference_systems.unchanged) -> Iterator[Read]:
    """Features in longitude and latitude; and what cannot be read as one."""
    for number, value in zip(count(), listed, strict=False):
        yield _feature(f"features.{number}", value, transform)


def _feature(place: str, value: Any, transform: Transform) -> Read:
    if not isinstance(value, dict) or value.get("type") != "Feature":
        return Skip(place, SkipReason.NOT_A_FEATURE, "This is not a GeoJSON Feature.")
    if value.get("geometry") is None:
        return Skip(place, SkipReason.NO_GEOMETRY, "This feature has no geometry.")
    properties = value.get("properties")
    if not isinstance(properties, dict | None):
        message = 'The "properties" of a feature must be an object or null.'
        return Skip(place, SkipReason.INVALID_PROPERTIES, message, PROPERTIES)
    try:
        shape = transform(shapes.from_geojson(value["geometry"]))
    except Unfit as unfit:
        reason = SkipReason.TOO_LARGE if "vertices" in str(unfit) else SkipReason.INVALID_GEOMETRY
        return Skip(place, reason, str(unfit))
    tags, osm_type, osm_id = identified(properties or {}, value.get("id"))
    return Candidate(place, shape, tags, osm_type, osm_id)
