"""Tiles as one picture: reading them from a folder, and cutting windows that reach across their seams."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from app.geometry.tiles import PIXELS, Tile

Pixels = NDArray[np.uint8]
# Stands where there is no imagery: the middle of the scale, which the network sees as zero.
GREY = 127


def tiles_in(folder: Path, zoom: int) -> list[Tile]:
    """The tiles of one zoom that a folder holds as z/x/y.png, row by row."""
    paths = (folder / str(zoom)).glob("*/*.png")
    named = (path for path in paths if path.stem.isdigit() and path.parent.name.isdigit())
    tiles = [Tile(zoom, int(path.parent.name), int(path.stem)) for path in named]
    return sorted(tiles, key=lambda tile: (tile.y, tile.x))


def read_tile(folder: Path, tile: Tile) -> tuple[Pixels, NDArray[np.bool_]] | None:
    """A tile's colours and where it has any, or None if it is missing, empty or no picture."""
    try:
        with Image.open(folder / str(tile.z) / str(tile.x) / f"{tile.y}.png") as image:
            rgba = np.asarray(image.convert("RGBA").resize((PIXELS, PIXELS)))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError):
        return None
    known = rgba[..., 3] > 0
    if not known.any():
        return None
    return np.where(known[..., None], rgba[..., :3], np.uint8(GREY)), known


Part = tuple[slice, slice]


def neighbours(tile: Tile, margin: int = PIXELS) -> dict[Tile, tuple[Part, Part]]:
    """A tile and the eight around it: which part of a window with such a margin each fills, and with which part."""
    tiles = {}
    for row in (-1, 0, 1):
        for column in (-1, 0, 1):
            down, from_down = _overlap(row, margin)
            across, from_across = _overlap(column, margin)
            tiles[Tile(tile.z, tile.x + column, tile.y + row)] = (down, across), (from_down, from_across)
    return tiles


def window(arrays: Mapping[Tile, Pixels], tile: Tile, *, margin: int, fill: int) -> Pixels:
    """A tile with a margin of its neighbours around it, `fill` where there is none."""
    sample = arrays[tile]
    side = PIXELS + 2 * margin
    cut = np.full((side, side, *sample.shape[2:]), fill, sample.dtype)
    for near, (there, here) in neighbours(tile, margin).items():
        if near in arrays:
            cut[there] = arrays[near][here]
    return cut


def _overlap(step: int, margin: int) -> tuple[slice, slice]:
    """Along one axis: where a neighbour lands in the window, and which part of it does."""
    start = margin + step * PIXELS
    first, last = max(0, start), min(PIXELS + 2 * margin, start + PIXELS)
    return slice(first, last), slice(first - start, last - start)
