"""EfficientNet-Lite0 as an encoder: a picture of 224 pixels becomes 1280 numbers.

EfficientNet: Rethinking Model Scaling, Tan and Le, arXiv 1905.11946; its Lite variant has ReLU6 and no attention.
"""

from collections.abc import Sequence
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from app.learning.pictures import Picture
from app.learning.pretrained import Conv, DepthwiseConv, PaddedConv, Tensors

SIDE = 224
FEATURES = 1280
# How often each stage repeats its block, and by what its first block strides.
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))


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


class Encoder(eqx.Module):
    """Pictures as (batch, 224, 224, 3) of 0 … 255 in, features as (batch, 1280) out."""

    stem: Conv
    blocks: tuple[Block, ...]
    head: Conv

    @classmethod
    def read(cls, path: Path) -> "Encoder":
        """The network with the weights of a file."""
        tensors = Tensors.read(path)
        blocks: list[Block] = []
        for repeats, stride in STAGES:
            for repeat in range(repeats):
                name = f"_blocks.{len(blocks)}"
                expand = tensors.conv(f"{name}._expand_conv") if f"{name}._expand_conv" in tensors else None
                step = stride if repeat == 0 else 1
                depthwise = tensors.conv_of(DepthwiseConv, f"{name}._depthwise_conv", step)
                blocks.append(Block(expand, depthwise, tensors.conv(f"{name}._project_conv"), repeat > 0))
        stem = tensors.conv_of(PaddedConv, "_conv_stem", 2)
        return cls(stem, tuple(blocks), tensors.conv("_conv_head"))

    def __call__(self, images: Array) -> Array:
        x = jax.nn.relu6(self.stem((images.astype(jnp.float32) - 127) / 128))
        for block in self.blocks:
            x = block(x)
        return jax.nn.relu6(self.head(x)).mean((1, 2))


def features(encoder: Encoder, pictures: Sequence[Picture]) -> NDArray[np.float32]:
    """The features of pictures of 224 pixels: one at a time, which on a CPU costs no more than batches do."""
    rows = [np.asarray(_run(encoder, jnp.asarray(picture[None]))) for picture in pictures]
    return np.concatenate(rows) if rows else np.zeros((0, FEATURES), np.float32)


@eqx.filter_jit
def _run(encoder: Encoder, images: Array) -> Array:
    return encoder(images)
