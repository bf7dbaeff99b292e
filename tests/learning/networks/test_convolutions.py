"""Convolutions in the forms that are quick on a CPU: what they give, and their gradients, are those of XLA's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from app.learning.networks.convolutions import convolve, convolve_depthwise

CHANNELS = 5


def drawn(*shape):
    return jnp.asarray(np.random.default_rng(sum(shape)).normal(size=shape), jnp.float32)


def published(x, weight, stride, groups=1):
    return lax.conv_general_dilated(
        x, weight, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups
    )


def assert_same(ours, theirs, x, weight):
    """The same answer, and the same gradients of something that is not linear in it."""

    @jax.jit  # as one program: each operation by itself would be compiled by itself
    def both(x, weight):
        return [
            (function(x, weight), jax.grad(lambda *given: jnp.sin(function(*given)).sum(), (0, 1))(x, weight))  # noqa: B023
            for function in (ours, theirs)
        ]

    one, other = both(x, weight)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
@pytest.mark.parametrize(("height", "width"), [(12, 12), (13, 10), (1, 2)])
def test_each_channel_by_itself(size, stride, height, width):
    assert_same(
        lambda x, weight: convolve_depthwise(x, weight, stride),
        lambda x, weight: published(x, weight, stride, CHANNELS),
        drawn(2, height, width, CHANNELS),
        drawn(size, size, 1, CHANNELS),
    )


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (1, 2), (3, 1), (3, 2)])
def test_all_channels_together(size, stride):
    assert_same(
        lambda x, weight: convolve(x, weight, stride),
        lambda x, weight: published(x, weight, stride),
        drawn(2, 7, 6, CHANNELS),
        drawn(size, size, CHANNELS, 4),
    )
