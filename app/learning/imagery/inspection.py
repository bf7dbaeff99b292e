"""Looking at imagery beside labels before anything is learnt: tiles without a picture, labels beside their buildings.

Labels and imagery are registered by their edges. At every pixel an edge has a direction; a picture moved to where it
belongs has, along the outlines of the labels, many edges of the outlines' own directions. Counted for all shifts at
once by Fourier transforms, this gives a surface with one sharp peak where the labels ought to be.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import cos, hypot, radians
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from app.geometry.tiles import EQUATOR_M, PIXELS, Tile, covering
from app.learning.engine import Cancelled, InspectionRequest, Report
from app.learning.imagery.chips import drawn, shifted
from app.learning.imagery.mosaic import GREY, Pixels, neighbours, read_tile, window
from app.learning.imagery.projection import read_polygons, to_mercator

# How far a shift is looked for: at zoom 19 fourteen metres of Web Mercator.
REACH_PIXELS = 48
EDGE_PIXELS = 1.5
# Edges are measured against what is usual around them: a dark roof's count as much as a bright one's.
AROUND_PIXELS = 30
# A picture of one colour is none.
CONTRAST_MIN = 1.0
# Labels that belong elsewhere gave peaks up to 5 deviations high and 1.1 times the next one; in a village of like
# houses in rows the right peak was 14 deviations high or more, and 1.35 times the next one.
CERTAIN_DEVIATIONS, CERTAIN_RATIO = 8.0, 1.25
OTHER_PEAK_PIXELS = 10
# Fewer may happen to fit where they do not belong.
LABELS_MIN = 5
TILES_REMEMBERED = 64

Surface = NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """Where labels ought to be moved, in metres of Web Mercator to the east and north, and how far that truly is."""

    east_m: float
    north_m: float
    distance_m: float


@dataclass(frozen=True)
class AreaFindings:
    """What an area's imagery is like."""

    tiles: int
    tiles_without_imagery: int
    shift: Shift | None


