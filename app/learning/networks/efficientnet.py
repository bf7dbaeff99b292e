"""EfficientNet-Lite0 as an encoder: a picture of 224 pixels becomes 1280 numbers.

EfficientNet: Rethinking Model Scaling, Tan and Le, arXiv 1905.11946; its Lite variant has ReLU6 and no attention.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from app.learning.networks.pretrained import Conv, DepthwiseConv, PaddedConv, Tensors, blank

SIDE = 224
FEATURES = 1280
STEM_CHANNELS = 32
# Of each stage: how often it repeats its block, by what its first block strides, the side of its depthwise kernels,
# by what its blocks widen, and its channels.
STAGES = (
    (1, 1, 3, 1, 16),
    (2, 2, 3, 6, 24),
    (2, 2, 5, 6, 40),
    (3, 2, 3, 6, 80),
    (3, 1, 5, 6, 112),
    (4, 2, 5, 6, 192),
    (1, 1, 3, 6, 320),
)
# The last block at each size, and its channels.
TAPPED_BLOCKS = {0: 16, 2: 24, 4: 40, 10: 112, 15: 320}


class Block(eqx.Module):
    """Widens, looks at each channel by itself, narrows; around it where the shape stays."""

    expand: Conv | None
    depthwise: DepthwiseConv
    project: Conv
    is_around: bool = eqx.field(static=True)

    def __call__(self, x: Array) -> Array:
        y = x if self.expand is None else jax.nn.relu6(self.expand(x))
        y = self.project(jax.nn.relu6(self.depthwise(y)))
        return x + y if self.is_around else y


class Trunk(eqx.Module):
    """All of the network but its last layer: pictures of 0 … 255 in, what it sees at each size out."""

    stem: Conv
    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, tensors: Tensors) -> Self:
        """The trunk with these weights."""
        blocks: list[Block] = []
        for repeats, stride, *_ in STAGES:
            for repeat in range(repeats):
                name = f"_blocks.{len(blocks)}"
                expand = tensors.conv(f"{name}._expand_conv") if f"{name}._expand_conv" in tensors else None
                step = stride if repeat == 0 else 1
                depthwise = tensors.conv_of(DepthwiseConv, f"{name}._depthwise_conv", step)
                blocks.append(Block(expand, depthwise, tensors.conv(f"{name}._project_conv"), repeat > 0))
        return cls(tensors.conv_of(PaddedConv, "_conv_stem", 2), tuple(blocks))

    @classmethod
    def blank(cls) -> Self:
        """The trunk with zeros for weights, to be filled from a checkpoint."""
        blocks: list[Block] = []
        below = STEM_CHANNELS
        for repeats, stride, size, expansion, channels in STAGES:
            for repeat in range(repeats):
                wide = expansion * below
                expand = blank(Conv, 1, below, wide) if expansion > 1 else None
                depthwise = blank(DepthwiseConv, size, 1, wide, stride if repeat == 0 else 1)
                blocks.append(Block(expand, depthwise, blank(Conv, 1, wide, channels), repeat > 0))
                below = channels
        return cls(blank(PaddedConv, 3, 3, STEM_CHANNELS, 2), tuple(blocks))

    def taps(self, images: Array) -> list[Array]:
        """What it sees at strides 2, 4, 8, 16 and 32."""
        x = jax.nn.relu6(self.stem((images.astype(jnp.float32) - 127) / 128))
        seen = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in TAPPED_BLOCKS:
                seen.append(x)
        return seen


class Encoder(eqx.Module):
    """Pictures as (batch, 224, 224, 3) of 0 … 255 in, features as (batch, 1280) out."""

    trunk: Trunk
    head: Conv

    @classmethod
    def read(cls, path: Path) -> Self:
        """The network with the weights of a file."""
        tensors = Tensors.read(path)
        return cls(Trunk.of(tensors), tensors.conv("_conv_head"))

    def __call__(self, images: Array) -> Array:
        return jax.nn.relu6(self.head(self.trunk.taps(images)[-1])).mean((1, 2))


def features(encoder: Encoder, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """The features of pictures of 224 pixels: one at a time, which on a CPU costs no more than batches do."""
    rows = [np.asarray(_run(encoder, jnp.asarray(picture[None]))) for picture in pictures]
    return np.concatenate(rows) if rows else np.zeros((0, FEATURES), np.float32)


@eqx.filter_jit
def _run(encoder: Encoder, images: Array) -> Array:
    return encoder(images)
