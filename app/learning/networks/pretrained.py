"""Convolutions out of pretrained weights, which `app/weights` brought here."""

import hashlib
from pathlib import Path
from typing import Self, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from app.learning.engine import Failure
from app.learning.networks.convolutions import convolve, convolve_depthwise

C = TypeVar("C", bound="Conv")


class Conv(eqx.Module):
    """A convolution over (batch, height, width, channels), its bias included."""

    weight: Array
    bias: Array
    stride: int = eqx.field(static=True)

    def __call__(self, x: Array) -> Array:
        reach = (self.weight.shape[0] - 1) // 2
        return convolve(x, self.weight, self.stride, [(reach, reach)] * 2) + self.bias


class PaddedConv(Conv):
    """One that pads as TensorFlow does: what is odd goes to the right and below."""

    def __call__(self, x: Array) -> Array:
        return convolve(x, self.weight, self.stride) + self.bias


class DepthwiseConv(Conv):
    """Each channel by itself, padded as TensorFlow does."""

    def __call__(self, x: Array) -> Array:
        return convolve_depthwise(x, self.weight, self.stride) + self.bias


def blank(kind: type[C], size: int, channels_in: int, channels_out: int, stride: int = 1) -> C:
    """A convolution with zeros for weights, to be filled from a checkpoint."""
    weight = np.zeros((size, size, channels_in, channels_out), np.float32)
    return kind(jnp.asarray(weight), jnp.asarray(np.zeros(channels_out, np.float32)), stride)


class Tensors:
    """The weights of a file by their names."""

    def __init__(self, tensors: dict[str, NDArray[np.float32]]) -> None:
        self._tensors = tensors

    @classmethod
    def read(cls, path: Path, *, sha256: str | None = None) -> Self:
        """Read a file of safetensors, if it is the one that is meant."""
        try:
            content = path.read_bytes()
            if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
                raise Failure("The weights have changed since they were kept. Run: fieldgraph weights --again")
            return cls(load(content))
        except (SafetensorError, OSError, ValueError) as error:
            raise Failure("The pretrained weights cannot be read. Run: fieldgraph weights --again") from error

    def conv(self, name: str, stride: int = 1) -> Conv:
        """A convolution by its name."""
        return self.conv_of(Conv, name, stride)

    def conv_of(self, kind: type[C], name: str, stride: int = 1) -> C:
        """The same of another kind."""
        try:
            weight, bias = (jnp.asarray(self._tensors[f"{name}.{part}"]) for part in ("weight", "bias"))
        except KeyError as error:
            raise Failure("The pretrained weights belong to another network.") from error
        return kind(weight, bias, stride)

    def __contains__(self, name: str) -> bool:
        return f"{name}.weight" in self._tensors


def silu(x: Array) -> Array:
    """The activation of YOLOX."""
    return x * jax.nn.sigmoid(x)
