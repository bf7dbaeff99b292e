"""Addresses of imagery as map programs write them: which tile each stands for. Asks no network.

Understood are the placeholders of JOSM, iD, Leaflet, OpenLayers, QGIS and TiTiler, OGC's names of WMTS, and WMS.
"""

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from app.errors import Invalid, quoted
from app.gateways import outside
from app.geometry.tiles import EQUATOR_M, PIXELS, Tile
from app.limits.mapping import IMAGERY_URL_LENGTH_MAX

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# As JOSM writes what an address is: tms[22]:https://… has tiles up to zoom 22.
PREFIX = re.compile(r"(tms|xyz|wms)(?:\[(?:([0-9]{1,2}),)?([0-9]{1,2})\])?:(?=https?://|//|\{)", re.IGNORECASE)
OTHER_PREFIX = re.compile(r"(wmts|wms_endpoint|bing|scanex|mvt|type)(?:\[[^\]]*\])?[:=]", re.IGNORECASE)
CALCULATED_ZOOM = re.compile(r"(?:([0-9]{1,2})-)?z(?:oom)?([+-][0-9]{1,2})?")
HOSTS = re.compile(r"([a-z])-([a-z])|([0-9])-([0-9])")
SAMPLE = Tile(18, 1, 2)
MERCATOR = {"EPSG:3857", "EPSG:900913", "EPSG:102100", "EPSG:3785"}
HALF_M = EQUATOR_M / 2


def quadkey(tile: Tile) -> str:
    """The tile's name as one digit for each zoom level."""
    return "".join(str((tile.x >> bit & 1) + 2 * (tile.y >> bit & 1)) for bit in range(tile.z - 1, -1, -1))


def _wms_box(tile: Tile) -> tuple[float, float, float, float]:
    """West, south, east and north in metres of Web Mercator."""
    side = EQUATOR_M / 2**tile.z
    west, north = tile.x * side - HALF_M, HALF_M - tile.y * side
    return west, north - side, west + side, north


def _written_box(tile: Tile) -> str:
    return ",".join(map(_metres, _wms_box(tile)))


def _metres(value: float) -> str:
    return f"{value:.6f}"


VALUES: dict[str, Callable[[Tile], str]] = {
    **dict.fromkeys(("z", "zoom", "level", "tilematrix"), lambda tile: str(tile.z)),
    **dict.fromkeys(("x", "col", "tilecol"), lambda tile: str(tile.x)),
    **dict.fromkeys(("y", "row", "tilerow"), lambda tile: str(tile.y)),
    **dict.fromkeys(("-y", "ty"), lambda tile: str(2**tile.z - 1 - tile.y)),
    **dict.fromkeys(("q", "u", "quadkey"), quadkey),
    # Tiles for screens of many pixels are twice as large: plain ones are what a network learns from.
    **dict.fromkeys(("r", "ratio", "retina"), lambda _: ""),
    **dict.fromkeys(("bbox", "bbox-epsg-3857"), _written_box),
    **dict.fromkeys(("width", "height"), lambda _: str(PIXELS)),
    **dict.fromkeys(("proj", "crs", "srs"), lambda _: "EPSG:3857"),
    "wkid": lambda _: "3857",
    "style": lambda _: "default",
    "w": lambda tile: _metres(_wms_box(tile)[0]),
    "s_": lambda tile: _metres(_wms_box(tile)[1]),
    "e": lambda tile: _metres(_wms_box(tile)[2]),
    "n": lambda tile: _metres(_wms_box(tile)[3]),
}
ZOOMS, COLUMNS = {"z", "zoom", "level", "tilematrix"}, {"x", "col", "tilecol"}
ROWS, QUADKEYS = {"y", "row", "tilerow", "-y", "ty"}, {"q", "u", "quadkey"}
BOXES, SIDES = {"bbox", "bbox-epsg-3857"}, {"w", "s", "e", "n"}


class Template(NamedTuple):
    """An address with placeholders, and the zoom levels it says there are."""

    address: str
    zoom_min: int = 0
    zoom_max: int | None = None


def check_template(field: str, text: str) -> str:
    """The template without surrounding space, if tiles can be asked of it."""
    template = text.strip()
    if len(template) > IMAGERY_URL_LENGTH_MAX:
        raise Invalid(field, f"Use at most {IMAGERY_URL_LENGTH_MAX} characters; this has {len(template)}.")
    if "${" in template:
        raise Invalid(field, "Write placeholders without a dollar sign: {z}, not ${z}.")
    if not PREFIX.match(template) and (other := OTHER_PREFIX.match(template)):
        raise Invalid(field, f"{quoted(other[0])} is not supported. Give the URL of tiles, of WMS or of TileJSON.")
    address = read(template).address
    names = {name.lower() for name in PLACEHOLDER.findall(address)}
    if not names and is_tilejson(address):
        outside.check_url(field, address, length_max=IMAGERY_URL_LENGTH_MAX)
        return template
    _check_names(field, PLACEHOLDER.findall(address))
    _check_kind(field, address, names)
    url = tile_url(template, SAMPLE)
    if set("{}") & set(url):
        raise Invalid(field, "A brace does not belong to a placeholder. Write {z}, {x} and {y}.")
    # What is put in for placeholders is no part of what a person gives.
    outside.check_url(field, url, length_max=2 * IMAGERY_URL_LENGTH_MAX)
    return template


