"""OSM XML as map editors open it: vertices in the same place are one node, and holes make a multipolygon relation.

All elements are new ones, so their ids are negative; only OpenStreetMap gives others. GDAL with its defaults reads
positive ones alone: by choice they are positive, and the file says that it must not be uploaded. Which vertices
coincide is known when the last feature has come: until then features wait in a temporary file, and of each vertex 8
bytes in memory.
"""

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, islice
from tempfile import TemporaryFile
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from app.formats import Feature
from app.formats.features.osm_identity import plain_tags

HEADER = b'<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6" generator="Fieldgraph"%b>\n'
FOOTER = b"</osm>\n"
UNITS = 10_000_000  # OpenStreetMap keeps seven decimals
CORNER = (180, 90)
WAY_NODES_MAX = 2_000
TEXT_LENGTH_MAX = 255
BATCH = 1_000
# What XML 1.0 has no way to write.
UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Tags = Mapping[str, str]


class _Member(NamedTuple):
    way: int
    role: str


class OsmXml:
    """One file; its nodes come first, then its ways, then its relations."""

    media_type = "application/vnd.openstreetmap.data+xml"

    def __init__(self, *, positive_ids: bool = False) -> None:
        self._sign = "" if positive_ids else "-"
        # Elements that OpenStreetMap has already would be there twice, and positive ids are those of others.
        self._is_for_upload = not positive_ids
        # What has a positive id has a version, for programs that know of OpenStreetMap's own elements alone.
        self._state = 'version="1" visible="true"' if positive_ids else 'visible="true"'
        self._waiting = TemporaryFile()  # noqa: SIM115 -- it lives as long as this, and goes with it
        self._keys = array("q")
        self._ways = count(1)
        self._relations = count(1)

    def __del__(self) -> None:
        # Of a file that was not finished, too.
        self._waiting.close()

    def write(self, features: Sequence[Feature]) -> bytes:
        """Nothing yet: the first node may be shared with the last feature."""
        for feature in features:
            tags = tags_of(feature.properties)
            self._is_for_upload &= feature.properties.get("osm_id") is None
            for part in _parts(feature.geometry):
                self._waiting.write(orjson.dumps([shapely.to_wkb(part, hex=True), tags]) + b"\n")
                if not isinstance(part, Point):
                    self._keys.frombytes(_keys(part).tobytes())
        return b""

    def finish(self) -> Iterator[bytes]:
        """The whole file."""
        yield HEADER % (b"" if self._is_for_upload else b' upload="never"')
        nodes = np.unique(np.frombuffer(self._keys, dtype=np.int64))
        yield from self._nodes(nodes)
        with self._waiting, TemporaryFile() as relations:
            yield from self._points(len(nodes))
            for part, tags in self._parts():
                if not isinstance(part, Point):
                    ways, relation = self._drawn(part, tags, nodes)
                    yield ways
                    relations.write(relation)
            relations.seek(0)
            yield from iter(lambda: relations.read(65_536), b"")
        yield FOOTER

    def _parts(self) -> Iterator[tuple[BaseGeometry, Tags]]:
        self._waiting.seek(0)
        while lines := list(islice(self._waiting, BATCH)):
            read = [orjson.loads(line) for line in lines]
            shapes = shapely.from_wkb([wkb for wkb, _ in read])
            yield from zip(shapes, (tags for _, tags in read), strict=True)

    def _points(self, taken: int) -> Iterator[bytes]:
        """Points are nodes of their own: two of them in one place may say different things."""
        ids = count(taken + 1)
        for part, tags in self._parts():
            if isinstance(part, Point):
                place = f'lat="{part.y:.7f}" lon="{part.x:.7f}"'
                yield f'<node id="{self._sign}{next(ids)}" {self._state} {place}>{_tags(tags)}</node>\n'.encode()

    def _drawn(self, shape: BaseGeometry, tags: Tags, nodes: NDArray[np.int64]) -> tuple[bytes, bytes]:
        """The ways of a shape, and its relation if it takes one."""
        if isinstance(shape, LineString):
            drawn, _ = self._line(_refs(shape, nodes), tags)
            return drawn, b""
        polygons = [shape] if isinstance(shape, Polygon) else list(shape.geoms)
        rings = [(role, _refs(ring, nodes)) for polygon in polygons for role, ring in _rings(polygon)]
        # What is narrower than a centimetre has no two sides left.
        rings = [(role, refs) for role, refs in rings if len(refs) > 3]
        if len(rings) == 1 and len(rings[0][1]) <= WAY_NODES_MAX:
            drawn, _ = self._line(rings[0][1], tags)
            return drawn, b""
        ways, members = bytearray(), list[_Member]()
        for role, refs in rings:
            drawn, numbers = self._line(refs, {})
            ways += drawn
            members += [_Member(number, role) for number in numbers]
        return bytes(ways), self._relation(members, tags) if members else b""

    def _line(self, refs: NDArray[np.int64], tags: Tags) -> tuple[bytes, list[int]]:
        """One way, or as many as it takes, each beginning where the one before it ends."""
        step = WAY_NODES_MAX - 1
        pieces = [refs[start : start + WAY_NODES_MAX] for start in range(0, max(1, len(refs) - 1), step)]
        numbers = [next(self._ways) for _ in pieces]
        lines = []
        for number, piece in zip(numbers, pieces, strict=True):
            nodes = "".join(f'<nd ref="{self._sign}{ref}"/>' for ref in piece.tolist())
            lines.append(f'<way id="{self._sign}{number}" {self._state}>{nodes}{_tags(tags)}</way>\n')
        return "".join(lines).encode(), numbers

    def _relation(self, members: Sequence[_Member], tags: Tags) -> bytes:
        listed = "".join(f'<member type="way" ref="{self._sign}{way}" role="{role}"/>' for way, role in members)
        tag_lines = _tags({**tags, "type": "multipolygon"})
        id = f"{self._sign}{next(self._relations)}"
        return f'<relation id="{id}" {self._state}>{listed}{tag_lines}</relation>\n'.encode()

    def _nodes(self, keys: NDArray[np.int64]) -> Iterator[bytes]:
        for start in range(0, len(keys), BATCH):
            some = keys[start : start + BATCH]
            longitudes = ((some >> 31) / UNITS - 180).tolist()
            latitudes = ((some & (2**31 - 1)) / UNITS - 90).tolist()
            yield "".join(
                f'<node id="{self._sign}{number}" {self._state} lat="{latitude:.7f}" lon="{longitude:.7f}"/>\n'
                for number, (longitude, latitude) in enumerate(zip(longitudes, latitudes, strict=True), start + 1)
            ).encode()


