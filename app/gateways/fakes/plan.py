"""Where everything in the demo village stands: streets, plots, houses, trees and fields, drawn up from one seed.

Lengths are metres on a flat plan; x grows to the east and y to the south, as pixels do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from math import atan2, cos, hypot, pi, sin
from threading import Lock
from typing import NamedTuple

import numpy as np
import shapely
from numpy.random import Generator
from shapely.affinity import translate
from shapely.geometry import LineString, Point, Polygon

from app.gateways.fakes.roofs import SUN, House, Paint, Patch, Placement, Points, build, shaded

SEED = 46_019
SHADOW_PER_HEIGHT = 0.62

SHALLOWS: Paint = (92, 122, 122, 22)
SAND: Paint = (194, 182, 152, 50)
MEADOW: Paint = (112, 122, 76, 80)
LAWN: Paint = (106, 122, 72, 64)
HEDGE: Paint = (66, 84, 46, 120)
SOIL: Paint = (124, 100, 78, 60)
GRAVEL: Paint = (170, 160, 144, 44)
ASPHALT: Paint = (130, 128, 126, 26)
VERGE: Paint = (150, 146, 128, 50)
PAVING: Paint = (172, 150, 132, 30)
POOL: Paint = (96, 164, 186, 10)
COURT: Paint = (168, 98, 70, 22)
CROPS: tuple[Paint, ...] = (
    (188, 170, 112, 50), (136, 112, 84, 60), (98, 120, 62, 70), (122, 130, 72, 70),
    (160, 148, 92, 60), (86, 106, 58, 80),
)  # fmt: skip
CARS: tuple[Paint, ...] = ((212, 212, 212, 6), (58, 60, 66, 6), (146, 40, 40, 6), (60, 78, 120, 6), (150, 152, 156, 6))
CROWNS: tuple[Paint, ...] = ((72, 92, 46, 150), (60, 82, 46, 150), (84, 102, 54, 150), (50, 70, 44, 150))

# Each street: its width, and the points it bends through.
STREETS: tuple[tuple[float, Points], ...] = (
    (7.0, ((-560, 120), (-330, 40), (-180, 55), (-40, 5), (110, -20), (260, 20), (560, -50))),
    (5.0, ((-300, 42), (-310, -50), (-240, -140), (-110, -165), (10, -140), (60, -70), (70, -14))),
    (4.5, ((-240, -140), (-180, -60), (-150, 48))),
    (4.5, ((-110, -165), (-70, -80), (-40, 5))),
    (5.0, ((-230, 50), (-250, 140), (-170, 230), (-40, 240), (60, 190), (90, 90), (100, -18))),
    (4.5, ((-90, 25), (-80, 120), (-40, 240))),
    (5.0, ((180, -5), (170, -100), (240, -190), (350, -180), (390, -90), (370, -10))),
    (5.0, ((200, 3), (230, 110), (330, 180), (420, 140), (430, 50), (420, -20))),
    (4.5, ((-40, 240), (-60, 330), (-20, 470))),
    (4.5, ((10, -140), (40, -240), (0, -440))),
    (4.0, ((-235, 130), (-150, 130), (-85, 150))),
    (4.0, ((-80, 120), (0, 150), (75, 160))),
    (4.0, ((-200, -90), (-140, -50), (-60, -65))),
    (4.0, ((172, -95), (270, -70), (392, -95))),
    (4.0, ((285, -85), (300, -140), (290, -188))),
    (4.0, ((215, 75), (310, 70), (428, 90))),
    (4.0, ((300, 5), (310, 70), (330, 180))),
)
KINDS = ("gable",) * 9 + ("hip",) * 4 + ("ell",) * 5 + ("flat",) * 3 + ("court",)


class Crown(NamedTuple):
    """A tree from above."""

    x: float
    y: float
    radius: float
    paint: Paint


@dataclass
class SitePlan:
    """All that is drawn, from the ground up."""

    land: Polygon
    ground: list[Patch] = field(default_factory=list)
    houses: list[House] = field(default_factory=list)
    crowns: list[Crown] = field(default_factory=list)
    shadows: list[Polygon] = field(default_factory=list)


class Spot(NamedTuple):
    """A point beside a street: where it lies, which way the street runs, and which way leads away from it."""

    x: float
    y: float
    along: tuple[float, float]
    away: tuple[float, float]

    def at(self, along: float, away: float) -> tuple[float, float]:
        return (
            self.x + along * self.along[0] + away * self.away[0],
            self.y + along * self.along[1] + away * self.away[1],
        )

    def area(self, left: float, near: float, right: float, far: float) -> Points:
        return self.at(left, near), self.at(right, near), self.at(right, far), self.at(left, far)


def village() -> SitePlan:
    """The one plan; drawing it up takes about a second, so that threads wait for the first one to do it."""
    with _drawing:
        return _draw_up()


_drawing = Lock()


@lru_cache(maxsize=1)
def _draw_up() -> SitePlan:
    rng = np.random.default_rng(SEED)
    plan = SitePlan(_coast())
    streets = [(width, _bend(points)) for width, points in STREETS]
    _lay_ground(plan, rng, streets)
    _settle(plan, rng, streets)
    _pave(plan, rng, streets)
    _plant(plan, rng, streets)
    plan.shadows = [_shadow(house) for house in plan.houses]
    return plan


def _coast() -> Polygon:
    angles = np.arange(240) / 240 * 2 * pi
    swell = 1 + 0.06 * np.sin(3 * angles + 1) + 0.04 * np.sin(5 * angles) + 0.015 * np.sin(17 * angles + 2)
    return Polygon(zip(700 * swell * np.cos(angles), 590 * swell * np.sin(angles), strict=True))


def _bend(points: Points) -> LineString:
    """A smooth line through the points (Catmull and Rom's spline)."""
    ends = [points[0], *points, points[-1]]
    t = np.arange(0, 1, 0.05)[:, None]
    pieces = []
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        p0, p1, p2, p3 = (np.array(p, float) for p in (a, b, c, d))
        pieces.append(
            0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
        )
    return LineString(np.vstack([*pieces, np.array([points[-1]], float)]))


def _lay_ground(plan: SitePlan, rng: Generator, streets: list[tuple[float, LineString]]) -> None:
    """The island, its beach and its fields, and the village green over the fields."""
    for outline, paint in ((plan.land.buffer(34), SHALLOWS), (plan.land.buffer(7), SAND), (plan.land, MEADOW)):
        plan.ground.append(Patch(_ring(outline), paint))
    inland = plan.land.buffer(-18)
    shapely.prepare(inland)
    corners: dict[tuple[int, int], tuple[float, float]] = {}
    for i in range(-11, 12):
        for j in range(-8, 9):
            x, y = i * 78 + 16 * rng.random(), j * 104 + 24 * rng.random()
            corners[i, j] = 0.94 * x - 0.34 * y, 0.34 * x + 0.94 * y
    for i in range(-11, 11):
        for j in range(-8, 8):
            crop = CROPS[int(rng.random() * len(CROPS))]
            square = (corners[i, j], corners[i + 1, j], corners[i + 1, j + 1], corners[i, j + 1])
            if inland.contains(Polygon(square)):
                plan.ground.append(
                    Patch(square, shaded(crop, 0.92 + 0.16 * rng.random()), 1.6 if rng.random() < 0.8 else 0)
                )
    green = shapely.union_all([line.buffer(46) for _, line in streets]).buffer(20).buffer(-20)
    plan.ground += [Patch(_ring(part), LAWN) for part in getattr(green, "geoms", [green])]


def _spots(line: LineString, rng: Generator) -> Iterator[tuple[Spot, float]]:
    """Building plots along both sides of a street, with their frontage."""
    for side in (-1, 1):
        along = 10.0
        while along < line.length - 12:
            frontage = 15 + 9 * rng.random()
            middle = line.interpolate(along + frontage / 2)
            ahead = line.interpolate(along + frontage / 2 + 1)
            run = hypot(ahead.x - middle.x, ahead.y - middle.y) or 1
            tangent = (ahead.x - middle.x) / run, (ahead.y - middle.y) / run
            yield Spot(middle.x, middle.y, tangent, (-tangent[1] * side, tangent[0] * side)), frontage
            along += frontage


def _settle(plan: SitePlan, rng: Generator, streets: list[tuple[float, LineString]]) -> None:
    """A house on every plot where there is room, with its garden, drive, shed and tall hedge."""
    roads = shapely.union_all([line.buffer(width / 2 + 1.5) for width, line in streets])
    shapely.prepare(roads)
    for width, line in streets:
        for spot, frontage in _spots(line, rng):
            if rng.random() > 0.1 and _raise_house(plan, rng, roads, spot, width / 2 + 3 + 5 * rng.random()):
                _garden(plan, rng, spot, width, frontage)
            else:
                _leave_open(plan, rng, spot, width, frontage)
            if rng.random() < 0.35:
                _raise_house(plan, rng, roads, spot, width / 2 + 24 + 8 * rng.random())


def _raise_house(plan: SitePlan, rng: Generator, roads: Polygon, spot: Spot, near: float) -> bool:
    """A house, often with a shed behind it, unless something is in its way."""
    kind = KINDS[int(rng.random() * len(KINDS))]
    long, deep = _size(kind, rng)
    across = rng.random() < 0.3 and kind in {"gable", "hip"}
    turn = atan2(spot.along[1], spot.along[0]) + (pi / 2 if across else 0) + 0.1 * (rng.random() - 0.5)
    x, y = spot.at(2 * rng.random() - 1, near + (long if across else deep) / 2)
    house = build(kind, long, deep, Placement(x, y, turn), rng)
    if not _fits(plan, roads, house):
        return False
    plan.houses.append(house)
    if rng.random() < 0.35:
        size = 2.4 + 3 * rng.random()
        x, y = spot.at(12 * rng.random() - 6, near + deep + 6 + 7 * rng.random())
        shed = build("gable" if rng.random() < 0.6 else "flat", size + 1.5, size, Placement(x, y, turn), rng)
        if _fits(plan, roads, shed):
            plan.houses.append(shed)
    return True


def _size(kind: str, rng: Generator) -> tuple[float, float]:
    if kind == "court":
        return 26 + 6 * rng.random(), 24 + 5 * rng.random()
    if kind == "flat":
        return 12 + 16 * rng.random(), 9 + 8 * rng.random()
    return 10.5 + 7 * rng.random(), 7.5 + 3.5 * rng.random()


def _fits(plan: SitePlan, roads: Polygon, house: House) -> bool:
    if roads.intersects(house.footprint) or not plan.land.contains(house.footprint.buffer(12)):
        return False
    others = [other.footprint for other in plan.houses]
    return not others or float(shapely.distance(others, house.footprint).min()) > 2.2


def _garden(plan: SitePlan, rng: Generator, spot: Spot, width: float, frontage: float) -> None:
    near, far, half = width / 2 + 1.0, width / 2 + 26 + 8 * rng.random(), frontage / 2 - 0.3
    plan.ground.append(Patch(spot.area(-half, near, half, far), shaded(LAWN, 0.86 + 0.32 * rng.random())))
    if rng.random() < 0.6:
        plan.ground.append(Patch(spot.area(-half - 0.5, near, -half + 0.6, far), HEDGE))
    if rng.random() < 0.75:
        left = -half + 1 + (frontage - 6) * rng.random()
        paint = (GRAVEL, PAVING, ASPHALT)[int(rng.random() * 3)]
        plan.ground.append(Patch(spot.area(left, near - 1.5, left + 3.2, near + 7 + 5 * rng.random()), paint))
        if rng.random() < 0.5:
            plan.ground.append(_car(spot.area(left + 0.7, near + 0.4, left + 2.5, near + 4.6), rng))
    back = width / 2 + 17 + 4 * rng.random()
    choice = rng.random()
    left = -half + 1 + (frontage - 9) * rng.random()
    if choice < 0.3:
        plan.ground.append(Patch(spot.area(left, back, left + 6, back + 5), SOIL, 0.8))
    elif choice < 0.5:
        plan.ground.append(Patch(spot.area(left, back - 2, left + 5.5, back + 1.5), PAVING))
    elif choice < 0.6:
        plan.ground.append(Patch(spot.area(left - 1, back, left + 8, back + 5.5), PAVING))
        plan.ground.append(Patch(spot.area(left, back + 1, left + 7, back + 4.5), POOL))


def _leave_open(plan: SitePlan, rng: Generator, spot: Spot, width: float, frontage: float) -> None:
    """Where no house fits: a car park, a playing court or a bare patch, all as large and as red or grey as a roof."""
    near, half = width / 2 + 1.2, frontage / 2 - 1
    choice = rng.random()
    if choice < 0.14:
        plan.ground.append(Patch(spot.area(-half, near, half, near + 13), ASPHALT))
        for left in np.arange(-half + 0.8, half - 2, 2.7):
            if rng.random() < 0.6:
                plan.ground.append(_car(spot.area(left, near + 1, left + 1.8, near + 5.3), rng))
    elif choice < 0.2:
        plan.ground.append(Patch(spot.area(-half, near + 2, half, near + 14), COURT))
        plan.ground.append(Patch(spot.area(-0.1, near + 2, 0.1, near + 14), PAVING))
    elif choice < 0.3:
        plan.ground.append(Patch(spot.area(-half, near + 3, half - 3, near + 12), SOIL))


def _car(corners: Points, rng: Generator) -> Patch:
    return Patch(corners, CARS[int(rng.random() * len(CARS))])


def _pave(plan: SitePlan, rng: Generator, streets: list[tuple[float, LineString]]) -> None:
    for edge, paint in ((0.9, VERGE), (0.0, ASPHALT)):
        for width, line in streets:
            tone = shaded(paint, 0.94 + 0.12 * rng.random())
            plan.ground.append(Patch(_ring(line.buffer(width / 2 + edge)), tone))
    for width, line in streets:
        for spot, _ in _spots(line, rng):
            if rng.random() < 0.22:
                lane = width / 4
                plan.ground.append(_car(spot.area(-2.1, lane - 0.85, 2.1, lane + 0.85), rng))


def _plant(plan: SitePlan, rng: Generator, streets: list[tuple[float, LineString]]) -> None:
    """Trees in gardens, along the main street and in small woods; never on a street, seldom over a roof."""
    roads = shapely.union_all([line.buffer(width / 2 + 1) for width, line in streets])
    shapely.prepare(roads)
    roofs = shapely.STRtree([house.footprint for house in plan.houses])
    wanted: list[tuple[float, float, float]] = []
    for width, line in streets:
        for spot, frontage in _spots(line, rng):
            for _ in range(int(rng.random() * 5)):
                x, y = spot.at((rng.random() - 0.5) * frontage, width / 2 + 3 + 34 * rng.random())
                wanted.append((x, y, 1.2 + 2.8 * rng.random()))
    for x, y, spread, count in ((-420, -230, 60, 190), (330, 330, 70, 210), (250, -330, 50, 120), (-330, 330, 55, 140)):
        for _ in range(count):
            angle, reach = 2 * pi * rng.random(), spread * rng.random() ** 0.5
            wanted.append((x + reach * 1.5 * cos(angle), y + reach * sin(angle), 2.4 + 2.4 * rng.random()))
    for x, y, radius in wanted:
        here = Point(x, y)
        nearest = roofs.geometries[int(roofs.nearest(here))]
        if nearest.distance(here) > radius * 0.7 and roads.distance(here) > radius * 0.6 and plan.land.contains(here):
            tone = shaded(CROWNS[int(rng.random() * len(CROWNS))], 0.85 + 0.3 * rng.random())
            plan.crowns.append(Crown(x, y, radius, tone))


def _shadow(house: House) -> Polygon:
    """The ground a house darkens: its outline swept away from the sun."""
    reach = house.height * SHADOW_PER_HEIGHT
    shift = -SUN[0] * reach, -SUN[1] * reach
    swept = [house.footprint, translate(house.footprint, *shift)]
    for ring in (house.footprint.exterior, *house.footprint.interiors):
        for (ax, ay), (bx, by) in zip(ring.coords, ring.coords[1:], strict=False):
            swept.append(Polygon([(ax, ay), (bx, by), (bx + shift[0], by + shift[1]), (ax + shift[0], ay + shift[1])]))
    return shapely.union_all([shape for shape in swept if shape.area > 0.01 and shape.is_valid])


def _ring(shape: Polygon) -> Points:
    return tuple((x, y) for x, y in shape.exterior.coords)
