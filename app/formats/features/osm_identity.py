"""Which OpenStreetMap element a GeoJSON feature is, and its tags: as the programs that export them write it."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

ID_MAX = 2**63 - 1
TYPES = {
    **dict.fromkeys(("n", "node", "nodes", "point"), "node"),
    **dict.fromkeys(("w", "way", "ways", "ways_line", "ways_poly"), "way"),
    **dict.fromkeys(("r", "rel", "relation", "relations", "multipolygon"), "relation"),
}
# way/123 of Overpass Turbo, w123 of QuickOSM and osmium, way(123) and the addresses of openstreetmap.org.
NAMED = re.compile(r"(?:.*/)?(n|w|r|a|node|way|rel|relation)[/ (:_]*([0-9]{1,19})\)?(?:/.*)?", re.IGNORECASE)
NUMBER = re.compile(r"[+-]?[0-9]{1,19}(?:\.0+)?")
NAMES = ("@id", "full_id", "osm_id", "osmid", "osmId", "id")
TYPE_NAMES = ("@type", "osm_type", "osmType")
# Said of an element, not of what it stands for.
METADATA = {"changeset", "timestamp", "version", "user", "uid", "visible", "meta", "relations", "tainted"}


# What no element has as a tag: it names elements, or is metadata of one.
NO_TAGS = {*METADATA, *NAMES[:-1], *TYPE_NAMES, "osm_way_id", "tags"}


def plain_tags(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a feature that may stand as tags in OpenStreetMap; nested ones are unfolded."""
    nested = properties.get("tags")
    plain = {key: value for key, value in properties.items() if key not in NO_TAGS and not key.startswith("@")}
    return {**plain, **nested} if isinstance(nested, dict) else plain


class Identified(NamedTuple):
    """The tags of a feature, and the element it is."""

    tags: dict[str, Any]
    osm_type: str | None = None
    osm_id: int | None = None


def identified(properties: Mapping[str, Any], feature_id: object = None) -> Identified:
    """The tags of a feature with nested ones unfolded, and its element if it names one."""
    nested = properties.get("tags")
    osm_type, osm_id = _element(properties, feature_id, has_tags=isinstance(nested, dict))
    known = osm_id is not None or isinstance(nested, dict)
    used = {*NAMES[:-1], *TYPE_NAMES, "osm_way_id"} if osm_id is not None else set()
    if isinstance(nested, dict):
        used |= {"tags", "osm_id", "osm_type", "type", "id"}
    plain = {
        key: value
        for key, value in properties.items()
        if key not in used and not (known and (key in METADATA or key.startswith("@")))
    }
    return Identified({**plain, **nested} if isinstance(nested, dict) else plain, osm_type, osm_id)


def _element(
    properties: Mapping[str, Any], feature_id: object, *, has_tags: bool
) -> tuple[str, int] | tuple[None, None]:
    """What it names itself: by an address of its own, by a number and a type, or as GDAL's multipolygons do."""
    for value in (feature_id, *(properties.get(name) for name in NAMES)):
        if isinstance(value, str) and (named := _named(value)):
            return named
    if "osm_way_id" in properties:
        way, relation = _number(properties["osm_way_id"]), _number(properties.get("osm_id"))
        return ("way", way) if way else ("relation", relation) if relation else (None, None)
    type_names = (*TYPE_NAMES, "type") if has_tags else TYPE_NAMES
    types = [str(properties[name]).lower() for name in type_names if name in properties]
    osm_type = next((TYPES[each] for each in types if each in TYPES), None)
    # A bare `id` is an element's only beside the type of one: every other file numbers its features, too.
    names = NAMES if osm_type else NAMES[:-1]
    number = next((read for name in names if (read := _number(properties.get(name)))), None)
    if number is None and osm_type:
        number = _number(feature_id)
    if number is None:
        return None, None
    # Imports of polygons by osm2pgsql number relations below zero.
    return osm_type or ("way" if number > 0 else "relation"), abs(number)


def _named(text: str) -> tuple[str, int] | None:
    match = NAMED.fullmatch(text.strip()[:200])
    if match is None:
        return None
    kind, number = match[1].lower(), int(match[2])
    if kind == "a":  # osmium's areas: twice the number of a way, or that of a relation and one more
        kind, number = ("relation", number // 2) if number % 2 else ("way", number // 2)
    return (TYPES[kind], number) if 0 < number <= ID_MAX else None


def _number(value: object) -> int | None:
    """A whole number other than zero, also where a table kept it as a text or a fraction."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    if not isinstance(value, int | float | str) or not NUMBER.fullmatch(text):
        return None
    number = int(text.partition(".")[0])
    return number if 0 < abs(number) <= ID_MAX else None
