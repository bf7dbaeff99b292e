"""Reads areas out of OpenStreetMap files: closed ways, and multipolygons put together from their ways.

A file is read twice, so that its elements may come in any order: first its nodes, each kept in 32 bytes of memory,
and its relations, then its ways. What cannot be put together is skipped with a reason; the rest is used.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from app.formats.labels.footprints import Candidate, Read
from app.formats.labels.osm_elements import Element, Member, Node, elements
from app.formats.labels.skipping import Skip, SkipReason
from app.selections import Selection

ENDS_MIN = 4
AREAS = {"multipolygon", "boundary"}

Line = NDArray[np.float64]


def read(path: Path, selection: Selection) -> Iterator[Read]:
    """The areas with wanted tags; and what has them, but cannot be put together."""
    nodes, relations = _Nodes(), list[Element]()
    for element in elements(path, "node", "relation"):
        if isinstance(element, Node):
            nodes.add(element)
            if element.tags and selection.names_one_of(element.tags):
                message = f"Node {element.id} is a point. Draw its outline."
                yield Skip(f"node/{element.id}", SkipReason.NOT_A_POLYGON, message)
        elif element.tags.get("type") in AREAS and selection.wants(element.tags):
            relations.append(element)
        elif selection.names_one_of(element.tags):
            message = f"Relation {element.id} is not a multipolygon."
            yield Skip(_place(element), SkipReason.NOT_A_POLYGON, message)
    ways = _Ways(selection, nodes.places(), relations)
    for element in elements(path, "way"):
        if isinstance(element, Element):
            yield from ways.take(element)
    for relation in relations:
        yield ways.assembled(relation)
    yield from ways.left()


def _place(element: Element) -> str:
    return f"{element.kind}/{element.id}"


def _candidate(element: Element, shape: BaseGeometry) -> Candidate:
    """What is new has a number below zero, which names nothing."""
    is_known = element.id > 0
    tags = {key: value for key, value in element.tags.items() if key != "type" or element.kind != "relation"}
    return Candidate(_place(element), shape, tags, element.kind if is_known else None, element.id if is_known else None)


class _Ways:
    """The ways of a file: areas by themselves, or pieces of relations."""

    def __init__(self, selection: Selection, places: "_Places", relations: list[Element]) -> None:
        self._selection = selection
        self._places = places
        self._pieces = {member.ref for relation in relations for member in relation.members if member.type == "way"}
        # None for a piece whose nodes are not all there.
        self._lines: dict[int, Line | None] = {}
        # Pieces that are areas by themselves, until it is known whether their relation is.
        self._held: dict[int, Candidate] = {}

    def take(self, way: Element) -> Iterator[Read]:
        """The next way."""
        is_piece, is_wanted = way.id in self._pieces, self._selection.wants(way.tags)
        if not (is_piece or is_wanted):
            return
        line = self._places.of(way)
        if is_piece:
            self._lines[way.id] = line
        if is_wanted and (area := self._area(way, line)) is not None:
            if not is_piece:
                yield area
            elif isinstance(area, Candidate) and way.tags:
                self._held[way.id] = area

    def _area(self, way: Element, line: Line | None) -> Read | None:
        if line is None:
            message = f"Way {way.id} has nodes that are not in the file."
            return Skip(_place(way), SkipReason.MISSING_NODES, message)
        if not len(line):
            return Skip(_place(way), SkipReason.NO_GEOMETRY, f"Way {way.id} has no nodes.")
        if not (line[0] == line[-1]).all():
            # Without a selection every street is looked at: it is no area, and nobody expects one.
            is_expected = self._selection.names_one_of(way.tags)
            message = f"Way {way.id} is not closed. Close its outline."
            return Skip(_place(way), SkipReason.OPEN_RING, message) if is_expected else None
        if len(line) < ENDS_MIN:
            return Skip(_place(way), SkipReason.INVALID_GEOMETRY, f"Way {way.id} has too few nodes for an area.")
        return _candidate(way, Polygon(line))

    def assembled(self, relation: Element) -> Read:
        """The area of a relation. Its outer ways are no areas of their own then: some repeat its tags."""
        place = _place(relation)
        lines: defaultdict[bool, list[LineString]] = defaultdict(list)
        # Once each: a line twice encloses nothing.
        ways = list({member.ref: member for member in relation.members if member.type == "way"}.values())
        for member in ways:
            line = self._line(member)
            if isinstance(line, SkipReason):
                why = f"Relation {relation.id} needs way {member.ref}, which is not in the file"
                return Skip(place, line, f"{why}{'' if line is SkipReason.MISSING_MEMBERS else ' with all its nodes'}.")
            if len(line) > 1:
                lines[member.role == "inner"].append(LineString(line))
        try:
            area = _enclosed(lines[False], lines[True])
        except shapely.GEOSException:
            area = None
        if area is None or area.is_empty:
            message = f"The ways of relation {relation.id} do not enclose an area."
            return Skip(place, SkipReason.OPEN_RING, message)
        for member in ways:
            if member.role != "inner":
                self._held.pop(member.ref, None)
        return _candidate(relation, area)

    def _line(self, member: Member) -> Line | SkipReason:
        if member.places:
            line: Line = np.array(member.places).reshape(-1, 2)
            return SkipReason.MISSING_NODES if np.isnan(line).any() else line
        if member.ref not in self._lines:
            return SkipReason.MISSING_MEMBERS
        known = self._lines[member.ref]
        return SkipReason.MISSING_NODES if known is None else known

    def left(self) -> Iterator[Candidate]:
        """Pieces that are areas by themselves: within a courtyard, or of a relation that could not be put together."""
        yield from self._held.values()


def _enclosed(outer: list[LineString], inner: list[LineString]) -> BaseGeometry | None:
    """The ground within closed outer lines, without that within closed inner lines; None if some are not closed."""
    areas = []
    for lines in (outer, inner):
        polygons, cuts, dangles, invalid = shapely.polygonize_full(lines)
        if not (cuts.is_empty and dangles.is_empty and invalid.is_empty):
            return None
        # Polygonizing finds holes as well, as polygons of their own: together they are all that is enclosed.
        areas.append(shapely.union_all(polygons.geoms))
    return areas[0] - areas[1]


class _Nodes:
    """Nodes while they are read."""

    def __init__(self) -> None:
        self._ids, self._versions = array("q"), array("q")
        self._longitudes, self._latitudes = array("d"), array("d")

    def add(self, node: Node) -> None:
        self._ids.append(node.id)
        self._versions.append(node.version)
        self._longitudes.append(node.longitude)
        self._latitudes.append(node.latitude)

    def places(self) -> "_Places":
        ids = np.frombuffer(self._ids, dtype=np.int64)
        # Of several nodes with one number the newest is the last.
        order = np.lexsort((np.frombuffer(self._versions, dtype=np.int64), ids))
        places = np.column_stack((np.frombuffer(self._longitudes), np.frombuffer(self._latitudes)))
        return _Places(ids[order], places[order])


class _Places:
    """The nodes of a file by their numbers."""

    def __init__(self, ids: NDArray[np.int64], places: NDArray[np.float64]) -> None:
        self._ids = ids
        self._places = places

    def of(self, way: Element) -> Line | None:
        """Where the nodes of a way are; None if the file does not say it of all."""
        line: Line = np.array(way.places).reshape(-1, 2)
        unknown = np.isnan(line).any(axis=1)
        if not unknown.any():
            return line
        refs = np.array(way.refs, dtype=np.int64)[unknown]
        positions = np.searchsorted(self._ids, refs, side="right") - 1
        if (positions < 0).any() or (self._ids[positions] != refs).any():
            return None
        line[unknown] = self._places[positions]
        return line