def inspect(folder: Path, request: InspectionRequest, report: Report, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Look at `tiles/` below `aois.geojson` and `labels.geojson`; the findings for all areas together and for each."""
    areas = [shape(feature["geometry"]) for feature in json.loads((folder / "aois.geojson").read_bytes())["features"]]
    labels = to_mercator(read_polygons(folder / "labels.geojson"))
    outlines = shapely.STRtree(shifted(labels, request.offset_m))
    pictures = _Pictures(folder / "tiles")
    total, labels_seen, findings, without_imagery = _blank(), 0, [], set[Tile]()
    for number, area in enumerate(areas, 1):
        surface, labels_here, pictures_seen, missing = _area(area, request.zoom_level, outlines, pictures, cancelled)
        total += surface
        labels_seen += labels_here
        findings.append(asdict(pictures_seen))
        without_imagery.update(missing)
        report("inspecting", number / len(areas), f"{number} of {len(areas)} areas")
    latitude = shapely.union_all(areas).centroid.y
    overall = shift_of(total, request.zoom_level, latitude=latitude) if labels_seen >= LABELS_MIN else None
    shift = None if overall is None else asdict(overall)
    return {"shift": shift, "areas": findings, "without_imagery": sorted(without_imagery)}


class _Pictures:
    """The tiles of a folder, read when they are needed."""

    def __init__(self, folder: Path) -> None:
        self.of = lru_cache(TILES_REMEMBERED)(lambda tile: read_tile(folder, tile))

    def show(self, tile: Tile) -> bool:
        picture = self.of(tile)
        return picture is not None and float(picture[0].std()) >= CONTRAST_MIN

    def around(self, tile: Tile) -> tuple[Pixels, NDArray[np.bool_]]:
        """A tile with so much of its neighbours as a shift may reach, and where there is imagery."""
        pictures = {near: picture for near in neighbours(tile, REACH_PIXELS) if (picture := self.of(near)) is not None}
        seen = window({near: image for near, (image, _) in pictures.items()}, tile, margin=REACH_PIXELS, fill=GREY)
        known = {near: mask.astype(np.uint8) for near, (_, mask) in pictures.items()}
        return seen, window(known, tile, margin=REACH_PIXELS, fill=0) > 0


def _blank() -> Surface:
    return np.zeros((2 * REACH_PIXELS + 1,) * 2)


def _area(
    area: BaseGeometry, zoom: int, outlines: shapely.STRtree, pictures: _Pictures, cancelled: Callable[[], bool]
) -> tuple[Surface, int, AreaFindings, list[Tile]]:
    tiles = covering(area, zoom)
    [place] = to_mercator([area])
    ground, labels = shapely.STRtree([place]), len(outlines.query(place, predicate="intersects"))
    surface, missing = _blank(), list[Tile]()
    for tile in tiles:
        if cancelled():
            raise Cancelled
        if not pictures.show(tile):
            missing.append(tile)
            continue
        mask = drawn(outlines, tile)
        if mask.any():
            surface += agreement(*pictures.around(tile), mask, within=drawn(ground, tile) > 0)
    shift = shift_of(surface, zoom, latitude=area.centroid.y) if labels >= LABELS_MIN else None
    return surface, labels, AreaFindings(len(tiles), len(missing), shift), missing


def agreement(seen: Pixels, known: NDArray[np.bool_], mask: NDArray[np.int32], *, within: NDArray[np.bool_]) -> Surface:
    """How well a mask's outlines lie on a picture's edges for every shift of the picture; the middle is no shift."""
    edges, strength = _edges(seen.mean(2))
    # Against the mean around: and where there is no imagery, or it ends, there is no edge.
    usual = ndimage.gaussian_filter(strength, AROUND_PIXELS) + 1e-3
    inner = ndimage.binary_erosion(known, iterations=round(4 * EDGE_PIXELS))
    edges = np.where(inner, edges / usual, 0)
    wanted, steepness = _edges(mask.astype(np.float64))
    wanted = np.where(within, wanted / (np.sqrt(steepness) + 1e-9), 0)
    wanted = np.pad(wanted, [(0, whole - part) for whole, part in zip(edges.shape, wanted.shape, strict=True)])
    surface: Surface = np.fft.ifft2(np.fft.fft2(edges) * np.conj(np.fft.fft2(wanted))).real
    return surface[: 2 * REACH_PIXELS + 1, : 2 * REACH_PIXELS + 1]


def _edges(grey: NDArray[np.float64]) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Each pixel's edge as a number of twice its direction's angle, so that both sides of a line are alike."""
    across = ndimage.gaussian_filter(grey, EDGE_PIXELS, order=(0, 1))
    down = ndimage.gaussian_filter(grey, EDGE_PIXELS, order=(1, 0))
    return (across + 1j * down) ** 2, across**2 + down**2


def shift_of(surface: Surface, zoom: int, *, latitude: float) -> Shift | None:
    """The shift a surface speaks for, if it does so clearly: its peak is high and alone, and not at the rim."""
    row, column = (int(index) for index in np.unravel_index(surface.argmax(), surface.shape))
    height = surface - np.median(surface)
    deviation = 1.4826 * np.median(np.abs(height))
    peak, rim = height[row, column], 2 * REACH_PIXELS
    across, down = np.meshgrid(np.arange(rim + 1) - column, np.arange(rim + 1) - row)
    other = height[across**2 + down**2 > OTHER_PEAK_PIXELS**2].max()
    if peak < CERTAIN_DEVIATIONS * deviation or peak < CERTAIN_RATIO * other or {row, column} & {0, rim} or not peak:
        return None
    pixel_m = EQUATOR_M / (PIXELS << zoom)
    east_m = (column - REACH_PIXELS + _between(*surface[row, column - 1 : column + 2])) * pixel_m
    north_m = (REACH_PIXELS - row - _between(*surface[row - 1 : row + 2, column])) * pixel_m
    # On the ground Web Mercator's metres are shorter, the more so the further from the equator.
    return Shift(east_m, north_m, hypot(east_m, north_m) * cos(radians(latitude)))


def _between(before: float, top: float, after: float) -> float:
    """Where between pixels a peak is: the top of the parabola through three points."""
    return 0.5 * (before - after) / (before - 2 * top + after)
