"""Buildings before they are measured: cut from the odds of each tile, and put together across the seams."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import shapely
from rasterio import Affine
from rasterio.features import shapes
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from app.geometry.tiles import PIXELS, Tile, metres_per_pixel
from app.learning.imagery.mosaic import Pixels, window
from app.learning.predictions.instances import FOOTPRINT, Labels, instances
from app.learning.predictions.windows import ODDS_MAX

# Spots and whiskers up to this wide go, and so do bridges between houses; it takes as much context beyond a seam.
OPENING_PIXELS = 2
CONTEXT_PIXELS = 8
# Buildings that are separated from each other need to be seen whole, or nearly so.
INSTANCE_CONTEXT_PIXELS = 64
INSIDE = (slice(CONTEXT_PIXELS, CONTEXT_PIXELS + PIXELS),) * 2
INSTANCE_INSIDE = (slice(INSTANCE_CONTEXT_PIXELS, INSTANCE_CONTEXT_PIXELS + PIXELS),) * 2
# How much of the ground beyond a seam says which pieces are the same building, and the share of either to agree.
STRIP_PIXELS = 8
SAME_SHARE_MIN = 0.5


class Piece(NamedTuple):
    """A part of a building within one tile, in pixels of the whole world's picture at this zoom."""

    tile: Tile
    polygon: BaseGeometry
    odds: float
    pixels: int


class Shape(NamedTuple):
    """A building before it is measured; its odds are the mean inside, 0 … 1."""

    polygon: BaseGeometry
    odds: float


def pieces(odds: Mapping[Tile, Pixels], tile: Tile, threshold: float) -> Iterator[Piece]:
    """The connected parts above the threshold, cleaned with an eye on what lies beyond the tile's edge."""
    around = window(odds, tile, margin=CONTEXT_PIXELS, fill=0)
    likely = (around > 0) & (around >= threshold * ODDS_MAX)
    cleaned = ndimage.binary_opening(likely, iterations=OPENING_PIXELS)
    parts, _ = ndimage.label(cleaned[INSIDE])
    for _, piece in _cut(parts, odds[tile], tile):
        yield piece


def _cut(labels: Labels, odds: Pixels, tile: Tile) -> Iterator[tuple[int, Piece]]:
    """The outlines of numbered pixels, with their numbers."""
    pixels = np.bincount(labels.flat)
    sums = np.bincount(labels.flat, weights=odds.flat)
    place = Affine.translation(tile.x * PIXELS, tile.y * PIXELS)
    for outline, value in shapes(labels.astype(np.int32), mask=labels > 0, connectivity=4, transform=place):
        number = int(value)
        yield number, Piece(tile, shape(outline), float(sums[number]) / ODDS_MAX, int(pixels[number]))


def joined(parts: list[Piece], gap: float = 0.0) -> list[Shape]:
    """Pieces that meet at a seam, or nearly do, become one building; its odds are the mean over all of its pixels."""
    outlines = np.array([piece.polygon for piece in parts], dtype=object)
    one, other = shapely.STRtree(outlines).query(outlines, predicate="dwithin", distance=gap)
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if parts[a].tile != parts[b].tile]
    return [each for members in _groups(pairs, len(parts)) for each in _whole([parts[index] for index in members], gap)]


def joined_instances(odds: Mapping[Tile, Pixels], threshold: float) -> list[Shape]:
    """The same of separated buildings: pieces on both sides of a seam are one if each side thinks so.

    A tile is looked at with its neighbours around it. So of a building that goes on beyond the seam it knows how far,
    and of one that ends there, although another one begins, it knows that, too.
    """
    seams = _Seams()
    parts: list[Piece] = []
    index_of: dict[tuple[Tile, int], int] = {}
    for tile in odds:
        around = window(odds, tile, margin=INSTANCE_CONTEXT_PIXELS, fill=0)
        labels = instances(around, threshold, metres_per_pixel(tile.bounds[1], tile.z))
        seams.note(tile, labels)
        own = labels[INSTANCE_INSIDE]
        of_number: dict[int, list[Piece]] = defaultdict(list)
        for number, piece in _cut(own, odds[tile][..., FOOTPRINT], tile):
            of_number[number].append(piece)
        for number, same in of_number.items():
            index_of[tile, number] = len(parts)
            parts.append(same[0]._replace(polygon=shapely.union_all([piece.polygon for piece in same])))
    pairs = [(index_of[one], index_of[other]) for one, other in seams.same() if one in index_of and other in index_of]
    return [each for members in _groups(pairs, len(parts)) for each in _whole([parts[index] for index in members], 0.0)]


class _Seams:
    """What tiles see on both sides of the seams to their eastern and southern neighbours."""

    def __init__(self) -> None:
        self._seen: dict[tuple[Tile, Tile], Labels] = {}
        self._own: dict[tuple[Tile, Tile], Labels] = {}

    def note(self, tile: Tile, labels: Labels) -> None:
        """Take the strips of a tile's numbers along its seams."""
        first, last, strip = INSTANCE_CONTEXT_PIXELS, INSTANCE_CONTEXT_PIXELS + PIXELS, STRIP_PIXELS
        along = slice(first, last)
        east, south = tile._replace(x=tile.x + 1), tile._replace(y=tile.y + 1)
        west, north = tile._replace(x=tile.x - 1), tile._replace(y=tile.y - 1)
        self._seen[tile, east] = labels[along, last : last + strip].copy()
        self._seen[tile, south] = labels[last : last + strip, along].copy()
        self._own[west, tile] = labels[along, first : first + strip].copy()
        self._own[north, tile] = labels[first : first + strip, along].copy()

    def same(self) -> Iterator[tuple[tuple[Tile, int], tuple[Tile, int]]]:
        """Pairs of a tile's number and its neighbour's that are the same building."""
        for (tile, near), seen in self._seen.items():
            own = self._own.get((tile, near))
            if own is None:
                continue
            numbers, counts = np.unique(np.stack([seen.ravel(), own.ravel()]), axis=1, return_counts=True)
            for (one, other), count in zip(numbers.T, counts, strict=True):
                least = min((seen == one).sum(), (own == other).sum())
                if one and other and count >= SAME_SHARE_MIN * least:
                    yield (tile, int(one)), (near, int(other))


def _groups(pairs: Iterable[tuple[int, int]], count: int) -> list[list[int]]:
    """Which of so many pieces belong together, if those of each pair do."""
    one, other = np.array(list(pairs), np.intp).reshape(-1, 2).T
    links = coo_array((np.ones(len(one)), (one, other)), shape=(count, count))
    _, groups = connected_components(links, directed=False)
    members: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[int(group)].append(index)
    return list(members.values())


def _whole(parts: list[Piece], gap: float) -> list[Shape]:
    mean = sum(piece.odds for piece in parts) / sum(piece.pixels for piece in parts)
    outlines = [piece.polygon for piece in parts]
    whole = outlines[0] if len(outlines) == 1 else _closed(shapely.union_all(outlines), gap)
    return [Shape(polygon, mean) for polygon in shapely.get_parts(whole)]


def _closed(shape: BaseGeometry, gap: float) -> BaseGeometry:
    """Several parts bridged where they are no farther from each other than the gap; what is whole stays as it is."""
    if shape.geom_type == "Polygon" or gap == 0:
        return shape
    wide = shapely.buffer(shape, gap, join_style="mitre")
    return shapely.union(shape, shapely.buffer(wide, -gap, join_style="mitre"))
