"""RAMP's small network, for machines without pretrained weights: a U-Net that learns all from a few tiles.

Normalisation is part of the network (pixel values become −1 … 1, features pass GroupNorm), so a checkpoint needs no
statistics of the data it was trained on and a batch of one behaves like a batch of eight.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from app.learning.networks.convolutions import convolve

Random = np.random.Generator

ARCHITECTURE = "unet-1"
WIDTHS = (16, 32, 64, 96)
GROUP_CHANNELS = 8
# Ground, building, border, contact: see `multimasks`.
CLASSES = 4
# Keeps the size of values that pass a ReLU.
HE_GAIN = 2**0.5
# Windows fed to the network must halve this many times without a rest: once in the stem, once between levels.
STRIDE = 2 ** len(WIDTHS)


class Conv(eqx.Module):
    """A convolution over (batch, height, width, channels): the layout CPUs run fastest."""

    weight: Array
    bias: Array
    stride: int = eqx.field(static=True)

    def __init__(
        self, channels_in: int, channels_out: int, *, size: int, stride: int = 1, random: Random, gain: float = HE_GAIN
    ) -> None:
        deviation = gain / (size * size * channels_in) ** 0.5
        shape = (size, size, channels_in, channels_out)
        # Drawn by NumPy: JAX would compile a little program for every shape, which takes seconds.
        self.weight = jnp.asarray(np.float32(deviation) * random.standard_normal(shape, np.float32))
        self.bias = jnp.asarray(np.zeros(channels_out, np.float32))
        self.stride = stride

    def __call__(self, x: Array) -> Array:
        return convolve(x, self.weight, self.stride) + self.bias


class GroupNorm(eqx.Module):
    """Levels out each image on its own; BatchNorm would need long runs and large batches."""

    scale: Array
    shift: Array

    def __init__(self, channels: int) -> None:
        self.scale = jnp.asarray(np.ones(channels, np.float32))
        self.shift = jnp.asarray(np.zeros(channels, np.float32))

    def __call__(self, x: Array) -> Array:
        batch, height, width, channels = x.shape
        count = height * width * GROUP_CHANNELS
        # Sums per channel first: reducing the wide axes once is far cheaper on a CPU than over a regrouped array.
        groups = (batch, channels // GROUP_CHANNELS, GROUP_CHANNELS)
        mean = x.sum((1, 2)).reshape(groups).sum(2) / count
        square = (x * x).sum((1, 2)).reshape(groups).sum(2) / count
        deviation = lax.rsqrt(jnp.maximum(square - mean * mean, 0) + 1e-5)
        mean, deviation = (jnp.repeat(v, GROUP_CHANNELS, 1)[:, None, None, :] for v in (mean, deviation))
        gain = deviation * self.scale
        return x * gain + (self.shift - mean * gain)


class Block(eqx.Module):
    """Two convolutions and a way around them."""

    first: Conv
    first_norm: GroupNorm
    second: Conv
    second_norm: GroupNorm

    def __init__(self, channels: int, *, random: Random) -> None:
        self.first = Conv(channels, channels, size=3, random=random)
        self.first_norm = GroupNorm(channels)
        self.second = Conv(channels, channels, size=3, random=random)
        self.second_norm = GroupNorm(channels)

    def __call__(self, x: Array) -> Array:
        y = jax.nn.relu(self.first_norm(self.first(x)))
        return jax.nn.relu(x + self.second_norm(self.second(y)))


class Down(eqx.Module):
    """One level of the encoder: halves the picture, then looks."""

    conv: Conv
    norm: GroupNorm
    block: Block

    def __init__(self, channels_in: int, channels_out: int, *, size: int, random: Random) -> None:
        self.conv = Conv(channels_in, channels_out, size=size, stride=2, random=random)
        self.norm = GroupNorm(channels_out)
        self.block = Block(channels_out, random=random)

    def __call__(self, x: Array) -> Array:
        return self.block(jax.nn.relu(self.norm(self.conv(x))))


class Up(eqx.Module):
    """One level of the decoder: doubles the picture and adds what the encoder saw at that size."""

    conv: Conv
    norm: GroupNorm
    block: Block

    def __init__(self, channels_in: int, channels_out: int, *, random: Random) -> None:
        self.conv = Conv(channels_in, channels_out, size=1, random=random)
        self.norm = GroupNorm(channels_out)
        self.block = Block(channels_out, random=random)

    def __call__(self, x: Array, seen: Array) -> Array:
        y = self.norm(self.conv(x))
        y = jnp.repeat(jnp.repeat(y, 2, 1), 2, 2)
        return self.block(jax.nn.relu(y + seen))


class UNet(eqx.Module):
    """Images of 0 … 255 as (batch, height, width, 3) in, one logit per pixel as (batch, height, width) out.

    A network of four classes (see `multimasks`) gives the same logit, that of a footprint, and tells more by `logits`.
    """

    downs: tuple[Down, ...]
    ups: tuple[Up, ...]
    head: Conv
    classes: int = eqx.field(static=True)

    def __init__(self, random: Random, widths: tuple[int, ...] = WIDTHS, *, classes: int = 1) -> None:
        pairs = list(zip((3, *widths), widths, strict=False))
        self.downs = tuple(
            Down(below, above, size=5 if level == 0 else 3, random=random) for level, (below, above) in enumerate(pairs)
        )
        self.ups = tuple(Up(above, below, random=random) for below, above in reversed(pairs[1:]))
        # Four times the logits for each cell of the half-size picture: its 2 × 2 pixels.
        self.head = Conv(widths[0], 4 * classes, size=3, random=random)
        self.classes = classes

    def __call__(self, images: Array) -> Array:
        logits = self.logits(images)
        if self.classes == 1:
            return logits[..., 0]
        return footprint_logits(logits)

    def rates(self, *, frozen_levels: int) -> Self:
        """The network's shape with 1 where a weight may move, and 0 where it may not."""
        downs = [
            jax.tree.map(lambda _, share=float(level >= frozen_levels): share, down)
            for level, down in enumerate(self.downs)
        ]
        rates: Self = eqx.tree_at(lambda tree: tree.downs, jax.tree.map(lambda _: 1.0, self), tuple(downs))
        return rates

    def logits(self, images: Array) -> Array:
        """What it thinks of each class, as (batch, height, width, classes)."""
        x = images.astype(jnp.float32) / 127.5 - 1
        seen = []
        for down in self.downs:
            x = down(x)
            seen.append(x)
        for up, level in zip(self.ups, reversed(seen[:-1]), strict=True):
            x = up(x, level)
        batch, height, width, _ = x.shape
        cells = self.head(x).reshape(batch, height, width, 2, 2, self.classes)
        return cells.transpose(0, 1, 3, 2, 4, 5).reshape(batch, 2 * height, 2 * width, self.classes)


def footprint_logits(classes: Array) -> Array:
    """The odds of building or border against ground or contact."""
    return jax.nn.logsumexp(classes[..., 1:3], axis=-1) - jnp.logaddexp(classes[..., 0], classes[..., 3])
