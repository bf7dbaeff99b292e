"""How the demo village looks from the air: the plan painted, weathered, lit and blurred as an aerial camera would."""

from functools import lru_cache
from math import floor
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from shapely.geometry import Polygon

from app.gateways.fakes.plan import SHADOW_PER_HEIGHT, Crown, SitePlan, village
from app.gateways.fakes.roofs import SUN, Paint, Patch, Point2, Points, between, shaded

# Every tile is painted a little larger than it is, so that blurred edges meet without a seam.
MARGIN = 10
FINER = 2
WATER: Paint = (50, 78, 96, 14)
SHADE = np.array([0.45, 0.49, 0.58], np.float32)
HAZE, HAZE_SHARE = np.array([150, 158, 166], np.float32), 0.06
BLUR_M = 0.11
OCTAVES_M = (0.21, 0.43, 0.88, 1.9, 4.1, 9.7, 31.0, 88.0)
STRENGTHS = (0.5, 0.45, 0.38, 0.3, 0.26, 0.24, 0.2, 0.2)
# Uncommon periods, so that no texture repeats where a tile does.
TABLE = np.random.default_rng(7).random((509, 509), np.float32) * 2 - 1
Grid = NDArray[np.float32]


class View(NamedTuple):
    """A window on the plan: its upper left corner in metres, its side in pixels, and how fine they are."""

    left: float
    top: float
    pixels: int
    metres_per_pixel: float

    def place(self, points: Points) -> list[Point2]:
        return [((x - self.left) / self.metres_per_pixel, (y - self.top) / self.metres_per_pixel) for x, y in points]

    @property
    def frame(self) -> Polygon:
        side = self.pixels * self.metres_per_pixel
        return shapely.box(self.left, self.top, self.left + side, self.top + side)


class Scene(NamedTuple):
    """The plan's parts, each findable by where it lies."""

    plan: SitePlan
    ground: shapely.STRtree
    houses: shapely.STRtree
    shadows: shapely.STRtree
    crowns: shapely.STRtree


@lru_cache(maxsize=1)
def _scene() -> Scene:
    plan = village()
    crowns = shapely.buffer(shapely.points([(c.x, c.y) for c in plan.crowns]), [3 * c.radius for c in plan.crowns])
    return Scene(
        plan,
        shapely.STRtree([Polygon(patch.corners) for patch in plan.ground]),
        shapely.STRtree([house.footprint for house in plan.houses]),
        shapely.STRtree(plan.shadows),
        shapely.STRtree(crowns),
    )


def photograph(left: float, top: float, pixels: int, metres_per_pixel: float) -> Image.Image:
    """The square of the plan whose upper left corner is given in metres."""
    fine = metres_per_pixel / FINER
    border = MARGIN * metres_per_pixel
    view = View(left - border, top - border, (pixels + 2 * MARGIN) * FINER, fine)
    paint, shadow = _painted(view)
    surface, dark = _halved(np.asarray(paint, np.float32)), _halved(np.asarray(shadow, np.float32)[..., None]) / 255
    colour, rough = surface[..., :3], surface[..., 3:] / 255
    weathered = colour * (1 + rough * _weather(view)[..., None])
    lit = weathered * (1 - dark * (1 - SHADE))
    lit += (HAZE - lit) * HAZE_SHARE
    image = Image.fromarray(np.clip(lit + 0.5, 0, 255).astype(np.uint8))
    blurred = image.filter(ImageFilter.GaussianBlur(min(2.4, max(0.35, BLUR_M / metres_per_pixel))))
    return blurred.crop((MARGIN, MARGIN, MARGIN + pixels, MARGIN + pixels))


def _halved(image: Grid) -> Grid:
    """Means of two by two pixels; Pillow's own would weigh the colours by the fourth channel."""
    total: Grid = image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]
    return total * np.float32(0.25)


