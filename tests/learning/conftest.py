"""A small site to learn from: white houses on dark ground, as tiles, areas and labels in a folder."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pyproj import Transformer
from shapely import Polygon
from shapely.geometry import mapping

from app.geometry.tiles import PIXELS, Tile
from app.learning.imagery.projection import DEGREES, MERCATOR, on_grid, pixel_grid, projected

TO_DEGREES = Transformer.from_crs(MERCATOR, DEGREES, always_xy=True)
HOUSES = [
    (20, 30, 90, 100),
    (150, 140, 230, 200),
    (300, 40, 380, 130),
    (420, 170, 490, 240),
    (40, 290, 110, 370),
    (170, 400, 250, 480),
    (290, 300, 350, 360),
    (400, 400, 480, 470),
]


@dataclass
class Site:
    """Two by two tiles with eight houses; lengths are pixels of the site's zoom, from its north-west corner."""

    folder: Path
    zoom: int = 19
    x: int = 300_000
    y: int = 200_000
    across: int = 2
    down: int = 2
    houses: list[tuple[int, int, int, int]] = field(default_factory=lambda: list(HOUSES))

    def outline(self, *points: tuple[float, float]) -> Polygon:
        """A polygon in degrees from points in pixels."""
        return projected(on_grid([Polygon(points)], pixel_grid(self.zoom, self.x, self.y)), TO_DEGREES)[0]

    def box(self, west: float, north: float, east: float, south: float) -> Polygon:
        return self.outline((west, north), (east, north), (east, south), (west, south))

    @property
    def area(self) -> Polygon:
        return self.box(0, 0, self.across * PIXELS, self.down * PIXELS)

    def picture(self) -> NDArray[np.uint8]:
        ground = np.random.default_rng(3).integers(40, 90, (self.down * PIXELS, self.across * PIXELS, 3), np.uint8)
        for west, north, east, south in self.houses:
            ground[north:south, west:east] += 130
        return ground

    def tiles(self) -> list[Tile]:
        return [Tile(self.zoom, self.x + i, self.y + j) for j in range(self.down) for i in range(self.across)]

    def write(self) -> "Site":
        picture = self.picture()
        for tile in self.tiles():
            row, column = (tile.y - self.y) * PIXELS, (tile.x - self.x) * PIXELS
            self.write_tile(tile, picture[row : row + PIXELS, column : column + PIXELS])
        self.write_shapes("labels.geojson", *(self.box(*house) for house in self.houses))
        self.write_shapes("aois.geojson", self.area)
        self.write_shapes("area.geojson", self.area)
        return self

    def write_tile(self, tile: Tile, pixels: NDArray[np.uint8]) -> None:
        path = self.folder / "tiles" / str(tile.z) / str(tile.x) / f"{tile.y}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)

    def write_shapes(self, name: str, *shapes: Polygon) -> None:
        features = [{"type": "Feature", "properties": {}, "geometry": mapping(shape)} for shape in shapes]
        (self.folder / name).write_text(json.dumps({"type": "FeatureCollection", "features": features}))

    def ask(self, task: str, **request: object) -> None:
        values = {"task": task, "base_model": "RAMP", **request}
        (self.folder / "request.json").write_text(json.dumps(values))


@pytest.fixture(scope="session")
def new_site() -> type[Site]:
    return Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)
