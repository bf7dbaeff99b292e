"""Reads areas out of OSM XML: closed ways, and multipolygons put together from their ways.

A file is read twice, so that its elements may come in any order: first its nodes, each kept in 24 bytes of memory,
and its relations, then its ways. Documents that define entities are refused.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from xml.parsers import expat

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon

from app.errors import Unreadable
from app.formats import Feature
from app.geometry import enclosed
from app.settings import settings

CHUNK_BYTES = 65_536
ENDS_MIN = 4
# osm, perhaps an action around an element and its versions, an element, its parts.
DEPTH_MAX = 8
Wanted = Callable[[Mapping[str, str]], bool]


def read(path: Path, wanted: Wanted) -> Iterator[Feature]:
    """The areas with wanted tags; Unreadable if one cannot be put together."""
    first = _First(wanted)
    for _ in _parsed(path, first):
        pass
    places = _Places(first.ids, first.longitudes, first.latitudes)
    second = _Second(wanted, places, {way for relation in first.relations for way, _ in relation.members})
    yield from _parsed(path, second)
    for relation in first.relations:
        yield Feature(second.assembled(relation), relation.tags)


class _Element:
    """A way or a relation, as far as it has been read."""

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self.id = int(attributes["id"])
        self.is_gone = attributes.get("action") == "delete" or attributes.get("visible") == "false"
        self.tags: dict[str, str] = {}
        self.refs = array("q")
        self.members: list[tuple[int, str]] = []

    def check(self) -> None:
        """Passes if it has no more parts than anything on the map could have."""
        if len(self.tags) + len(self.refs) + len(self.members) > settings.parser_members_max:
            raise Unreadable(f"Element {self.id} has more than {settings.parser_members_max:,} parts.")


class _Handler:
    """What both readings have in common: elements are put together and handed over when they end."""

    KINDS: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.current: _Element | None = None
        self.features: list[Feature] = []
        self._depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise Unreadable("This is not OSM XML: its elements are nested too deeply.")
        if name in self.KINDS:
            self.current = _Element(attributes)
        elif self.current is None:
            return
        elif name == "tag":
            self.current.tags[attributes["k"]] = attributes["v"]
        elif name == "nd":
            self.current.refs.append(int(attributes["ref"]))
        elif name == "member" and attributes["type"] == "way":
            self.current.members.append((int(attributes["ref"]), attributes.get("role", "")))

    def end(self, name: str) -> None:
        self._depth -= 1
        if name in self.KINDS and self.current is not None:
            self.current.check()
            if not self.current.is_gone:
                self.take(self.current)
            self.current = None

    def take(self, element: _Element) -> None:
        raise NotImplementedError


class _First(_Handler):
    """Where the nodes are, and which relations are wanted."""

    KINDS = ("relation",)

    def __init__(self, wanted: Wanted) -> None:
        super().__init__()
        self.ids, self.longitudes, self.latitudes = array("q"), array("d"), array("d")
        self.relations: list[_Element] = []
        self._wanted = wanted

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "node" and "lat" in attributes:
            self.ids.append(int(attributes["id"]))
            self.longitudes.append(float(attributes["lon"]))
            self.latitudes.append(float(attributes["lat"]))
        super().start(name, attributes)

    def take(self, element: _Element) -> None:
        if element.tags.get("type") in {"multipolygon", "boundary"} and self._wanted(element.tags):
            self.relations.append(element)


class _Second(_Handler):
    """The ways: areas by themselves, or pieces of a relation."""

    KINDS = ("way",)

    def __init__(self, wanted: Wanted, places: "_Places", pieces: set[int]) -> None:
        super().__init__()
        self._wanted = wanted
        self._places = places
        self._pieces = pieces
        self._lines: dict[int, LineString] = {}

    def take(self, element: _Element) -> None:
        is_closed = len(element.refs) >= ENDS_MIN and element.refs[0] == element.refs[-1]
        if element.id in self._pieces and len(element.refs) > 1:
            self._lines[element.id] = LineString(self._places.of(element))
            # The outer way of an old multipolygon may carry its tags: those of the relation count.
            is_closed = False
        if is_closed and self._wanted(element.tags):
            self.features.append(Feature(Polygon(self._places.of(element)), element.tags))

    def assembled(self, relation: _Element) -> Polygon:
        lines: defaultdict[bool, list[LineString]] = defaultdict(list)
        for way, role in relation.members:
            if way not in self._lines:
                raise Unreadable(f"Relation {relation.id} needs way {way}, which is not in the file.")
            lines[role == "inner"].append(self._lines[way])
        try:
            return enclosed(lines[False], lines[True])
        except shapely.GEOSException:
            raise Unreadable(f"The ways of relation {relation.id} do not enclose an area.") from None


class _Places:
    """The nodes of a file by their ids."""

    def __init__(self, ids: Sequence[int], longitudes: Sequence[float], latitudes: Sequence[float]) -> None:
        known = np.array(ids, dtype=np.int64)
        order = np.argsort(known, kind="stable")
        self._ids = known[order]
        self._places = np.column_stack((np.array(longitudes), np.array(latitudes)))[order]

    def of(self, way: _Element) -> NDArray[np.float64]:
        refs = np.array(way.refs, dtype=np.int64)
        positions = np.searchsorted(self._ids, refs)
        if (positions == len(self._ids)).any() or (self._ids[positions] != refs).any():
            raise Unreadable(f"Way {way.id} has nodes that are not in the file.")
        places: NDArray[np.float64] = self._places[positions]
        return places


def _parsed(path: Path, handler: _Handler) -> Iterator[Feature]:
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = handler.start, handler.end
    parser.StartDoctypeDeclHandler = _refuse
    parser.buffer_text = True
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                parser.Parse(chunk)
                _check_token(parser, file.tell())
                yield from handler.features
                handler.features.clear()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise Unreadable(f"This is not XML: {error}.") from None
    except Unreadable:
        raise
    except (LookupError, ValueError, OverflowError, shapely.GEOSException):
        raise Unreadable(f"This is not OSM XML: line {parser.CurrentLineNumber}.") from None
    yield from handler.features


def _check_token(parser: expat.XMLParserType, read: int) -> None:
    """Passes if what has been read ends in no token that is longer than it may be.

    Expat before 2.6 begins anew with such a token at every chunk, which takes as long as its length squared.
    """
    if read - parser.CurrentByteIndex > settings.parser_token_bytes_max:
        raise Unreadable(f"Line {parser.CurrentLineNumber} has a tag or a comment that is too long.")


def _refuse(*_: object) -> None:
    raise Unreadable("An OSM file must not have a document type.")
