"""From odds to buildings: outlines with holes, joined across tiles, simplified in true metres."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely
from pyproj import Transformer
from rasterio import Affine
from rasterio.features import shapes
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from app import antimeridian
from app.learning.mosaic import Pixels, window
from app.learning.prediction import ODDS_MAX
from app.learning.projection import DEGREES, MERCATOR, area_m2, local_metres, on_grid, pixel_grid, projected
from app.learning.squaring import squared
from app.tiles import PIXELS, Tile, metres_per_pixel

# Spots and whiskers up to this wide go, and so do bridges between houses; it takes as much context beyond a seam.
OPENING_PIXELS = 2
CONTEXT_PIXELS = 8
# The opening cuts corners by about this much; squaring puts them back.
CORNER_PIXELS = 6
# A smaller hole is a chimney, not a courtyard.
HOLE_M2_MIN = 2.0
# About a millimetre.
DEGREES_GRID = 1e-8


class Piece(NamedTuple):
    """A connected part of a building within one tile, in pixels of the whole world's picture at this zoom."""

    tile: Tile
    polygon: BaseGeometry
    odds: float
    pixels: int


class Shape(NamedTuple):
    """A building before it is measured; its odds are the mean inside, 0 … 1."""

    polygon: BaseGeometry
    odds: float


@dataclass(frozen=True)
class Building:
    """A footprint in degrees, its true area, and how sure the network is of it, 0 … 1."""

    polygon: BaseGeometry
    area_m2: float
    confidence: float


@dataclass(frozen=True)
class Drawing:
    """How outlines are drawn."""

    tolerance_m: float
    area_m2_min: float
    orthogonalize: bool
    max_angle_change_deg: float
    skew_tolerance_deg: float
    # Pieces that come so near across a tile's seam are one building.
    seam_m: float = 0.0


def buildings(odds: Mapping[Tile, Pixels], *, threshold: float, area: BaseGeometry, drawing: Drawing) -> list[Building]:
    """The buildings in the odds of some tiles of one zoom that share ground with an area in degrees."""
    zoom = next(iter(odds)).z
    middle = antimeridian.centroid(area)
    pixel_m = metres_per_pixel(middle.y, zoom)
    parts = [piece for tile in odds for piece in pieces(odds, tile, threshold)]
    outlines = joined(parts, gap=drawing.seam_m / pixel_m)
    if not outlines:
        return []
    metres = local_metres(middle.x, middle.y)
    in_metres = Transformer.from_crs(MERCATOR, metres, always_xy=True)
    in_degrees = Transformer.from_crs(metres, DEGREES, always_xy=True)
    mercator = on_grid([each.polygon for each in outlines], pixel_grid(zoom, 0, 0))
    shaped = [drawn(outline, drawing, pixel_m=pixel_m) for outline in projected(mercator, in_metres)]
    shapely.prepare(area)
    measured = []
    for outline, each in zip(projected(shaped, in_degrees), outlines, strict=True):
        for polygon in shapely.get_parts(antimeridian.split(shapely.set_precision(outline, DEGREES_GRID))):
            size = area_m2(polygon)
            if size >= drawing.area_m2_min and size > 0 and area.intersects(polygon):
                measured.append(Building(polygon, size, each.odds))
    return measured


def pieces(odds: Mapping[Tile, Pixels], tile: Tile, threshold: float) -> Iterator[Piece]:
    """The connected parts above the threshold, cleaned with an eye on what lies beyond the tile's edge."""
    around = window(odds, tile, margin=CONTEXT_PIXELS, fill=0)
    inside = slice(CONTEXT_PIXELS, CONTEXT_PIXELS + PIXELS)
    likely = (around > 0) & (around >= threshold * ODDS_MAX)
    cleaned = ndimage.binary_opening(likely, iterations=OPENING_PIXELS)[inside, inside]
    parts, count = ndimage.label(cleaned)
    if not count:
        return
    pixels = np.bincount(parts.flat, minlength=count + 1)
    sums = np.bincount(parts.flat, weights=odds[tile].flat, minlength=count + 1)
    place = Affine.translation(tile.x * PIXELS, tile.y * PIXELS)
    for outline, value in shapes(parts.astype(np.int32), mask=cleaned, connectivity=4, transform=place):
        number = int(value)
        yield Piece(tile, shape(outline), float(sums[number]) / ODDS_MAX, int(pixels[number]))


def joined(parts: list[Piece], *, gap: float = 0.0) -> list[Shape]:
    """Pieces that meet at a seam, or nearly do, become one building; its odds are the mean over all of its pixels."""
    outlines = np.array([piece.polygon for piece in parts], dtype=object)
    one, other = shapely.STRtree(outlines).query(outlines, predicate="dwithin", distance=gap)
    meets = [parts[a].tile != parts[b].tile for a, b in zip(one, other, strict=True)]
    links = coo_array((np.ones(sum(meets)), (one[meets], other[meets])), shape=(len(parts), len(parts)))
    _, groups = connected_components(links, directed=False)
    members: dict[int, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(int(group), []).append(index)
    joined_shapes = []
    for indices in members.values():
        mean = sum(parts[index].odds for index in indices) / sum(parts[index].pixels for index in indices)
        whole = outlines[indices[0]] if len(indices) == 1 else _closed(shapely.union_all(outlines[indices]), gap)
        joined_shapes += [Shape(polygon, mean) for polygon in shapely.get_parts(whole)]
    return joined_shapes


def _closed(shape: BaseGeometry, gap: float) -> BaseGeometry:
    """Several parts bridged where they are no farther from each other than the gap; what is whole stays as it is."""
    if shape.geom_type == "Polygon" or gap == 0:
        return shape
    wide = shapely.buffer(shape, gap, join_style="mitre")
    return shapely.union(shape, shapely.buffer(wide, -gap, join_style="mitre"))


def drawn(outline: BaseGeometry, drawing: Drawing, *, pixel_m: float) -> BaseGeometry:
    """An outline in metres without the stairs of its pixels, squared if asked for."""
    # Below a pixel's size there is nothing but stairs to keep.
    tolerance = max(drawing.tolerance_m, pixel_m)
    simple = shapely.simplify(outline, tolerance, preserve_topology=True)
    holes = [hole for hole in simple.interiors if shapely.Polygon(hole).area >= HOLE_M2_MIN]
    simple = shapely.Polygon(simple.exterior, holes)
    if not drawing.orthogonalize:
        return simple
    return squared(
        simple,
        max_angle_change_deg=drawing.max_angle_change_deg,
        skew_tolerance_deg=drawing.skew_tolerance_deg,
        step_m=max(2 * tolerance, CORNER_PIXELS * pixel_m),
    )
