"""A folder of tiles, areas and labels as arrays to learn from, and its ground parted in two."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from app.geometry.tiles import PIXELS, Tile
from app.learning.engine import Cancelled, Failure
from app.learning.imagery.mosaic import Pixels, read_tile, tiles_in
from app.learning.imagery.projection import on_grid, pixel_grid, read_polygons, to_mercator

BACKGROUND, BUILDING, BOUNDARY, CONTACT, IGNORE = 0, 1, 2, 3, 255
BLOCKS_MIN = 6
# Blocks may be far coarser than the coarsest tiles, and finer, down to a sixteenth of one: so even a single tile can
# be parted.
BLOCK_ZOOM_ABOVE_TILES = 10
BLOCK_ZOOM_BELOW_TILES = 2
VALIDATION_SHARE = 0.2
SPLITS_TRIED = 64

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Chips:
    """Tiles of one or more zooms with the truth about every pixel, and the footprints it was drawn from."""

    tiles: list[Tile]
    images: Pixels
    masks: Pixels
    footprints: shapely.STRtree


@dataclass(frozen=True)
class Parting:
    """Which blocks of the ground, by their names at a zoom, were learned from and which were set aside."""

    zoom: int
    learned: frozenset[int]
    aside: frozenset[int]

    def written(self) -> str:
        """As text, to be kept with the weights."""
        return json.dumps({"zoom": self.zoom, "learned": sorted(self.learned), "aside": sorted(self.aside)})

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """What was written; None if nothing was."""
        if text is None:
            return None
        sides = json.loads(text)
        return cls(sides["zoom"], frozenset(sides["learned"]), frozenset(sides["aside"]))


@dataclass(frozen=True)
class Sides:
    """The masks twice: each knows only its own side's ground, the other's is `IGNORE`."""

    training: Pixels
    validation: Pixels
    parting: Parting


def read_chips(
    folder: Path, zooms: tuple[int, ...], offset_m: tuple[float, float], cancelled: Callable[[], bool]
) -> Chips:
    """Every tile of the folder at these zooms that has imagery."""
    aois = shapely.STRtree(to_mercator(read_polygons(folder / "aois.geojson")))
    footprints = shapely.STRtree(shifted(to_mercator(read_polygons(folder / "labels.geojson")), offset_m))
    tiles, images, masks = [], [], []
    for tile in [tile for zoom in sorted(set(zooms)) for tile in tiles_in(folder / "tiles", zoom)]:
        if cancelled():
            raise Cancelled
        pixels = read_tile(folder / "tiles", tile)
        if pixels is not None:
            image, known = pixels
            labelled = known & drawn(aois, tile)
            tiles.append(tile)
            images.append(image)
            masks.append(np.where(labelled, drawn(footprints, tile), IGNORE).astype(np.uint8))
    if not tiles:
        raise Failure("There is no imagery at these zoom levels inside the areas.")
    chips = Chips(tiles, np.stack(images), np.stack(masks), footprints)
    if not (chips.masks == BUILDING).any():
        raise Failure("No label lies on the imagery inside the areas. Add or fetch labels first.")
    return chips


def shifted(shapes: list[BaseGeometry], offset_m: tuple[float, float]) -> list[BaseGeometry]:
    """The labels moved onto the imagery.

    The labels move, not the pictures: a picture moved by a part of a pixel would have to be resampled, and a
    prediction later meets the imagery as it is served, unmoved.
    """
    return list(shapely.transform(np.array(shapes, dtype=object), lambda points: points + np.array(offset_m)))


def drawn(shapes: shapely.STRtree, tile: Tile, *, numbered: bool = False, margin: int = 0) -> NDArray[np.int32]:
    """Shapes burnt into the pixels of a tile, and of a margin around it, as 1, or as their number from 1 on.

    A pixel belongs to the shape that covers its centre: so neighbours never claim the same pixel, areas stay true, and
    a pixel on the rim of an area of interest counts exactly when most of it lies inside.
    """
    side = PIXELS + 2 * margin
    grid = pixel_grid(*tile) @ Affine.translation(-margin, -margin)
    (box,) = on_grid([shapely.box(0, 0, side, side)], grid)
    indices = np.sort(shapes.query(box, predicate="intersects"))
    burnt = [(shapes.geometries[index], number if numbered else 1) for number, index in enumerate(indices, 1)]
    if not burnt:
        return np.zeros((side, side), np.int32)
    return np.asarray(rasterize(burnt, (side, side), transform=grid, dtype="int32"))


def part(chips: Chips, before: Parting | None = None) -> Sides:
    """Set about a fifth of the ground aside for validation, in whole blocks; of the same ground always the same fifth.

    The blocks lie on the ground, not on the tiles: what is set aside is so at every zoom. Wanted is the coarsest grid
    with enough blocks, for large blocks share the fewest edges; if there is none, the finest that can be parted.

    Weights that were learned on some of the ground are not to be judged there: what was set aside `before` stays so,
    what was learned from stays so, and only new ground is parted.
    """
    coarsest = min(tile.z for tile in chips.tiles)
    cells = [_cells(mask) for mask in chips.masks]
    zooms = range(max(0, coarsest - BLOCK_ZOOM_ABOVE_TILES), coarsest + BLOCK_ZOOM_BELOW_TILES + 1)
    if before is not None and before.zoom in zooms:
        blocks = [_blocks(tile, before.zoom) for tile in chips.tiles]
        if (continued := _continued(_census(cells, blocks), before)) is not None:
            return _sides(chips.masks, blocks, continued)
    best = None
    for zoom in zooms:
        blocks = [_blocks(tile, zoom) for tile in chips.tiles]
        census = _census(cells, blocks)
        chosen = _chosen(census, zoom)
        if chosen is not None:
            best = blocks, _parting(zoom, census, chosen)
            if len(census) >= BLOCKS_MIN:
                break
    if best is None:
        raise Failure("The labels are too close together to hold some back for testing. Add more labelled ground.")
    return _sides(chips.masks, *best)


def _parting(zoom: int, census: dict[int, Integers], aside: Iterable[int]) -> Parting:
    apart = frozenset(int(name) for name in aside)
    return Parting(zoom, frozenset(census) - apart, apart)


def _continued(census: dict[int, Integers], before: Parting) -> Parting | None:
    """The ground parted as before, where it was; None if that leaves either side without buildings."""
    new = {name: count for name, count in census.items() if name not in before.learned | before.aside}
    chosen = _chosen(new, before.zoom) if new else None
    parting = _parting(before.zoom, census, [*(before.aside & census.keys()), *(() if chosen is None else chosen)])
    sides = (sum(int(census[name][1]) for name in side) for side in (parting.learned, parting.aside))
    return parting if all(sides) else None


def _blocks(tile: Tile, zoom: int) -> Integers:
    """The ground blocks in a tile, as a square of their names: 1 × 1 unless the blocks are finer than the tile."""
    finer = max(0, zoom - tile.z)
    first = Tile(zoom, tile.x << finer, tile.y << finer) if finer else tile.ancestor(zoom)
    steps = np.arange(2**finer, dtype=np.int64)
    names: Integers = (first.y + steps[:, None]) * 2**zoom + first.x + steps[None, :]
    return names


def _cells(mask: Pixels) -> Integers:
    """The labelled pixels of a mask, and those of them that are buildings, for each cell of its finest blocks."""
    count = 2**BLOCK_ZOOM_BELOW_TILES
    cells = mask.reshape(count, PIXELS // count, count, PIXELS // count)
    return np.stack([(cells != IGNORE).sum((1, 3)), (cells == BUILDING).sum((1, 3))], axis=2)


def _census(cells: list[Integers], blocks: list[Integers]) -> dict[int, Integers]:
    """For each block with labelled ground: its labelled pixels and those of them that are buildings."""
    census: dict[int, Integers] = {}
    for counts, names in zip(cells, blocks, strict=True):
        size = len(counts) // len(names)
        of_blocks = counts.reshape(len(names), size, len(names), size, 2).sum((1, 3)).reshape(-1, 2)
        for name, count in zip(names.flat, of_blocks, strict=True):
            if count[0]:
                census[int(name)] = census.get(int(name), 0) + count
    return census


def _chosen(census: dict[int, Integers], zoom: int) -> Integers | None:
    """Of some choices of blocks the one most like the whole and most spread out, with buildings on both sides.

    What lies side by side is alike: a kind of roof must not be set aside with all of its neighbours.
    """
    names = np.array(sorted(census))
    counts = np.array([census[int(name)] for name in names])
    total = counts.sum(0)
    size = max(1, round(VALIDATION_SHARE * len(names)))
    random = np.random.default_rng(0)
    best, best_distance = None, np.inf
    for _ in range(SPLITS_TRIED):
        picked = random.choice(len(names), size, replace=False)
        labelled, buildings = counts[picked].sum(0)
        if 0 < buildings < total[1]:
            share = labelled / total[0]
            distance = abs(share - VALIDATION_SHARE) + abs(buildings / labelled - total[1] / total[0])
            distance += _crowded(names[picked], zoom)
            if distance < best_distance:
                best, best_distance = names[picked], distance
    return best


def _crowded(names: Integers, zoom: int) -> float:
    """Of all neighbours of blocks, the share that are among these blocks, too."""
    steps = [row * 2**zoom + column for row in (-1, 0, 1) for column in (-1, 0, 1) if row or column]
    return float(np.isin(names[:, None] + np.array(steps), names).mean())


def _sides(masks: Pixels, blocks: list[Integers], parting: Parting) -> Sides:
    chosen = np.array(sorted(parting.aside))
    aside = np.stack(
        [np.kron(np.isin(names, chosen), np.ones((PIXELS // len(names),) * 2, np.bool_)) for names in blocks]
    )
    return Sides(np.where(aside, IGNORE, masks), np.where(aside, masks, IGNORE), parting)
