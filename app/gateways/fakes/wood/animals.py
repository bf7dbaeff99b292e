"""What passes the cameras: animals, people and cars, drawn from the side as cut-outs with transparent surroundings.

Lengths are metres. Drawings face right, with the feet at y = 0 and y growing upwards.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import cos, pi, sin
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Point = tuple[float, float]
Colour = tuple[int, int, int]
MARGIN_M = 0.15
SMOOTH_STEPS = 8


class Pose(NamedTuple):
    """How something stands: where it is in its step, how far its head is down, and which way it looks."""

    step: float
    head_down: float = 0.0
    faces_left: bool = False
    # How much smaller than an adult it is.
    growth: float = 1.0
    is_male: bool = False


class Cutout(NamedTuple):
    """A drawing: its pixels, where its feet are in them, and where eyes reflect a flash."""

    image: Image.Image
    foot: tuple[float, float]
    eyes: tuple[tuple[float, float], ...]


class Brush:
    """Draws shapes given in metres."""

    def __init__(self, size: Point, pixels_per_m: float) -> None:
        self._scale = pixels_per_m
        self._left, self._top = -size[0] / 2 - MARGIN_M, size[1] + MARGIN_M
        width, height = (round((side + 2 * MARGIN_M) * pixels_per_m) for side in size)
        self.image = Image.new("RGBA", (max(4, width), max(4, height)))
        self._draw = ImageDraw.Draw(self.image)
        self.eyes: list[Point] = []

    def at(self, point: Point) -> Point:
        """A point in pixels."""
        return (point[0] - self._left) * self._scale, (self._top - point[1]) * self._scale

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        """A closed shape whose outline goes smoothly through the points."""
        self._draw.polygon([self.at(point) for point in _smooth(points)], fill=(*colour, 255))

    def plain(self, points: Sequence[Point], colour: Colour) -> None:
        """A polygon."""
        self._draw.polygon([self.at(point) for point in points], fill=(*colour, 255))

    def disc(self, centre: Point, radii: Point, colour: Colour) -> None:
        """An upright ellipse."""
        (x, y), (across, up) = self.at(centre), radii
        box = (x - across * self._scale, y - up * self._scale, x + across * self._scale, y + up * self._scale)
        self._draw.ellipse(box, fill=(*colour, 255))

    def limb(self, joints: Sequence[Point], widths: Sequence[float], colour: Colour) -> None:
        """A chain of tapering parts with round joints."""
        for (start, end), (wide, narrow) in zip(_pairs(joints), _pairs(widths), strict=True):
            self.plain(_taper(start, end, wide, narrow), colour)
            self.disc(end, (narrow / 2, narrow / 2), colour)

    def eye(self, centre: Point, radius: float) -> None:
        """A dark eye that shines in a flash."""
        self.disc(centre, (radius, radius), (24, 20, 18))
        self.eyes.append(centre)

    def cutout(self, *, faces_left: bool, coat: float, grain: np.random.Generator) -> Cutout:
        """What was drawn, lit from above, with a coat of hairs."""
        lit = _lit(self.image, coat, grain)
        feet, eyes = self.at((0, 0)), [self.at(eye) for eye in self.eyes]
        if faces_left:
            lit, width = lit.transpose(Image.Transpose.FLIP_LEFT_RIGHT), lit.width
            feet, eyes = (width - feet[0], feet[1]), [(width - x, y) for x, y in eyes]
        return Cutout(lit, feet, tuple(eyes))


class Build(NamedTuple):
    """The proportions and colours of an animal on four legs."""

    length: float
    height: float
    depth: float
    neck: Point
    head: Point
    leg: float
    coat: Colour
    belly: Colour
    legs: Colour
    hair: float


DEER = Build(0.82, 0.62, 0.30, (0.24, 0.34), (0.24, 0.11), 0.075, (152, 102, 64), (184, 148, 112), (124, 84, 56), 0.08)
BOAR = Build(1.02, 0.40, 0.50, (0.16, 0.02), (0.42, 0.26), 0.13, (74, 64, 54), (62, 54, 46), (44, 38, 34), 0.22)
FOX = Build(0.50, 0.29, 0.17, (0.12, 0.10), (0.20, 0.10), 0.05, (188, 104, 48), (214, 196, 172), (52, 38, 32), 0.12)
BADGER = Build(0.62, 0.15, 0.25, (0.10, -0.02), (0.20, 0.12), 0.09, (142, 140, 132), (46, 44, 44), (38, 36, 36), 0.20)


def _legs(brush: Brush, build: Build, pose: Pose, *, far: bool) -> None:
    """Two legs of one side; those of the far side are darker and half a step behind."""
    shade = 0.72 if far else 1.0
    colour = _scaled(build.legs, shade)
    hip = build.height + build.depth * 0.30
    for x, bend, phase in ((-build.length * 0.40, -1, 0.0), (build.length * 0.36, 1, pi * 0.55)):
        swing = sin(2 * pi * pose.step + phase + (pi if far else 0)) * build.height * 0.22
        lift = max(0.0, cos(2 * pi * pose.step + phase + (pi if far else 0))) * build.height * 0.10
        knee = (x + swing * 0.45 + bend * build.height * 0.07, build.height * 0.48)
        foot = (x + swing, build.leg * 0.3 + lift)
        brush.limb(
            [(x, hip), knee, foot], [build.leg * 2.1, build.leg * 1.05, build.leg * 0.6], _scaled(build.coat, shade)
        )
        brush.limb([knee, foot], [build.leg * 1.02, build.leg * 0.62], colour)


def _trunk(brush: Brush, build: Build, arch: float) -> None:
    """The body: a back that may be arched, a chest deeper than the loin, and a paler belly."""
    half, low, top = build.length / 2, build.height, build.height + build.depth
    outline = [
        (-half, low + build.depth * 0.62), (-half * 0.82, top - build.depth * 0.04),
        (-half * 0.2, top + arch * 0.5), (half * 0.5, top + arch), (half, top - build.depth * 0.12),
        (half * 1.02, low + build.depth * 0.34), (half * 0.7, low - build.depth * 0.04),
        (-half * 0.2, low + build.depth * 0.10), (-half * 0.74, low + build.depth * 0.20),
    ]  # fmt: skip
    brush.shape(outline, build.coat)
    belly = [(x * 0.9, low + (y - low) * 0.34) for x, y in outline]
    brush.shape(belly, build.belly)


def _neck(brush: Brush, build: Build, pose: Pose, thick: float) -> tuple[Point, float]:
    """The neck, and where the head begins and how far it is tilted."""
    base = build.length * 0.40, build.height + build.depth * 0.68
    raised = base[0] + build.neck[0], base[1] + build.neck[1]
    lowered = base[0] + build.neck[0] * 1.5, max(build.height * 0.34, base[1] - abs(build.neck[1]) - build.height * 0.7)
    end = _between(raised, lowered, pose.head_down)
    brush.limb([base, end], [thick, thick * 0.62], build.coat)
    return end, -0.18 - pose.head_down * 0.75


def _head(brush: Brush, build: Build, at: Point, tilt: float, colour: Colour) -> Callable[[float, float], Point]:
    """A wedge from the ears to the nose; returns where a place along and above the head lies."""
    long, tall = build.head

    def place(along: float, up: float) -> Point:
        x, y = along * long - long * 0.2, up * tall
        return at[0] + x * cos(tilt) - y * sin(tilt), at[1] + x * sin(tilt) + y * cos(tilt)

    outline = [place(0, -0.45), place(0, 0.4), place(0.35, 0.55), place(0.7, 0.16), place(1, 0.04), place(1.02, -0.26)]
    brush.shape([*outline, place(0.6, -0.5)], colour)
    brush.disc(place(1.0, -0.08), (tall * 0.13, tall * 0.13), (30, 26, 26))
    return place


def _ear(brush: Brush, root: Point, tip: Point, width: float, colour: Colour) -> None:
    middle = _between(root, tip, 0.5)
    brush.shape([root, (middle[0] - width, middle[1]), tip, (middle[0] + width, middle[1])], colour)


def roe_deer(brush: Brush, pose: Pose) -> None:
    """A roe deer: slender, with large ears and a white rump; a buck has short antlers."""
    _legs(brush, DEER, pose, far=True)
    _trunk(brush, DEER, 0.01)
    brush.disc((-DEER.length * 0.475, DEER.height + 0.19), (0.06, 0.09), (226, 218, 204))
    end, tilt = _neck(brush, DEER, pose, 0.19)
    _legs(brush, DEER, pose, far=False)
    place = _head(brush, DEER, end, tilt, DEER.coat)
    _ear(brush, place(0.05, 0.3), place(-0.35, 1.9), 0.035, (128, 88, 58))
    _ear(brush, place(0.15, 0.4), place(0.1, 2.0), 0.03, (150, 112, 80))
    if pose.is_male:
        for lean in (-0.12, 0.14):
            brush.limb(
                [place(0.2, 0.5), place(0.2 + lean, 2.0), place(0.3 + lean, 2.7)], [0.022, 0.018, 0.01], (92, 78, 62)
            )
    brush.eye(place(0.42, 0.22), 0.016)


def wild_boar(brush: Brush, pose: Pose) -> None:
    """A wild boar: high shoulders, a long low head, bristles; a young one is striped."""
    _legs(brush, BOAR, pose, far=True)
    back = BOAR.height + BOAR.depth
    brush.limb([(-0.46, back - 0.12), (-0.60, back - 0.26), (-0.58, back - 0.44)], [0.05, 0.03, 0.04], BOAR.legs)
    young = pose.growth < 0.6
    build = BOAR._replace(coat=(142, 104, 66), belly=(150, 118, 84)) if young else BOAR
    _trunk(brush, build, 0.06)
    if young:
        for row in range(3):
            y = back - 0.10 - row * 0.11
            brush.limb([(-0.40, y - 0.03), (0, y + 0.02), (0.38, y)], [0.02, 0.035, 0.02], (206, 174, 124))
    else:
        for bristle in range(16):
            x = -0.30 + bristle * 0.045
            brush.limb([(x, back - 0.02), (x - 0.05, back + 0.07 + 0.03 * (bristle % 3))], [0.03, 0.008], (40, 36, 32))
    end, tilt = _neck(brush, build, pose, 0.46)
    _legs(brush, build, pose, far=False)
    place = _head(brush, build, end, tilt - 0.12, build.coat)
    _ear(brush, place(0.02, 0.35), place(-0.16, 1.0), 0.05, (54, 46, 40))
    if pose.is_male and not young:
        brush.limb([place(0.82, -0.34), place(0.86, 0.06)], [0.028, 0.012], (222, 214, 196))
    brush.eye(place(0.36, 0.24), 0.017)


def red_fox(brush: Brush, pose: Pose) -> None:
    """A red fox: a bushy tail with a white tip, black legs, a white throat, pointed ears."""
    root = (-FOX.length * 0.46, FOX.height + FOX.depth * 0.66)
    bend = sin(2 * pi * pose.step) * 0.03
    middle, tip = (root[0] - 0.19, root[1] - 0.10 + bend), (root[0] - 0.36, root[1] - 0.14 + bend * 2)
    brush.limb([root, middle, tip], [0.06, 0.14, 0.10], (170, 96, 50))
    brush.limb([_between(middle, tip, 0.7), (tip[0] - 0.05, tip[1])], [0.105, 0.03], (236, 230, 220))
    _legs(brush, FOX, pose, far=True)
    _trunk(brush, FOX, 0.01)
    end, tilt = _neck(brush, FOX, pose, 0.13)
    _legs(brush, FOX, pose, far=False)
    place = _head(brush, FOX, end, tilt, FOX.coat)
    brush.shape([place(0.35, -0.45), place(0.6, -0.05), place(1.0, -0.2), place(0.6, -0.55)], (238, 228, 214))
    _ear(brush, place(0.02, 0.3), place(-0.10, 1.25), 0.028, (44, 32, 28))
    _ear(brush, place(0.22, 0.4), place(0.24, 1.3), 0.026, (150, 82, 42))
    brush.eye(place(0.5, 0.14), 0.011)


def badger(brush: Brush, pose: Pose) -> None:
    """A badger: low and grey with black legs, and a white head with a black stripe over the eye."""
    brush.limb([(-0.28, 0.28), (-0.42, 0.20)], [0.09, 0.04], (168, 164, 154))
    _legs(brush, BADGER, pose, far=True)
    _trunk(brush, BADGER, 0.03)
    end, tilt = _neck(brush, BADGER, pose, 0.20)
    _legs(brush, BADGER, pose, far=False)
    place = _head(brush, BADGER, end, tilt, (228, 224, 214))
    brush.shape(
        [place(-0.15, 0.1), place(0.1, 0.36), place(0.85, 0.1), place(0.9, -0.06), place(0.1, -0.12)], (30, 28, 28)
    )
    brush.disc(place(-0.05, 0.42), (0.022, 0.022), (210, 206, 198))
    brush.eye(place(0.45, 0.08), 0.010)


JACKETS: tuple[Colour, ...] = ((176, 52, 44), (46, 78, 128), (208, 138, 40), (70, 96, 70))


def person(brush: Brush, pose: Pose) -> None:
    """A walker with a backpack."""
    swing = sin(2 * pi * pose.step) * 0.26
    for side, colour in ((-1, (42, 46, 58)), (1, (54, 58, 72))):
        foot = side * swing
        brush.limb([(0, 0.92), (foot * 0.5 + 0.05, 0.50), (foot, 0.06)], [0.19, 0.14, 0.10], colour)
        brush.shape([(foot - 0.08, 0.10), (foot + 0.17, 0.08), (foot + 0.18, 0), (foot - 0.09, 0)], (58, 46, 38))
    jacket = JACKETS[round(pose.growth * 100) % len(JACKETS)]
    brush.limb(
        [(0.02, 1.38), (-swing * 0.8 + 0.04, 1.10), (-swing + 0.16, 0.92)], [0.13, 0.10, 0.07], _scaled(jacket, 0.7)
    )
    brush.shape([(-0.34, 1.42), (-0.14, 1.48), (-0.12, 1.02), (-0.32, 1.00)], (64, 72, 56))
    brush.shape([(-0.18, 1.44), (0.10, 1.48), (0.20, 1.20), (0.17, 0.84), (-0.17, 0.84), (-0.2, 1.2)], jacket)
    brush.limb([(0, 1.38), (swing * 0.8 + 0.02, 1.10), (swing + 0.14, 0.94)], [0.14, 0.11, 0.08], _scaled(jacket, 0.9))
    brush.disc((swing + 0.15, 0.92), (0.05, 0.05), (206, 164, 136))
    brush.limb([(0.03, 1.44), (0.05, 1.58)], [0.12, 0.11], (196, 152, 124))
    brush.disc((0.06, 1.66), (0.105, 0.13), (208, 166, 138))
    brush.shape([(-0.06, 1.64), (-0.05, 1.78), (0.08, 1.82), (0.17, 1.74), (0.04, 1.72)], (70, 50, 36))


def car(brush: Brush, pose: Pose) -> None:
    """An off-road car on the track."""
    paint = ((150, 154, 158), (54, 74, 62), (148, 44, 38))[round(pose.growth * 100) % 3]
    body = [(-1.95, 0.42), (-1.98, 0.95), (-1.72, 1.04), (-1.55, 1.66), (-0.1, 1.72), (0.55, 1.12), (1.85, 1.02)]
    brush.plain([*body, (2.0, 0.78), (2.0, 0.42)], paint)
    for left, right, slope in ((-1.48, -0.78, 0.06), (-0.68, 0.02, 0.0)):
        window = [(left - slope, 1.12), (left + 0.04, 1.58), (right, 1.62), (right + 0.16, 1.12)]
        brush.plain(window, (42, 52, 60))
    brush.plain([(0.14, 1.12), (-0.02, 1.60), (0.06, 1.58), (0.46, 1.12)], (50, 62, 70))
    brush.plain([(-1.98, 0.62), (2.0, 0.62), (2.0, 0.42), (-1.95, 0.42)], _scaled(paint, 0.55))
    for x in (-1.22, 1.22):
        brush.disc((x, 0.42), (0.46, 0.46), (24, 24, 26))
        brush.disc((x, 0.38), (0.38, 0.38), (34, 33, 34))
        brush.disc((x, 0.38), (0.2, 0.2), (146, 148, 150))
    brush.disc((1.9, 0.86), (0.07, 0.09), (238, 232, 206))
    brush.eyes.append((1.9, 0.86))


class Kind(NamedTuple):
    """Something that passes: how to draw it, how large a drawing of it is, and how hairy."""

    draw: Callable[[Brush, Pose], None]
    size: Point
    hair: float


KINDS = {
    "Capreolus capreolus": Kind(roe_deer, (1.7, 1.55), DEER.hair),
    "Sus scrofa": Kind(wild_boar, (2.2, 1.10), BOAR.hair),
    "Vulpes vulpes": Kind(red_fox, (1.5, 0.75), FOX.hair),
    "Meles meles": Kind(badger, (1.3, 0.55), BADGER.hair),
    "person": Kind(person, (1.1, 1.85), 0.05),
    "car": Kind(car, (4.3, 1.8), 0.02),
}


def drawn(kind: str, pose: Pose, pixels_per_m: float, grain: np.random.Generator) -> Cutout:
    """A cut-out of a kind at a scale; drawn twice as large and made smaller, so that edges are soft."""
    animal = KINDS[kind]
    growth = pose.growth if kind not in {"person", "car"} else 1.0
    brush = Brush(animal.size, pixels_per_m * growth * 2)
    animal.draw(brush, pose)
    large = brush.cutout(faces_left=pose.faces_left, coat=animal.hair, grain=grain)
    size = max(2, large.image.width // 2), max(2, large.image.height // 2)
    small = large.image.resize(size, Image.Resampling.BOX)
    eyes = tuple((x / 2, y / 2) for x, y in large.eyes)
    return Cutout(small, (large.foot[0] / 2, large.foot[1] / 2), eyes)


def _lit(image: Image.Image, coat: float, grain: np.random.Generator) -> Image.Image:
    """Light from above on round bodies, and hairs in the direction in which they lie."""
    alpha = image.getchannel("A")
    pixels: NDArray[np.float32] = np.asarray(image, np.float32)[..., :3]
    reach = max(2, image.height // 14)
    above = np.asarray(alpha.filter(ImageFilter.GaussianBlur(reach)), np.float32) / 255
    # Where less of the body lies above a point, more light comes to it.
    light = 0.72 + 0.55 * (np.roll(above, -reach, 0) - np.roll(above, reach, 0) + 0.42)
    hairs = grain.random(above.shape, np.float32) - 0.5
    strands = (hairs + np.roll(hairs, 1, 1) + np.roll(hairs, 2, 1) + np.roll(hairs, (1, 3), (0, 1))) * 0.55
    shaded = pixels * (np.clip(light, 0.55, 1.18) * (1 + coat * 1.6 * strands))[..., None]
    lit = Image.fromarray(np.clip(shaded, 0, 255).astype(np.uint8))
    lit.putalpha(alpha)
    return lit


def _smooth(points: Sequence[Point]) -> list[Point]:
    """A closed Catmull-Rom spline."""
    count, smooth = len(points), []
    for index in range(count):
        before, start, end, after = (np.array(points[(index + shift) % count]) for shift in (-1, 0, 1, 2))
        for step in range(SMOOTH_STEPS):
            t = step / SMOOTH_STEPS
            bend = 2 * before - 5 * start + 4 * end - after
            x, y = 0.5 * (2 * start + (end - before) * t + bend * t * t + (3 * start - before - 3 * end + after) * t**3)
            smooth.append((float(x), float(y)))
    return smooth


def _taper(start: Point, end: Point, wide: float, narrow: float) -> list[Point]:
    along = np.array(end) - np.array(start)
    across = np.array((-along[1], along[0])) / (float(np.hypot(*along)) or 1.0)
    corners = (
        start + across * wide / 2,
        end + across * narrow / 2,
        end - across * narrow / 2,
        start - across * wide / 2,
    )
    return [(float(x), float(y)) for x, y in corners]


def _pairs(values: Sequence[Point] | Sequence[float]) -> list[tuple[Any, Any]]:
    return list(pairwise(values))


def _between(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def _scaled(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(part * factor)) for part in colour)
    return red, green, blue
