"""A sample of a real town, and how good outlines of its buildings are: by pixels, by whole buildings, by corners."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from app.geometry.tiles import Tile, metres_per_pixel
from app.learning.imagery.chips import drawn
from app.learning.imagery.projection import DEGREES, projected, to_mercator

ZOOM = 20
FOLDER = Path(os.environ.get("IMAGERY", "../shared/data/imagery"))
NEEDED = (
    "`make test-detector` needs imagery of a town: a folder with tiles of zoom 20 as 20/x/y.png and `labels.geojson`, "
    "the outlines of all buildings on them. Name it: IMAGERY=folder make test-detector. There is none at "
)
SLIVER_PIXELS = 16


@dataclass(frozen=True)
class Side:
    """Tiles to be judged on, and those to learn from."""

    judged: list[Tile]
    learned: list[Tile]

    @property
    def ground(self) -> BaseGeometry:
        return ground_of(self.judged)


@dataclass(frozen=True)
class Figures:
    """How good outlines are."""

    iou: float
    f1: float
    square: float
    needles: int
    merged: int
    found: int
    real: int


def ground_of(tiles: list[Tile]) -> BaseGeometry:
    """What tiles show, a hair less: an area that touches a tile's edge needs the next one, too."""
    return shapely.union_all([shapely.box(*tile.bounds) for tile in tiles]).buffer(-1e-7, join_style="mitre")


def sides() -> dict[str, Side]:
    """The left and the right third of the tiles to be judged on, the others to learn from."""
    if not (FOLDER / "labels.geojson").is_file():
        pytest.fail(f"{NEEDED}{FOLDER.resolve()}.")
    tiles = [Tile(ZOOM, int(path.parent.name), int(path.stem)) for path in sorted(FOLDER.glob(f"{ZOOM}/*/*.png"))]
    columns = sorted({tile.x for tile in tiles})
    third = len(columns) // 3
    return {
        name: Side([tile for tile in tiles if tile.x in part], [tile for tile in tiles if tile.x not in part])
        for name, part in (("left", columns[:third]), ("right", columns[-third:]))
    }


def halves(side: Side) -> tuple[Side, Side]:
    """The upper and the lower half of the tiles that a side is judged on."""
    rows = sorted({tile.y for tile in side.judged})
    upper = rows[: len(rows) // 2]
    parts = [[tile for tile in side.judged if (tile.y in upper) is is_upper] for is_upper in (True, False)]
    return Side(parts[0], side.learned), Side(parts[1], side.learned)


def labels() -> list[BaseGeometry]:
    """All buildings."""
    features = json.loads((FOLDER / "labels.geojson").read_bytes())["features"]
    return [shape(feature["geometry"]) for feature in features]


def judged(found: list[BaseGeometry], side: Side) -> Figures:
    """Outlines against the buildings of a side's ground."""
    ground = side.ground
    real = [label for label in labels() if label.intersects(ground)]
    middle = ground.centroid
    local = f"+proj=tmerc +lat_0={middle.y:.6f} +lon_0={middle.x:.6f} +k=1 +ellps=WGS84 +units=m"
    metres = Transformer.from_crs(DEGREES, local, always_xy=True)
    [place] = projected([ground], metres)
    least = SLIVER_PIXELS * metres_per_pixel(middle.y, ZOOM) ** 2
    cut = [
        [part for part in shapely.intersection(projected(shapes, metres), place) if part.area > least] if shapes else []
        for shapes in (found, real)
    ]
    matched, merged = _pairs(*cut)
    square, needles = _corners(projected(found, metres) if found else [])
    f1 = 2 * matched / max(1, len(cut[0]) + len(cut[1]))
    return Figures(_iou(found, real, side), f1, square, needles, merged, len(cut[0]), len(cut[1]))


def _iou(found: list[BaseGeometry], real: list[BaseGeometry], side: Side) -> float:
    trees = [shapely.STRtree(to_mercator(shapes) if shapes else []) for shapes in (found, real)]
    both = either = 0
    for tile in side.judged:
        here, there = (drawn(tree, tile) > 0 for tree in trees)
        both += np.count_nonzero(here & there)
        either += np.count_nonzero(here | there)
    return both / max(1, either)


def _pairs(found: list[BaseGeometry], real: list[BaseGeometry]) -> tuple[int, int]:
    """How many are one real building for more than half of both, and how many cover most of several."""
    tree, matched, merged = shapely.STRtree(real), 0, 0
    for each in found:
        near = [real[index] for index in tree.query(each)]
        shared = [each.intersection(other).area for other in near]
        matched += any(area > 0.5 * each.union(other).area for area, other in zip(shared, near, strict=True))
        merged += sum(area > 0.5 * other.area for area, other in zip(shared, near, strict=True)) > 1
    return matched, merged


def _corners(found: list[BaseGeometry]) -> tuple[float, int]:
    """The share of corners within 5° of square, and how many are below 40°."""
    angles = [np.zeros(0)]
    for polygon in found:
        for ring in (polygon.exterior, *polygon.interiors):
            points = np.asarray(ring.coords)[:-1]
            before, after = np.roll(points, 1, 0) - points, np.roll(points, -1, 0) - points
            cosines = (before * after).sum(1) / (np.hypot(*before.T) * np.hypot(*after.T))
            angles.append(np.degrees(np.arccos(np.clip(cosines, -1, 1))))
    every = np.concatenate(angles)
    return float((np.abs(every - 90) <= 5).mean()) if len(every) else 0.0, int((every < 40).sum())
