"""The houses of the demo village: footprints, and roofs painted plane by plane as the sun lights them.

A roof is drawn up in its own frame (x along the ridge, the middle at the origin) and then turned and moved into place.
"""

from math import cos, hypot, sin
from typing import NamedTuple

from numpy.random import Generator
from shapely.geometry import Polygon

Point2 = tuple[float, float]
Points = tuple[Point2, ...]
Paint = tuple[int, int, int, int]  # red, green, blue, and how rough the surface looks

SHED_M2 = 40
# Where the sun stands, seen from the ground: in the south-south-east, so that shadows fall to the upper left.
SUN = (0.45, 0.89)
PITCHED_PAINTS: tuple[Paint, ...] = (
    (164, 92, 68, 38), (148, 78, 58, 38), (176, 108, 82, 38), (134, 84, 64, 38), (118, 88, 72, 34),
    (108, 108, 112, 26), (84, 84, 90, 26), (150, 146, 140, 26), (128, 66, 56, 36), (104, 122, 106, 24),
)  # fmt: skip
FLAT_PAINTS: tuple[Paint, ...] = ((178, 176, 170, 24), (188, 172, 152, 26), (206, 204, 198, 16), (92, 92, 94, 30))


class Patch(NamedTuple):
    """A painted polygon; `rows` is the distance between its furrows or courses of tiles, 0 for none."""

    corners: Points
    paint: Paint
    rows: float = 0.0


class House(NamedTuple):
    """A building as a map and a camera see it."""

    footprint: Polygon
    roof: tuple[Patch, ...]
    height: float


class Placement(NamedTuple):
    """Where a house stands and how far it is turned."""

    x: float
    y: float
    angle: float

    def put(self, points: Points) -> Points:
        c, s = cos(self.angle), sin(self.angle)
        return tuple((self.x + x * c - y * s, self.y + x * s + y * c) for x, y in points)


def quad(left: float, top: float, right: float, bottom: float) -> Points:
    """The corners of an upright rectangle."""
    return (left, top), (right, top), (right, bottom), (left, bottom)


def between(a: Point2, b: Point2, share: float) -> Point2:
    """The point part of the way from one point to another."""
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def shaded(paint: Paint, factor: float) -> Paint:
    """The same material in another light."""
    red, green, blue, rough = paint
    return min(255, round(red * factor)), min(255, round(green * factor)), min(255, round(blue * factor)), rough


def build(kind: str, width: float, depth: float, place: Placement, rng: Generator) -> House:
    """A house of a kind ("gable", "hip", "ell", "court" or "flat") and of the given size."""
    paints = FLAT_PAINTS if kind == "flat" else PITCHED_PAINTS
    paint = shaded(paints[int(rng.random() * len(paints))], 0.88 + 0.24 * rng.random())
    outline, hole, planes = _SHAPES[kind](width, depth)
    footprint = Polygon(place.put(outline), [place.put(hole)] if hole else [])
    if kind == "flat":
        roof = _flat(width, depth, place, paint, rng)
    else:
        roof = [_lit(place.put(plane), paint) for plane in planes]
        if width * depth > SHED_M2:
            roof += _details(planes, place, rng)
    return House(footprint, tuple(roof), 3.2 + 0.32 * min(width, depth) * (kind != "flat"))


def _gable(w: float, d: float) -> tuple[Points, Points, list[Points]]:
    x, y = w / 2, d / 2
    return quad(-x, -y, x, y), (), [((-x, -y), (x, -y), (x, 0), (-x, 0)), ((x, y), (-x, y), (-x, 0), (x, 0))]


def _hip(w: float, d: float) -> tuple[Points, Points, list[Points]]:
    x, y, end = w / 2, d / 2, w / 2 - d / 2 * 0.95
    return (
        quad(-x, -y, x, y),
        (),
        [
            ((-x, -y), (x, -y), (end, 0), (-end, 0)),
            ((x, y), (-x, y), (-end, 0), (end, 0)),
            ((x, -y), (x, y), (end, 0), (end, 0)),
            ((-x, y), (-x, -y), (-end, 0), (-end, 0)),
        ],
    )


