"""Convolutions with what follows them folded in: at prediction, batch normalisation is one factor for each channel."""

from collections.abc import Callable, Mapping

import numpy as np

from app.weights.torch_files import Array, NoTensors

# What batch normalisation adds to the variance, in both networks.
EPSILON = 1e-3

# The name of the normalisation behind a convolution; None if there is none.
Partner = Callable[[str], str | None]


def folded(tensors: Mapping[str, Array], partner: Partner) -> dict[str, Array]:
    """Weights as (height, width, channels in, channels out) and biases, by the names of the convolutions."""
    result: dict[str, Array] = {}
    for name, weight in tensors.items():
        conv = name.removesuffix(".weight")
        if conv == name or weight.ndim != 4:
            continue
        scale, bias = np.ones(len(weight)), tensors.get(f"{conv}.bias", np.zeros(len(weight)))
        if (norm := partner(conv)) is not None:
            scale, bias = _factors(tensors, norm)
        result[f"{conv}.weight"] = _laid_out(weight.astype(np.float64) * scale[:, None, None, None])
        result[f"{conv}.bias"] = bias.astype(np.float32)
    return result


def _factors(tensors: Mapping[str, Array], norm: str) -> tuple[Array, Array]:
    try:
        gain, shift, mean, variance = (
            tensors[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
        )
    except KeyError as missing:
        raise NoTensors(f"{missing} is missing.") from None
    scale = gain / np.sqrt(variance + EPSILON)
    return scale, shift - mean * scale


def _laid_out(weight: Array) -> Array:
    return np.ascontiguousarray(weight.transpose(2, 3, 1, 0), np.float32)


def of_yolox(conv: str) -> str | None:
    """`stem.conv` is followed by `stem.bn`; the last ones, which predict, by nothing."""
    return f"{conv.removesuffix('.conv')}.bn" if conv.endswith(".conv") else None


EFFICIENT_NORMS = {
    "_conv_stem": "_bn0",
    "_expand_conv": "_bn0",
    "_depthwise_conv": "_bn1",
    "_project_conv": "_bn2",
    "_conv_head": "_bn1",
}


def of_efficientnet(conv: str) -> str | None:
    """`_blocks.0._project_conv` is followed by `_blocks.0._bn2`."""
    block, _, part = conv.rpartition(".")
    return f"{block}.{EFFICIENT_NORMS[part]}" if block else EFFICIENT_NORMS[part]