def _check_names(field: str, names: list[str]) -> None:
    for name in names:
        known = name.lower() in {*VALUES, "s"} - {"s_"} or CALCULATED_ZOOM.fullmatch(name.lower())
        if not (known or name.startswith("switch:") or HOSTS.fullmatch(name)):
            raise Invalid(field, f"{{{name}}} is not a placeholder; use {{z}}, {{x}} and {{y}}, {{-y}} or {{q}}.")


def _check_kind(field: str, address: str, names: set[str]) -> None:
    """Passes if a tile's place can be stated: by its numbers, by its name, or by a bounding box."""
    has_zoom = bool(names & ZOOMS) or any(CALCULATED_ZOOM.fullmatch(name) for name in names)
    if names & QUADKEYS or (has_zoom and names & COLUMNS and names & ROWS):
        return
    query = {key.upper(): value for key, value in parse_qsl(urlsplit(address).query, keep_blank_values=True)}
    is_wms = query.get("SERVICE", "").upper() == "WMS" or query.get("REQUEST", "").upper() == "GETMAP"
    if names & BOXES or names >= SIDES or ("LAYERS" in query and not names):
        _check_wms(field, query)
        return
    if is_wms:
        raise Invalid(field, "Name the layers of the WMS: add layers=… to its URL.")
    raise Invalid(
        field,
        "The URL template needs {z}, {x} and {y} (or {-y} for TMS), or {q}, or must be the URL of a TileJSON file "
        "or of a WMS with its layers.",
    )


def _check_wms(field: str, query: dict[str, str]) -> None:
    system = query.get("CRS", query.get("SRS"))
    if system is not None and "{" not in system and system.upper() not in MERCATOR:
        raise Invalid(field, f"The WMS is asked in EPSG:3857, not in {quoted(system)}. Leave it out, or use {{proj}}.")
    if "LAYERS" in query and not query["LAYERS"].strip():
        raise Invalid(field, "Name the layers of the WMS: layers= is empty.")


def read(template: str) -> Template:
    """A template without the prefix of JOSM; encoded braces are read as such where there are no others."""
    text = template.strip()
    if "{" not in text:
        text = re.sub("%7B", "{", re.sub("%7D", "}", text, flags=re.IGNORECASE), flags=re.IGNORECASE)
    match = PREFIX.match(text)
    if match is None:
        return Template(text)
    address = text[match.end() :]
    zoom_min, zoom_max = int(match[2] or 0), int(match[3]) if match[3] else None
    return Template(f"https:{address}" if address.startswith("//") else address, zoom_min, zoom_max)


def is_tilejson(address: str) -> bool:
    """Whether an address without placeholders is that of a TileJSON file."""
    path = address.partition("?")[0].lower()
    return path.endswith((".json", ".tilejson")) and not PLACEHOLDER.search(address)


def tile_url(template: str, tile: Tile) -> str:
    """Where a template keeps a tile."""
    address = read(template).address
    if not PLACEHOLDER.search(address):
        return _get_map(address, tile)
    has_box = {name.lower() for name in PLACEHOLDER.findall(address)} >= SIDES
    return PLACEHOLDER.sub(lambda match: _value(match[1], tile, is_south=has_box), address)


def _value(name: str, tile: Tile, *, is_south: bool) -> str:
    if name.startswith("switch:"):
        return _turn(name.removeprefix("switch:").split(","), tile)
    if name.lower() == "s" and not is_south:
        return _turn(["a", "b", "c"], tile)
    if (hosts := HOSTS.fullmatch(name)) and name not in VALUES:
        first, last = (hosts[1], hosts[2]) if hosts[1] else (hosts[3], hosts[4])
        return _turn([chr(code) for code in range(ord(first), ord(last) + 1)] or [first], tile)
    value = VALUES.get("s_" if name.lower() == "s" else name.lower())
    if value is not None:
        return value(tile)
    calculated = CALCULATED_ZOOM.fullmatch(name.lower())
    assert calculated is not None
    zoom = int(calculated[1]) - tile.z if calculated[1] else tile.z
    return str(zoom + int(calculated[2] or 0))


def _turn(hosts: list[str], tile: Tile) -> str:
    return hosts[(tile.x + tile.y) % len(hosts)]


def _get_map(address: str, tile: Tile) -> str:
    """The request of a WMS for a tile, by the address with its layers."""
    parts = urlsplit(address)
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    named = {key.upper(): value for key, value in parameters}
    version = named.get("VERSION") or "1.3.0"
    wanted = {
        "SERVICE": "WMS",
        "REQUEST": "GetMap",
        "VERSION": version,
        "STYLES": named.get("STYLES", ""),
        "FORMAT": named.get("FORMAT", "image/png"),
        "TRANSPARENT": named.get("TRANSPARENT", "TRUE"),
        "CRS" if version.startswith("1.3") else "SRS": "EPSG:3857",
        "BBOX": _written_box(tile),
        "WIDTH": str(PIXELS),
        "HEIGHT": str(PIXELS),
    }
    others = [(key, value) for key, value in parameters if key.upper() not in {*wanted, "CRS", "SRS"}]
    return urlunsplit(parts._replace(query=urlencode([*others, *wanted.items()], safe="/:,")))