def tags_of(properties: Mapping[str, Any]) -> dict[str, str]:
    """Properties as OpenStreetMap knows them: short texts, yes and no; nulls are left out."""
    properties = plain_tags(properties)
    tags = {_text(key): _text(_spelled(value)) for key, value in properties.items() if value is not None}
    return {key: value for key, value in tags.items() if key and value}


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _text(value: str) -> str:
    return UNWRITABLE.sub("", value)[:TEXT_LENGTH_MAX]


def _tags(tags: Tags) -> str:
    return "".join(f"<tag k={_quoted(key)} v={_quoted(value)}/>" for key, value in tags.items())


def _quoted(text: str) -> str:
    return quoteattr(text, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _parts(shape: BaseGeometry) -> Iterator[BaseGeometry]:
    """What OpenStreetMap has an element for; collections of others become several."""
    if shape.is_empty:
        return
    if shape.geom_type in {"Point", "LineString", "Polygon", "MultiPolygon"}:
        yield shape
    elif shape.geom_type == "LinearRing":
        yield LineString(shape.coords)
    else:
        for part in shape.geoms:
            yield from _parts(part)


def _rings(polygon: Polygon) -> Iterator[tuple[str, BaseGeometry]]:
    yield "outer", polygon.exterior
    yield from (("inner", ring) for ring in polygon.interiors)


def _keys(shape: BaseGeometry) -> NDArray[np.int64]:
    """Each vertex as one number: 32 bits of longitude above 31 of latitude."""
    places = np.rint((shapely.get_coordinates(shape) + CORNER) * UNITS).astype(np.int64)
    keys: NDArray[np.int64] = (places[:, 0] << 31) | places[:, 1]
    return keys


def _refs(line: BaseGeometry, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers of a line's nodes; vertices that fall together count once."""
    keys = _keys(line)
    keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))]
    refs: NDArray[np.int64] = np.searchsorted(nodes, keys) + 1
    return refs
