"""The segmentation network behind RAMP: a U-Net whose encoder, EfficientNet-Lite0, was trained on ImageNet.

It sees imagery enlarged twice: roofs of ten pixels become as large as what the encoder learned from. Its decoder ends
at half the size of the imagery and gives 2 × 2 pixels for each of its cells, so the answer is as fine as the imagery.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from app.learning.networks.efficientnet import TAPPED_BLOCKS, Trunk
from app.learning.networks.pretrained import Tensors
from app.learning.networks.unet import CLASSES, Conv, GroupNorm, Random, footprint_logits

ARCHITECTURE = "efficient-unet-1"
ENLARGEMENT = 2
# Of the decoder at strides 16, 8 and 4.
WIDTHS = (96, 64, 48)
# How far what the encoder gives the decoder deviates, on aerial imagery at strides 4, 8, 16 and 32. Without batch norms
# these values are large, and steps of the decoder would be too large by as much.
DEVIATIONS = (7.7, 6.6, 5.2, 2.5)
# Blocks of the encoder that a training leaves as they are, as it leaves its stem and all depthwise kernels: edges and
# colours are the same everywhere, and their gradients cost most.
FIXED_BLOCKS = 3
# The encoder has learned most of what it needs; the decoder has not.
ENCODER_RATE = 0.2


class Up(eqx.Module):
    """One level of the decoder: doubles the picture and adds what the encoder saw at that size."""

    top: Conv
    skip: Conv
    conv: Conv
    norm: GroupNorm

    def __init__(self, above: tuple[int, float], seen: tuple[int, float], channels: int, *, random: Random) -> None:
        """What comes from above and what the encoder saw: channels, and how far their values deviate."""
        self.top, self.skip = (
            Conv(channels_in, channels, size=1, random=random, gain=1 / deviation)
            for channels_in, deviation in (above, seen)
        )
        self.conv = Conv(channels, channels, size=3, random=random)
        self.norm = GroupNorm(channels)

    def __call__(self, x: Array, seen: Array) -> Array:
        y = jnp.repeat(jnp.repeat(self.top(x), 2, 1), 2, 2)
        y = jax.nn.relu(y + self.skip(seen))
        return jax.nn.relu(y + self.norm(self.conv(y)))


class EfficientUNet(eqx.Module):
    """Images of 0 … 255 as (batch, height, width, 3) in, one logit per pixel as (batch, height, width) out.

    Both sides of an image are multiples of 16. Of each pixel it tells four classes apart: see `multimasks`.
    """

    trunk: Trunk
    ups: tuple[Up, ...]
    head: Conv

    def __init__(self, trunk: Trunk, random: Random) -> None:
        self.trunk = trunk
        *seen, above = zip(list(TAPPED_BLOCKS.values())[1:], DEVIATIONS, strict=True)
        ups = []
        for channels, level in zip(WIDTHS, reversed(seen), strict=True):
            ups.append(Up(above, level, channels, random=random))
            above = channels, 1.0
        self.ups = tuple(ups)
        # It begins with no opinion: one at random takes a third of a training to forget.
        self.head = Conv(above[0], 4 * CLASSES, size=3, random=random, gain=0.0)

    @classmethod
    def pretrained(cls, tensors: Tensors, random: Random) -> Self:
        """The network with an encoder that is trained and a decoder that is not."""
        return cls(Trunk.of(tensors), random)

    @classmethod
    def blank(cls, random: Random) -> Self:
        """A network to be filled from a checkpoint."""
        return cls(Trunk.blank(), random)

    def __call__(self, images: Array) -> Array:
        return footprint_logits(self.classes_of(images))

    def classes_of(self, images: Array) -> Array:
        """What it thinks of each class, as (batch, height, width, classes)."""
        batch, height, width, channels = images.shape
        shape = (batch, ENLARGEMENT * height, ENLARGEMENT * width, channels)
        return self.logits(jax.image.resize(images.astype(jnp.float32), shape, "cubic"))

    def logits(self, enlarged: Array) -> Array:
        """The same of images that are enlarged already, as views are."""
        _, *seen, x = self.trunk.taps(enlarged)
        for up, level in zip(self.ups, reversed(seen), strict=True):
            x = up(x, level)
        batch, height, width, _ = x.shape
        cells = self.head(x).reshape(batch, height, width, 2, 2, CLASSES)
        return cells.transpose(0, 1, 3, 2, 4, 5).reshape(batch, 2 * height, 2 * width, CLASSES)

    def rates(self, *, freezes_encoder: bool) -> Self:
        """The network's shape with the share of the learning rate where a weight may move, and 0 where it may not."""
        blocks = [
            jax.tree.map(
                lambda _, share=0.0 if number < FIXED_BLOCKS or freezes_encoder else ENCODER_RATE: share, block
            )
            for number, block in enumerate(self.trunk.blocks)
        ]
        blocks = [eqx.tree_at(lambda b: b.depthwise, b, jax.tree.map(lambda _: 0.0, b.depthwise)) for b in blocks]
        stem = jax.tree.map(lambda _: 0.0, self.trunk.stem)
        rates: Self = eqx.tree_at(
            lambda tree: (tree.trunk.stem, tree.trunk.blocks),
            jax.tree.map(lambda _: 1.0, self),
            (stem, tuple(blocks)),
        )
        return rates
