"""Where a camera looks: the ground, trunks near and far, grass that the wind moves, and what light does to them.

Pixels have their origin in the upper left. A depth is the distance from the camera in metres.
"""

from functools import lru_cache
from math import pi, sin
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from app.gateways.fakes.wood.animals import Colour

WIDTH, HEIGHT = 1024, 768
HORIZON = 300
FOCUS_PX = 980.0
CAMERA_HEIGHT_M = 1.0
NEAR_M, FAR_M = 2.2, 40.0
BLADES = 900
# Uncommon periods, so that no texture repeats within a picture.
TABLE = np.random.default_rng(11).random((509, 509), np.float32)
Grid = NDArray[np.float32]
Numbers = NDArray[np.floating[Any]]


class Trunk(NamedTuple):
    """A tree, by where it stands and how thick it is."""

    x: float
    depth: float
    width_m: float
    lean: float
    colour: Colour


class Site(NamedTuple):
    """What a camera's surroundings look like; all of it follows from the seed."""

    seed: int
    soil: Colour
    grass: Colour
    leaves: Colour
    trunks: int
    has_track: bool = False


class Light(NamedTuple):
    """How bright things are at a depth, and in what colour."""

    is_night: bool
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def gain(self, depth: Grid | float) -> Grid:
        """By day haze alone; by night what a flash reaches."""
        if self.is_night:
            return np.asarray(np.clip(4.2 / (np.asarray(depth) + 0.6), 0, 1.45) ** 1.7, np.float32)
        return np.ones_like(np.asarray(depth, np.float32))


def row_of(depth: float) -> float:
    """Where the ground at a depth is seen."""
    return HORIZON + FOCUS_PX * CAMERA_HEIGHT_M / depth


def scale_at(depth: float) -> float:
    """How many pixels a metre is wide at a depth."""
    return FOCUS_PX / depth


def noise(u: Numbers, v: Numbers, salt: int) -> Grid:
    """Smooth noise from 0 to 1 with a period of one unit."""
    column, row = np.floor(u), np.floor(v)
    across, down = u - column, v - row
    across, down = across * across * (3 - 2 * across), down * down * (3 - 2 * down)
    x, y = (column.astype(np.int64) + 37 * salt) % 509, (row.astype(np.int64) + 91 * salt) % 509
    x_next, y_next = (x + 1) % 509, (y + 1) % 509
    above = TABLE[y, x] * (1 - across) + TABLE[y, x_next] * across
    below = TABLE[y_next, x] * (1 - across) + TABLE[y_next, x_next] * across
    return np.asarray(above * (1 - down) + below * down, np.float32)


