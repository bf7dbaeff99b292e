"""Views: what an epoch looks at. Pieces of the imagery, turned, mirrored, scaled and shifted at random."""

from math import cos, pi, sin

import numpy as np
from PIL import Image

from app.learning.chips import IGNORE
from app.learning.mosaic import GREY, Pixels, window
from app.settings import settings
from app.tiles import PIXELS, Tile

SHIFT_PIXELS = 96
SCALE = 1.3


class Views:
    """Draws training views around the chips that have labelled ground.

    A view may reach over the seams into neighbouring tiles, so a small data set shows every house in many places of
    the picture, and whole. An epoch is one view of each chip, within the limits of the settings: few chips are
    visited several times, so that an epoch has enough steps, and of very many a random part.
    """

    def __init__(self, tiles: list[Tile], images: Pixels, masks: Pixels, random: np.random.Generator) -> None:
        self.images = dict(zip(tiles, images, strict=True))
        self.masks = dict(zip(tiles, masks, strict=True))
        self.centres = [tile for tile, mask in zip(tiles, masks, strict=True) if (mask != IGNORE).any()]
        self.random = random

    def batches(self, size: int) -> list[list[Tile]]:
        """An epoch's chips in random order, in full batches of one size."""
        count = self.batches_length(size) * size
        rounds = -(-count // len(self.centres))
        order = np.concatenate([self.random.permutation(len(self.centres)) for _ in range(rounds)])[:count]
        return [[self.centres[index] for index in order[start : start + size]] for start in range(0, count, size)]

    def batches_length(self, size: int) -> int:
        """The steps of an epoch."""
        views = max(len(self.centres), settings.training_views_per_epoch_min)
        return -(-min(views, settings.training_views_per_epoch_max) // size)

    def batch(self, tiles: list[Tile]) -> tuple[Pixels, Pixels]:
        """One random view of each tile: images and masks."""
        views = [self._view(tile) for tile in tiles]
        return np.stack([image for image, _ in views]), np.stack([mask for _, mask in views])

    def _view(self, tile: Tile) -> tuple[Pixels, Pixels]:
        size = (PIXELS, PIXELS)
        turn = self._turn()
        image = Image.fromarray(window(self.images, tile, margin=PIXELS, fill=GREY))
        mask = Image.fromarray(window(self.masks, tile, margin=PIXELS, fill=IGNORE))
        grey = (GREY, GREY, GREY)
        seen = image.transform(size, Image.Transform.AFFINE, turn, Image.Resampling.BILINEAR, fillcolor=grey)
        truth = mask.transform(size, Image.Transform.AFFINE, turn, Image.Resampling.NEAREST, fillcolor=IGNORE)
        return np.asarray(seen), np.asarray(truth)

    def _turn(self) -> tuple[float, ...]:
        """From a view's pixels to those of a tile with its neighbours: any turn, mirrored or not."""
        angle = self.random.uniform(0, 2 * pi)
        scale = SCALE ** self.random.uniform(-1, 1)
        mirror = self.random.choice((-1, 1))
        across, down = 1.5 * PIXELS + self.random.uniform(-SHIFT_PIXELS, SHIFT_PIXELS, 2)
        a, b = scale * mirror * cos(angle), -scale * sin(angle)
        d, e = scale * mirror * sin(angle), scale * cos(angle)
        middle = PIXELS / 2
        return a, b, across - (a + b) * middle, d, e, down - (d + e) * middle
