"""The elements of OpenStreetMap files, in XML, PBF or Overpass's JSON; Unreadable where a file is none of these.

XML and JSON may give the places of a way's nodes within the way, as `out geom` of Overpass does. XML that defines
entities is refused.
"""

import os
from array import array
from collections.abc import Callable, Iterator, Mapping
from math import nan
from pathlib import Path
from typing import Any, NamedTuple
from xml.parsers import expat

import ijson

from app.errors import Unreadable
from app.formats import file_streams
from app.parsing.bounds import JsonFile
from app.settings import settings

CHUNK_BYTES = 65_536
# osm, perhaps an action around an element and its versions, an element, its members, their nodes.
DEPTH_MAX = 9
NO_NODE = -(2**63)
PBF_MEMBERS = {"n": "node", "w": "way", "r": "relation"}


class Node(NamedTuple):
    """A place with a number."""

    id: int
    longitude: float
    latitude: float
    version: int
    tags: Mapping[str, str] = {}


class Member(NamedTuple):
    """A part of a relation; with its places, as longitude and latitude in turn, if the file gives them here."""

    type: str
    ref: int
    role: str
    places: "array[float]"


class Element:
    """A way or a relation, as far as it has been read."""

    def __init__(self, kind: str, id: int) -> None:
        self.kind = kind
        self.id = id
        self.tags: dict[str, str] = {}
        self.refs = array("q")
        self.places = array("d")  # of the nodes, if the file gives them here; NaN where it does not
        self.members: list[Member] = []

    def check(self) -> None:
        """Passes if it has no more parts than anything on the map could have."""
        parts = len(self.tags) + len(self.refs) + sum(1 + len(member.places) // 2 for member in self.members)
        if parts > settings.parser_members_max:
            raise Unreadable(f"Element {self.id} has more than {settings.parser_members_max:,} parts.")


def elements(path: Path, *kinds: str) -> Iterator[Node | Element]:
    """The elements of some kinds that are not deleted."""
    read: Callable[..., Iterator[Node | Element]] = _xml
    head = file_streams.head(path)
    if file_streams.is_pbf(head):
        read = _pbf
    elif file_streams.is_overpass_json(head):
        read = _json
    return read(path, kinds)


class _Handler:
    """Puts elements together as their parts are read."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self.done: list[Node | Element] = []
        self._kinds = kinds
        self._element: Element | None = None
        self._node: Node | None = None
        self._is_gone = False
        self._depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise Unreadable("This is not OSM XML: its elements are nested too deeply.")
        if name in self._kinds:
            self._begin(name, attributes)
        elif name == "tag":
            tags = self._element.tags if self._element else self._node.tags if self._node else None
            if isinstance(tags, dict) and len(tags) < settings.parser_members_max:
                tags[attributes["k"]] = attributes["v"]
        elif self._element is not None:
            self._part(self._element, name, attributes)

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        id = int(attributes["id"])
        self._is_gone = attributes.get("action") == "delete" or attributes.get("visible") == "false"
        if name != "node":
            self._element = Element(name, id)
        elif "lat" in attributes:
            version = int(attributes.get("version", 0))
            self._node = Node(id, float(attributes["lon"]), float(attributes["lat"]), version, {})

    def _part(self, element: Element, name: str, attributes: dict[str, str]) -> None:
        if name == "nd":
            place = (float(attributes["lon"]), float(attributes["lat"])) if "lat" in attributes else (nan, nan)
            if element.members:
                element.members[-1].places.extend(place)
            elif element.kind == "way":
                element.refs.append(int(attributes["ref"]))
                element.places.extend(place)
        elif name == "member":
            kind, ref, role = attributes["type"], int(attributes["ref"]), attributes.get("role", "")
            element.members.append(Member(kind, ref, role, array("d")))

    def end(self, name: str) -> None:
        self._depth -= 1
        if name not in self._kinds:
            return
        ended: Node | Element | None = self._node if name == "node" else self._element
        if isinstance(ended, Element):
            ended.check()
        if ended is not None and not self._is_gone:
            self.done.append(ended)
        self._node = self._element = None


def _xml(path: Path, kinds: tuple[str, ...]) -> Iterator[Node | Element]:
    handler = _Handler(kinds)
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = handler.start, handler.end
    parser.StartDoctypeDeclHandler = _refuse
    parser.buffer_text = True
    read = 0
    try:
        with file_streams.opened(path) as file:
            while chunk := file.read(CHUNK_BYTES):
                parser.Parse(chunk)
                read += len(chunk)
                _check_token(parser, read)
                yield from handler.done
                handler.done.clear()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise Unreadable(f"This is not XML: {error}.") from None
    except Unreadable:
        raise
    except (LookupError, ValueError, OverflowError):
        raise Unreadable(f"This is not OSM XML: line {parser.CurrentLineNumber}.") from None
    yield from handler.done


def _check_token(parser: expat.XMLParserType, read: int) -> None:
    """Passes if what has been read ends in no token that is longer than it may be.

    Expat before 2.6 begins anew with such a token at every chunk, which takes as long as its length squared.
    """
    if read - parser.CurrentByteIndex > settings.parser_token_bytes_max:
        raise Unreadable(f"Line {parser.CurrentLineNumber} has a tag or a comment that is too long.")


def _refuse(*_: object) -> None:
    raise Unreadable("An OSM file must not have a document type.")


def _json(path: Path, kinds: tuple[str, ...]) -> Iterator[Node | Element]:
    try:
        with file_streams.opened(path) as file:
            for read in ijson.items(JsonFile(file_streams.Utf8(file)), "elements.item", use_float=True):
                if isinstance(read, dict) and read.get("type") in kinds:
                    yield from _of_json(read)
    except ijson.JSONError:
        raise Unreadable("This is not JSON, or it is broken.") from None
    except (LookupError, TypeError, ValueError, OverflowError, AttributeError):
        raise Unreadable("This is not the JSON of Overpass: an element of it has no id, or other parts.") from None


def _of_json(read: dict[str, Any]) -> Iterator[Node | Element]:
    tags = {str(key): str(value) for key, value in (read.get("tags") or {}).items()}
    if read["type"] == "node":
        if "lat" in read:
            yield Node(int(read["id"]), float(read["lon"]), float(read["lat"]), int(read.get("version", 0)), tags)
        return
    element = Element(read["type"], int(read["id"]))
    element.tags = tags
    element.places = _places(read.get("geometry"))
    element.refs = array("q", map(int, read.get("nodes") or [NO_NODE] * (len(element.places) // 2)))
    if not element.places:
        element.places = array("d", [nan, nan] * len(element.refs))
    for member in read.get("members") or ():
        places = _places(member.get("geometry"))
        element.members.append(Member(str(member["type"]), int(member["ref"]), str(member.get("role", "")), places))
    element.check()
    yield element


def _places(listed: Any) -> "array[float]":
    places = array("d")
    for place in listed or ():
        places.extend((float(place["lon"]), float(place["lat"])) if place else (nan, nan))
    return places


def _pbf(path: Path, kinds: tuple[str, ...]) -> Iterator[Node | Element]:
    # Blocks are unpacked one after another: each may take 32 MiB, and the process may not take much more.
    os.environ |= {"OSMIUM_POOL_THREADS": "1", "OSMIUM_MAX_INPUT_QUEUE_SIZE": "2", "OSMIUM_MAX_OSMDATA_QUEUE_SIZE": "2"}
    import osmium  # noqa: PLC0415 -- it reads its settings when it starts its threads

    letters = {"node": osmium.osm.NODE, "way": osmium.osm.WAY, "relation": osmium.osm.RELATION}
    wanted = letters[kinds[0]]
    for kind in kinds[1:]:
        wanted |= letters[kind]
    try:
        entities: Iterator[Any] = iter(osmium.FileProcessor(osmium.io.File(str(path), "pbf"), wanted))
        for read in entities:
            if read.visible and (element := _element(read)) is not None:
                yield element
    except (RuntimeError, ValueError, OverflowError):
        raise Unreadable("This is not an OSM PBF file, or it is broken.") from None


def _element(read: Any) -> Node | Element | None:
    if read.is_node():
        if not read.location.valid():
            return None
        tags = dict(read.tags) if len(read.tags) else {}
        return Node(read.id, read.location.lon, read.location.lat, read.version, tags)
    element = Element("way" if read.is_way() else "relation", read.id)
    element.tags = dict(read.tags)
    if len(read.nodes if read.is_way() else read.members) > settings.parser_members_max:
        raise Unreadable(f"Element {read.id} has more than {settings.parser_members_max:,} parts.")
    if read.is_way():
        for node in read.nodes:
            element.refs.append(node.ref)
            place = (node.location.lon, node.location.lat) if node.location.valid() else (nan, nan)
            element.places.extend(place)
    else:
        element.members = [
            Member(PBF_MEMBERS[member.type], member.ref, member.role, array("d")) for member in read.members
        ]
    return element
