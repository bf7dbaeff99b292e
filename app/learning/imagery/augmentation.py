"""Views: what an epoch looks at. Pieces of the imagery, turned, mirrored, scaled and shifted at random."""

from dataclasses import dataclass
from math import cos, exp, pi, sin

import numpy as np
from PIL import Image

from app.geometry.tiles import PIXELS, Tile
from app.learning.imagery.chips import IGNORE
from app.learning.imagery.mosaic import GREY, Pixels, window
from app.settings import settings


@dataclass(frozen=True)
class Viewing:
    """What views are like: their side in pixels of the imagery, and how much finer than that they are drawn."""

    side: int = PIXELS
    enlargement: int = 1
    magnification: tuple[float, float] = (1 / 1.3, 1.3)
    shift_pixels: int = 96
    resampling: Image.Resampling = Image.Resampling.BILINEAR
    # How many of the views get a box of another one.
    mixed_share: float = 0.0
    # The fewest steps of an epoch; None for as many as see the views that the settings ask for.
    steps_min: int | None = None


PLAIN = Viewing()
# For a network that knows pictures already, and sees imagery enlarged.
# Of few tiles more steps are learned by heart: twice as many cost roofs on other ground.
ENLARGED = Viewing(192, 2, (0.55, 1.3), 128, Image.Resampling.BICUBIC, mixed_share=0.3, steps_min=5)
MIXED_BOX = (0.3, 0.7)


class Views:
    """Draws training views around the chips that have labelled ground.

    A view may reach over the seams into neighbouring tiles, so a small data set shows every house in many places of
    the picture, and whole. An epoch is one view of each chip, within the limits of the settings: few chips are
    visited several times, so that an epoch has enough steps, and of very many a random part.
    """

    def __init__(
        self,
        tiles: list[Tile],
        images: Pixels,
        masks: Pixels,
        random: np.random.Generator,
        viewing: Viewing = PLAIN,
    ) -> None:
        self.images = dict(zip(tiles, images, strict=True))
        self.masks = dict(zip(tiles, masks, strict=True))
        self.centres = [tile for tile, mask in zip(tiles, masks, strict=True) if (mask != IGNORE).any()]
        self.random = random
        self.viewing = viewing

    def batches(self, size: int) -> list[list[Tile]]:
        """An epoch's chips in random order, in full batches of one size."""
        count = self.batches_length(size) * size
        rounds = -(-count // len(self.centres))
        order = np.concatenate([self.random.permutation(len(self.centres)) for _ in range(rounds)])[:count]
        return [[self.centres[index] for index in order[start : start + size]] for start in range(0, count, size)]

    def batches_length(self, size: int) -> int:
        """The steps of an epoch."""
        least = settings.training_views_per_epoch_min
        if self.viewing.steps_min is not None:
            least = min(least, self.viewing.steps_min * size)
        views = max(len(self.centres), least)
        return -(-min(views, settings.training_views_per_epoch_max) // size)

    def batch(self, tiles: list[Tile]) -> tuple[Pixels, Pixels]:
        """One random view of each tile: images, enlarged if asked for, and masks."""
        views = [self._view(tile) for tile in tiles]
        images, masks = np.stack([image for image, _ in views]), np.stack([mask for _, mask in views])
        return self._mixed(images, masks) if self.viewing.mixed_share else (images, masks)

    def _view(self, tile: Tile) -> tuple[Pixels, Pixels]:
        viewing = self.viewing
        turn = self._turn()
        image = Image.fromarray(window(self.images, tile, margin=PIXELS, fill=GREY))
        mask = Image.fromarray(window(self.masks, tile, margin=PIXELS, fill=IGNORE))
        grey = (GREY, GREY, GREY)
        side, fine = viewing.side, viewing.side * viewing.enlargement
        finer = tuple(step / (viewing.enlargement if place % 3 < 2 else 1) for place, step in enumerate(turn))
        seen = image.transform((fine, fine), Image.Transform.AFFINE, finer, viewing.resampling, fillcolor=grey)
        nearest = Image.Resampling.NEAREST
        truth = mask.transform((side, side), Image.Transform.AFFINE, turn, nearest, fillcolor=IGNORE)
        return np.asarray(seen), np.asarray(truth)

    def _turn(self) -> tuple[float, ...]:
        """From a view's pixels to those of a tile with its neighbours: any turn, mirrored or not."""
        viewing = self.viewing
        angle = self.random.uniform(0, 2 * pi)
        scale = 1 / exp(self.random.uniform(*np.log(viewing.magnification)))
        mirror = self.random.choice((-1, 1))
        across, down = 1.5 * PIXELS + self.random.uniform(-viewing.shift_pixels, viewing.shift_pixels, 2)
        a, b = scale * mirror * cos(angle), -scale * sin(angle)
        d, e = scale * mirror * sin(angle), scale * cos(angle)
        middle = viewing.side / 2
        return a, b, across - (a + b) * middle, d, e, down - (d + e) * middle

    def _mixed(self, images: Pixels, masks: Pixels) -> tuple[Pixels, Pixels]:
        """Some views with a box of the next one in it: roofs beside what they never stand beside (CutMix)."""
        side, finer = self.viewing.side, self.viewing.enlargement
        mixed_images, mixed_masks = images.copy(), masks.copy()
        for place in range(len(images)):
            is_mixed = self.random.random() < self.viewing.mixed_share
            height, width = (self.random.uniform(*MIXED_BOX, 2) * side).astype(int)
            top, left = (self.random.integers(0, side - length + 1) for length in (height, width))
            if not is_mixed:
                continue
            other = (place + 1) % len(images)
            box = slice(top, top + height), slice(left, left + width)
            fine = tuple(slice(finer * part.start, finer * part.stop) for part in box)
            mixed_masks[place][box] = masks[other][box]
            mixed_images[place][fine] = images[other][fine]
        return mixed_images, mixed_masks
