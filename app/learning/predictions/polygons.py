"""From odds to buildings: outlines with holes, joined across tiles, simplified in true metres."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import atan, degrees, pi, sinh

import shapely
from pyproj import Transformer
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from app.geometry import antimeridian
from app.geometry.tiles import PIXELS, Tile, metres_per_pixel
from app.learning.imagery.mosaic import Pixels
from app.learning.imagery.projection import DEGREES, MERCATOR, area_m2, on_grid, pixel_grid, projected
from app.learning.predictions.pieces import joined, joined_instances, pieces
from app.learning.predictions.squaring import squared, without_needles

# Of odds that tell one thing of a pixel.
FLAT = 2
# The opening cuts corners by about this much; squaring puts them back.
CORNER_PIXELS = 6
# Whiskers of outlines that are up to twice this wide go.
WHISKER_PIXELS = 2
# A smaller hole is a chimney, not a courtyard.
HOLE_M2_MIN = 2.0
# About a millimetre.
DEGREES_GRID = 1e-8


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
    if next(iter(odds.values())).ndim == FLAT:
        outlines = joined([piece for tile in odds for piece in pieces(odds, tile, threshold)], drawing.seam_m / pixel_m)
    else:
        outlines = joined_instances(odds, threshold)
    if not outlines:
        return []
    in_degrees = Transformer.from_crs(MERCATOR, DEGREES, always_xy=True)
    shaped = on_grid([_shaped(each.polygon, drawing, zoom) for each in outlines], pixel_grid(zoom, 0, 0))
    shapely.prepare(area)
    measured = []
    for outline, each in zip(projected(shaped, in_degrees), outlines, strict=True):
        for polygon in shapely.get_parts(antimeridian.split(shapely.set_precision(outline, DEGREES_GRID))):
            size = area_m2(polygon)
            if size >= drawing.area_m2_min and size > 0 and area.intersects(polygon):
                measured.append(Building(polygon, size, each.odds))
    return measured


def _shaped(outline: BaseGeometry, drawing: Drawing, zoom: int) -> BaseGeometry:
    """An outline drawn in metres of its own place: so it does not matter of which larger area it is a part."""
    west, north, *_ = outline.bounds
    rows = PIXELS * 2**zoom
    latitude = degrees(atan(sinh(pi * (1 - 2 * north / rows))))
    pixel_m = metres_per_pixel(latitude, zoom)
    here = affinity.affine_transform(outline, [pixel_m, 0, 0, pixel_m, -west * pixel_m, -north * pixel_m])
    shape = drawn(here, drawing, pixel_m=pixel_m)
    return affinity.affine_transform(shape, [1 / pixel_m, 0, 0, 1 / pixel_m, west, north])


def drawn(outline: BaseGeometry, drawing: Drawing, *, pixel_m: float) -> BaseGeometry:
    """An outline in metres without the stairs of its pixels, squared if asked for."""
    # Below a pixel's size there is nothing but stairs to keep.
    tolerance = max(drawing.tolerance_m, pixel_m)
    whole = _opened(outline, WHISKER_PIXELS * pixel_m) if drawing.orthogonalize else outline
    simple = shapely.simplify(whole, tolerance, preserve_topology=True)
    holes = [hole for hole in simple.interiors if shapely.Polygon(hole).area >= HOLE_M2_MIN]
    simple = shapely.Polygon(simple.exterior, holes)
    if not drawing.orthogonalize:
        return without_needles(simple)
    square = squared(
        without_needles(simple),
        max_angle_change_deg=drawing.max_angle_change_deg,
        skew_tolerance_deg=drawing.skew_tolerance_deg,
        step_m=max(2 * tolerance, CORNER_PIXELS * pixel_m),
    )
    return without_needles(square)


def _opened(outline: BaseGeometry, reach_m: float) -> BaseGeometry:
    """An outline without whiskers; as it is if nothing else is left of it, or if it falls apart."""
    core = shapely.buffer(outline, -reach_m, join_style="mitre")
    opened = shapely.buffer(core, reach_m, join_style="mitre")
    return opened if opened.geom_type == "Polygon" and not opened.is_empty else outline