def _ell(w: float, d: float) -> tuple[Points, Points, list[Points]]:
    """A gable with a wing at its right end: the wing's ridge meets the main roof as far in as the wing is half wide."""
    x, y, span, reach = w / 2, d / 2, d * 0.8, d * 0.75
    middle, inner, far, apex = x - span / 2, x - span, y + reach, y - span / 2
    outline = ((-x, -y), (x, -y), (x, far), (inner, far), (inner, y), (-x, y))
    wing: list[Points] = [
        ((inner, far), (inner, y), (middle, apex), (middle, far)),
        ((x, y), (x, far), (middle, far), (middle, apex)),
    ]
    return outline, (), _gable(w, d)[2] + wing


def _court(w: float, d: float) -> tuple[Points, Points, list[Points]]:
    """Four wings around a yard."""
    wing = min(w, d) * 0.3
    rings = [
        quad(-w / 2 + wing * i / 2, -d / 2 + wing * i / 2, w / 2 - wing * i / 2, d / 2 - wing * i / 2) for i in range(3)
    ]
    planes: list[Points] = []
    for eave, ridge in ((rings[0], rings[1]), (rings[2], rings[1])):
        planes += [(eave[i - 1], eave[i], ridge[i], ridge[i - 1]) for i in range(4)]
    return rings[0], rings[2], planes


def _box(w: float, d: float) -> tuple[Points, Points, list[Points]]:
    return quad(-w / 2, -d / 2, w / 2, d / 2), (), []


_SHAPES = {"gable": _gable, "hip": _hip, "ell": _ell, "court": _court, "flat": _box}


def _lit(plane: Points, paint: Paint) -> Patch:
    """One plane of a roof, bright if it slopes to the sun; its rows are courses of tiles."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = plane
    down_x, down_y = ax + bx - cx - dx, ay + by - cy - dy
    slope = (down_x * SUN[0] + down_y * SUN[1]) / (hypot(down_x, down_y) or 1)
    return Patch(plane, shaded(paint, 0.92 + 0.2 * slope), 0.42)


def _details(planes: list[Points], place: Placement, rng: Generator) -> list[Patch]:
    """A chimney, sometimes windows or solar panels."""
    a, b, c, d = planes[int(rng.random() * 2)]
    details = []
    if rng.random() < 0.16:
        low, high = 0.2 + 0.1 * rng.random(), 0.8
        edges = (between(a, d, low), between(b, c, low), between(b, c, high), between(a, d, high))
        left, right = 0.15, 0.5 + 0.35 * rng.random()
        panel = (
            between(edges[0], edges[1], left), between(edges[0], edges[1], right),
            between(edges[3], edges[2], right), between(edges[3], edges[2], left),
        )  # fmt: skip
        details.append(Patch(place.put(panel), (48, 54, 76, 10), 1.0))
    elif rng.random() < 0.35:
        for share in (0.3, 0.65):
            x, y = between(between(a, d, 0.5), between(b, c, 0.5), share)
            details.append(Patch(place.put(quad(x - 0.45, y - 0.45, x + 0.45, y + 0.45)), (96, 104, 112, 8)))
    x, y = between(d, c, 0.2 + 0.6 * rng.random())
    details.append(Patch(place.put(quad(x - 0.4, y - 0.4, x + 0.4, y + 0.4)), (92, 74, 66, 20)))
    return details


def _flat(w: float, d: float, place: Placement, paint: Paint, rng: Generator) -> list[Patch]:
    """A bright parapet round the roof, and a few machines on top."""
    roof = [
        Patch(place.put(quad(-w / 2, -d / 2, w / 2, d / 2)), shaded(paint, 1.16)),
        Patch(place.put(quad(-w / 2 + 0.5, -d / 2 + 0.5, w / 2 - 0.5, d / 2 - 0.5)), paint),
    ]
    for _ in range(int(w * d / 60)):
        x, y = (rng.random() - 0.5) * (w - 4), (rng.random() - 0.5) * (d - 4)
        size = 0.5 + 0.6 * rng.random()
        roof.append(Patch(place.put(quad(x - size - 0.5, y - size - 0.7, x + size, y + size)), shaded(paint, 0.6)))
        roof.append(Patch(place.put(quad(x - size, y - size, x + size, y + size)), shaded(paint, 1.12)))
    return roof
