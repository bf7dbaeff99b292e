"""From tiles to the odds of every pixel, without seams: windows overlap and fade into one another."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.geometry.tiles import PIXELS, Tile
from app.learning.engine import Cancelled
from app.learning.imagery.mosaic import GREY, Pixels, neighbours, read_tile, window

# Each window reaches this far into its neighbours, so two neighbours share a band of twice the width.
MARGIN = 64
WINDOWS_AT_ONCE = 2
# Odds are kept as 1 … 255; 0 says that there is no imagery.
ODDS_MAX = 255


@dataclass(frozen=True)
class Look:
    """What tells the odds of each pixel of some windows: bytes as (window, height, width, 3) in, 0 … 1 out.

    One that tells several things of a pixel answers with one more axis, as long as `channels`.
    """

    odds: Callable[[Pixels], NDArray[np.float32]]
    channels: int | None = None
    margin: int = MARGIN


class _Ground(NamedTuple):
    """A tile in work: what it shows, where, and what the windows that reach it added so far."""

    image: Pixels
    known: NDArray[np.bool_]
    odds_sum: NDArray[np.float32]
    weight: NDArray[np.float32]

    def odds(self) -> Pixels:
        flat = self.odds_sum.ndim == 2
        weight, known = (part if flat else part[..., None] for part in (self.weight, self.known))
        share = self.odds_sum / np.maximum(weight, np.finfo(np.float32).tiny)
        return np.where(known, np.maximum(np.rint(share * ODDS_MAX), 1), 0).astype(np.uint8)


def odds_of_tiles(
    look: Look, folder: Path, tiles: list[Tile], cancelled: Callable[[], bool]
) -> Iterator[tuple[Tile, Pixels]]:
    """The odds of each tile that has imagery, row by row; only three rows of tiles are held at a time."""
    fade = _fade(look)
    wanted = frozenset(tiles)
    held: dict[Tile, _Ground] = {}
    for y, row in groupby(sorted(tiles, key=lambda tile: (tile.y, tile.x)), key=lambda tile: tile.y):
        for tile in [tile for tile in held if tile.y < y - 1]:
            yield tile, held.pop(tile).odds()
        centres = list(row)
        for tile in dict.fromkeys(near for centre in centres for near in neighbours(centre)):
            if tile in wanted and tile not in held:
                _hold(held, folder, tile, look)
        centres = [tile for tile in centres if tile in held]
        for start in range(0, len(centres), WINDOWS_AT_ONCE):
            if cancelled():
                raise Cancelled
            _look(look, held, centres[start : start + WINDOWS_AT_ONCE], fade)
    for tile in list(held):
        yield tile, held.pop(tile).odds()


def _fade(look: Look) -> NDArray[np.float32]:
    """A window's say about its pixels; the says of all windows that reach a pixel add up to one."""
    ramp = (np.arange(2 * look.margin) + 0.5) / (2 * look.margin)
    along = np.concatenate([ramp, np.ones(PIXELS - 2 * look.margin), ramp[::-1]])
    return np.outer(along, along).astype(np.float32)


def _hold(held: dict[Tile, _Ground], folder: Path, tile: Tile, look: Look) -> None:
    pixels = read_tile(folder, tile)
    if pixels is not None:
        shape = (PIXELS, PIXELS) if look.channels is None else (PIXELS, PIXELS, look.channels)
        held[tile] = _Ground(*pixels, np.zeros(shape, np.float32), np.zeros((PIXELS, PIXELS), np.float32))


def _look(look: Look, held: dict[Tile, _Ground], centres: list[Tile], fade: NDArray[np.float32]) -> None:
    """Ask the network about the windows around some tiles and share its answer out to all tiles they reach."""
    images = {tile: ground.image for tile, ground in held.items()}
    windows = [window(images, tile, margin=look.margin, fill=GREY) for tile in centres]
    # Always a full batch: another shape would have to be compiled.
    windows += [windows[0]] * (WINDOWS_AT_ONCE - len(windows))
    answers = look.odds(np.stack(windows))
    say = fade if look.channels is None else fade[..., None]
    for tile, answer in zip(centres, answers, strict=False):
        for near, (there, here) in neighbours(tile, look.margin).items():
            if near in held:
                held[near].odds_sum[here] += (say * answer)[there]
                held[near].weight[here] += fade[there]