def _grid(height: int, width: int) -> tuple[Grid, Grid]:
    """The row and the column of every pixel."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return rows, columns


@lru_cache(maxsize=16)
def trunks(site: Site) -> tuple[Trunk, ...]:
    """The trees of a site, the farthest first."""
    dice = np.random.default_rng(site.seed)
    standing = []
    for index in range(site.trunks):
        depth = float(4.5 + 18 * (index / site.trunks) ** 0.8 + dice.random())
        x = float(dice.random() * WIDTH) if depth > 7 else float(dice.choice((0.04, 0.14, 0.88, 0.97)) * WIDTH)
        shade = int(dice.integers(-14, 15))
        colour = (96 + shade, 84 + shade, 70 + shade)
        standing.append(Trunk(x, depth, 0.22 + 0.3 * float(dice.random()), float(dice.normal(0, 0.03)), colour))
    return tuple(sorted(standing, key=lambda trunk: -trunk.depth))


@lru_cache(maxsize=24)
def backdrop(site: Site, light: Light) -> Grid:
    """The ground and the leaves behind everything."""
    rows, columns = _grid(HEIGHT, WIDTH)
    below = np.where(rows > HORIZON, FOCUS_PX * CAMERA_HEIGHT_M / np.maximum(rows - HORIZON, 1), FAR_M)
    depth: Grid = np.asarray(np.minimum(below, FAR_M), np.float32)
    across: Grid = np.asarray((columns - WIDTH / 2) * depth / FOCUS_PX, np.float32)
    floor: Numbers = _floor(site, across, depth)
    leaves = _leaves(site, columns, rows)
    is_sky = np.clip((HORIZON + 22 * (noise(columns / 60, rows * 0, site.seed + 4) - 0.5) - rows) / 14, 0, 1)[..., None]
    if not light.is_night:
        haze = np.clip((depth - 6) / 34, 0, 0.75)[..., None]
        floor = floor * (1 - haze) + np.array((196, 202, 184), np.float32) * haze
        floor *= 0.82 + 0.42 * (noise(across * 0.8, depth * 0.35, site.seed + 9) > 0.52)[..., None]
    picture = floor * (1 - is_sky) + leaves * is_sky
    return np.asarray(picture * light.gain(depth)[..., None], np.float32)


def _floor(site: Site, across: Grid, depth: Grid) -> Grid:
    """Leaf litter and moss; a track if there is one."""
    fine = noise(across * 26, depth * 26, site.seed) * 0.5 + noise(across * 61, depth * 40, site.seed + 1) * 0.5
    coarse = noise(across * 1.7, depth * 1.7, site.seed + 2)
    moss = np.clip((coarse - 0.46) * 5, 0, 1)[..., None]
    colour = np.array(site.soil, np.float32) * (1 - moss) + np.array(site.grass, np.float32) * moss
    if site.has_track:
        edge = np.abs(depth - 6.5 + 0.25 * np.sin(across)) - 0.95
        track = np.clip(0.5 - edge * 3, 0, 1)[..., None]
        colour = colour * (1 - track) + np.array((150, 132, 108), np.float32) * track
    return np.asarray(colour * (0.68 + 0.6 * fine)[..., None], np.float32)


def _leaves(site: Site, columns: Grid, rows: Grid) -> Grid:
    """A wall of leaves out of focus, with light between them."""
    clumps = noise(columns / 74, rows / 52, site.seed + 5) * 0.6 + noise(columns / 23, rows / 19, site.seed + 6) * 0.4
    gaps = np.clip((noise(columns / 39, rows / 33, site.seed + 7) - 0.66) * 5, 0, 1)[..., None]
    colour = np.array(site.leaves, np.float32) * (0.5 + 0.85 * clumps)[..., None]
    return np.asarray(colour * (1 - gaps * 0.7) + np.array((218, 226, 204), np.float32) * gaps * 0.7, np.float32)


@lru_cache(maxsize=160)
def trunk_layer(site: Site, trunk: Trunk, light: Light) -> tuple[Image.Image, tuple[int, int]]:
    """A tree as a cut-out, and where its upper left corner belongs."""
    scale = scale_at(trunk.depth)
    width, bottom = max(3, round(trunk.width_m * scale)), row_of(trunk.depth)
    height = round(bottom)
    rows, columns = _grid(height, width)
    bark = noise(columns / width * 9, rows / scale * 5, site.seed + int(trunk.x)) * 0.6
    bark += noise(columns / width * 23, rows / scale * 16, site.seed + int(trunk.x) + 1) * 0.4
    round_shade = 0.5 + 0.75 * np.sin(pi * np.clip(columns / width * 0.86 + 0.04, 0, 1))
    pixels = np.array(trunk.colour, np.float32) * (round_shade * (0.55 + 0.8 * bark))[..., None]
    if not light.is_night:
        haze = min(0.62, max(0.0, (trunk.depth - 5) / 30))
        pixels = pixels * (1 - haze) + np.array((196, 202, 184), np.float32) * haze
    layer = Image.fromarray(np.clip(pixels * light.gain(trunk.depth), 0, 255).astype(np.uint8))
    mask = Image.new("L", layer.size)
    flare = width * 0.16
    outline = [(flare, 0), (width - flare, 0), (width - flare, height * 0.8), (width, height), (0, height)]
    ImageDraw.Draw(mask).polygon([*outline, (flare, height * 0.8)], fill=255)
    layer.putalpha(mask.filter(ImageFilter.GaussianBlur(0.8 + trunk.depth / 16)))
    leaning = layer.rotate(-trunk.lean * 57, Image.Resampling.BICUBIC, expand=True)
    return leaning, (round(trunk.x - leaning.width / 2), round(bottom - leaning.height))


@lru_cache(maxsize=16)
def _blades(site: Site) -> list[tuple[float, float, float, float, float]]:
    """Blades of grass: where they stand, how high they are, how they lean, and their shade; the farthest first."""
    dice = np.random.default_rng(site.seed + 77)
    blades: list[tuple[float, float, float, float, float]] = []
    while len(blades) < BLADES:
        depth = float(NEAR_M + 9 * dice.random() ** 1.6)
        x = float((dice.random() * 1.1 - 0.05) * WIDTH)
        across = np.array([[(x - WIDTH / 2) * depth / FOCUS_PX]], np.float32)
        grows = float(noise(across * 1.3, np.array([[depth * 1.3]], np.float32), site.seed + 2)[0, 0]) > 0.42
        is_track = site.has_track and abs(depth - 6.5) < 1.2
        if grows and not is_track:
            lean, shade = float(dice.normal(0, 0.10)), float(0.7 + 0.6 * dice.random())
            blades.append((x, depth, float(0.10 + 0.22 * dice.random()), lean, shade))
    return sorted(blades, key=lambda blade: -blade[1])


def grass(
    picture: Image.Image, site: Site, light: Light, *, wind: float, phase: float, depths: tuple[float, float]
) -> None:
    """Draws the grass between two depths, bent as the wind bends it at a moment."""
    brush = ImageDraw.Draw(picture)
    for x, depth, height, lean, shade in _blades(site):
        if not depths[0] <= depth < depths[1]:
            continue
        scale, foot = scale_at(depth), row_of(depth)
        bend = lean + wind * (0.10 + 0.14 * sin(phase + x / 90 + depth))
        middle = (x + bend * 0.35 * scale, foot - height * 0.6 * scale)
        tip = (x + bend * scale, foot - height * scale)
        gain = float(light.gain(depth)) * shade
        fill = tuple(min(255, round(part * gain)) for part in site.grass)
        thick = max(1, round(0.012 * scale))
        brush.line([(x, foot), middle], fill=fill, width=thick)
        brush.line([middle, tip], fill=fill, width=max(1, thick // 2))