def _painted(view: View) -> tuple[Image.Image, Image.Image]:
    """Everything in sight, and how much of it lies in shadow."""
    scene, frame = _scene(), view.frame
    paint = Image.new("RGBA", (view.pixels, view.pixels), WATER)
    shadow = Image.new("L", paint.size, 0)
    brush, shade = ImageDraw.Draw(paint), ImageDraw.Draw(shadow)
    for index in sorted(scene.ground.query(frame)):
        _fill(brush, view, scene.plan.ground[index])
    for index in sorted(scene.shadows.query(frame)):
        cast = scene.plan.shadows[index]
        shade.polygon(view.place(tuple(cast.exterior.coords)), fill=255)
        for hole in cast.interiors:
            shade.polygon(view.place(tuple(hole.coords)), fill=0)
    crowns = [scene.plan.crowns[index] for index in sorted(scene.crowns.query(frame))]
    for crown in crowns:
        for share in (0.3, 0.65, 1.0):
            reach = crown.radius * 2.0 * SHADOW_PER_HEIGHT * share
            spot = crown.x - SUN[0] * reach, crown.y - SUN[1] * reach
            _disc(shade, view, spot, crown.radius * (1.06 - 0.12 * share), 235)
    for index in sorted(scene.houses.query(frame)):
        for patch in scene.plan.houses[index].roof:
            _fill(brush, view, patch)
            shade.polygon(view.place(patch.corners), fill=0)
    for crown in crowns:
        _grow(brush, shade, view, crown)
    return paint, shadow


def _fill(brush: ImageDraw.ImageDraw, view: View, patch: Patch) -> None:
    brush.polygon(view.place(patch.corners), fill=patch.paint)
    if patch.rows and patch.rows / view.metres_per_pixel >= 4:
        a, b, c, d = patch.corners
        count = int(((a[0] - d[0]) ** 2 + (a[1] - d[1]) ** 2) ** 0.5 / patch.rows)
        darker = shaded(patch.paint, 0.9)
        width = max(1, round(patch.rows / view.metres_per_pixel / 5))
        for row in range(1, count):
            line = between(a, d, row / count), between(b, c, row / count)
            brush.line(view.place(line), fill=darker, width=width)


def _grow(brush: ImageDraw.ImageDraw, shade: ImageDraw.ImageDraw, view: View, crown: Crown) -> None:
    """A crown of leaves: dark at its foot, with lighter clumps towards the sun."""
    here = crown.x, crown.y
    _disc(shade, view, here, crown.radius, 0)
    _disc(brush, view, here, crown.radius, shaded(crown.paint, 0.72))
    if crown.radius / view.metres_per_pixel < 5:
        return
    # Which way the clumps stand follows from where the tree stands: every tile draws the same ones.
    dice = TABLE[int(crown.x * 7) % 509, (int(crown.y * 7) + np.arange(27)) % 509].tolist()
    for clump in range(9):
        x, y, size = dice[3 * clump : 3 * clump + 3]
        centre = here[0] + crown.radius * (0.5 * x + 0.14 * SUN[0]), here[1] + crown.radius * (0.5 * y + 0.14 * SUN[1])
        light = 0.92 + 0.2 * (x * SUN[0] + y * SUN[1]) + 0.05 * clump / 9
        _disc(brush, view, centre, crown.radius * (0.34 + 0.1 * size), shaded(crown.paint, light))


def _disc(brush: ImageDraw.ImageDraw, view: View, centre: Point2, radius: float, fill: Paint | int) -> None:
    (x, y), r = view.place((centre,))[0], radius / view.metres_per_pixel
    brush.ellipse((x - r, y - r, x + r, y + r), fill=fill)


def _weather(view: View) -> Grid:
    """Stains, blades and grains: noise that depends on the place alone, with no octave finer than a pixel."""
    pixels, step = view.pixels // FINER, view.metres_per_pixel * FINER
    total = np.zeros((pixels, pixels), np.float32)
    for number, (cell, strength) in enumerate(zip(OCTAVES_M, STRENGTHS, strict=True)):
        if cell < step:
            continue
        rows, down = _blend(view.top + number * 3571, pixels, step, cell)
        columns, across = _blend(view.left + number * 1723, pixels, step, cell)
        total += np.float32(strength * 2) * (down @ TABLE[np.ix_(rows % 509, columns % 509)] @ across.T)
    return total


def _blend(start: float, pixels: int, step: float, cell: float) -> tuple[NDArray[np.int64], Grid]:
    """The lattice points along one side, and how much each counts at every pixel (cubic B-spline)."""
    at = (start + (np.arange(pixels) + 0.5) * step) / cell
    first = floor(at[0]) - 1
    points = np.arange(first, floor(at[-1]) + 3)
    away = np.abs(at[:, None] - points[None, :])
    near = 2 / 3 - away**2 + away**3 / 2
    far = np.maximum(0, 2 - away) ** 3 / 6
    return points, np.where(away < 1, near, far).astype(np.float32)
