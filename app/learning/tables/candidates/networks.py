"""The network in JAX: what is learned, its loss, and one round of steps for all members at once.

Weights are drawn from a normal distribution and products divided by the root of their inputs, so that one learning rate
suits all layers; what is kept is divided already. All members share one compiled round: each has its own rows,
dropout and learning rate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from app.tabular.candidates.network import ACTIVATIONS, SELU_ALPHA, SELU_SCALE
from app.tabular.inputs.encoders import Dense

Weights = dict[str, Any]
MIXED, EMBEDDING = 3, 8
SAMPLE = 512
DECAY = 0.02
# How much faster or slower than the rest some weights learn.
RATE_FACTORS = {"scale": 6.0, "bias": 0.1, "share": 0.1, "frequency": 0.1, "phase": 0.1, "mix": 0.1, "mix_bias": 0.1}
ACTIVATED: dict[str, Any] = {
    "dense_relu": jax.nn.relu,
    "dense_elu": jax.nn.elu,
    "dense_selu": lambda x: SELU_SCALE * jnp.where(x > 0, x, SELU_ALPHA * (jnp.exp(jnp.minimum(x, 0)) - 1)),
    "dense_mish": lambda x: x * jnp.tanh(jax.nn.softplus(x)),
    "dense_sigmoid": jax.nn.sigmoid,
    "dense_softmax": partial(jax.nn.softmax, axis=-1),
}
OPTIMIZERS = {
    "adam": lambda: optax.scale_by_adam(b2=0.95),
    "sgd": lambda: optax.trace(0.9),
    "rmsprop": lambda: optax.scale_by_rms(0.95),
}


@dataclass(frozen=True)
class Design:
    """All that a compiled round depends on, beside the shapes of its arrays."""

    outputs: int
    is_classes: bool
    is_absolute: bool
    activations: tuple[str, ...]
    twins: int
    optimizer: str


@dataclass(frozen=True)
class Sizes:
    """How wide everything is."""

    numbers: int
    wide: int
    tables: tuple[int, ...]
    widths: tuple[int, ...]
    waves: int


def drawn(design: Design, sizes: Sizes, sample: Dense, random: np.random.Generator) -> Weights:
    """The weights of one member to begin with; each neuron is as active as the others on a sample of rows."""

    def normal(*shape: int) -> NDArray[np.float32]:
        return random.standard_normal(shape).astype(np.float32)

    weights: Weights = {}
    parts = [sample.numbers, sample.wide]
    if sizes.waves and sizes.numbers:
        weights["frequency"] = normal(sizes.numbers, sizes.waves) * np.float32(0.5)
        weights["phase"] = random.uniform(0, 1, (sizes.numbers, sizes.waves)).astype(np.float32)
        weights["mix"] = normal(sizes.numbers, sizes.waves, MIXED) / np.float32(np.sqrt(sizes.waves))
        weights["mix_bias"] = np.zeros((sizes.numbers, MIXED), np.float32)
        waves = np.cos(2 * np.pi * (sample.numbers[:, :, None] * weights["frequency"] + weights["phase"]))
        mixed = np.einsum("npf,pfd->npd", waves, weights["mix"])
        parts.append(mixed.reshape(len(mixed), -1).astype(np.float32))
    for place, width in enumerate(sizes.tables):
        weights[f"table{place}"] = normal(width, EMBEDDING)
        parts.append(weights[f"table{place}"][sample.indexes[:, place]])
    x = np.concatenate(parts, 1)
    weights["scale"] = np.ones(x.shape[1], np.float32)
    if design.twins > 1:
        weights["twins"] = np.copysign(np.float32(1), normal(design.twins, x.shape[1]))
    for layer, width in enumerate(sizes.widths):
        weight = normal(x.shape[1], width)
        before = x @ weight / np.float32(np.sqrt(max(x.shape[1], 1)))
        spread = before.std(0) + np.float32(1e-3)
        weights[f"weight{layer}"] = weight / spread
        before = before / spread
        weights[f"bias{layer}"] = -before[random.integers(0, len(before), width), np.arange(width)]
        weights[f"share{layer}"] = np.ones(width, np.float32)
        x = ACTIVATIONS[design.activations[layer]]((before + weights[f"bias{layer}"]).astype(np.float32))
    weights["last_weight"] = np.zeros((design.twins, x.shape[1], design.outputs), np.float32)
    weights["last_bias"] = np.zeros((design.twins, design.outputs), np.float32)
    return weights


def forward(weights: Weights, design: Design, rows: tuple[Any, Any, Any], dropouts: Any = None, key: Any = None) -> Any:
    """What one member says of rows: twins × rows × outputs."""
    numbers, wide, indexes = rows
    parts = [numbers, wide]
    if "frequency" in weights:
        waves = jnp.cos(2 * jnp.pi * (numbers[:, :, None] * weights["frequency"] + weights["phase"]))
        mixed = jnp.einsum("npf,pfd->npd", waves, weights["mix"]) + weights["mix_bias"]
        parts.append(mixed.reshape(len(numbers), -1))
    parts += [weights[f"table{place}"][indexes[:, place]] for place in range(indexes.shape[1])]
    x = (jnp.concatenate(parts, 1) * weights["scale"])[None]
    if design.twins > 1:
        x = x * weights["twins"][:, None]
    for layer, activation in enumerate(design.activations):
        x = _product(x, weights[f"weight{layer}"]) / np.sqrt(x.shape[-1]) + weights[f"bias{layer}"]
        x = x + weights[f"share{layer}"] * (ACTIVATED[activation](x) - x)
        if key is not None:
            x = _dropped_out(x, dropouts[layer], jax.random.fold_in(key, layer))
    return x @ weights["last_weight"] / np.sqrt(x.shape[-1]) + weights["last_bias"][:, None]


def _product(x: Any, weight: Any) -> Any:
    """The rows of all twins times one matrix; twin by twin, its gradient takes up to twice as long."""
    twins, rows, width = x.shape
    return (x.reshape(twins * rows, width) @ weight).reshape(twins, rows, -1)


def _dropped_out(x: Any, share: Any, key: Any) -> Any:
    """Some of the values gone, and the others larger by as much; `share` is rounded to 256ths.

    A byte of chance says which: to draw four for each value takes a third of all steps of a network with twins.
    """
    words = jax.random.bits(key, (-(-x.size // 4),))
    chance = jax.lax.bitcast_convert_type(words, jnp.uint8).ravel()[: x.size].reshape(x.shape)
    gone = jnp.round(share * 256)
    return jnp.where(chance >= gone.astype(jnp.uint8), x * (256 / (256 - gone)), 0)


def losses(design: Design, outputs: Any, target: Any) -> Any:
    """The loss of each row: the mean over the twins, so that each learns for itself."""
    if design.is_classes:
        labels = jnp.broadcast_to(target.astype(jnp.int32), outputs.shape[:2])
        return optax.softmax_cross_entropy_with_integer_labels(outputs, labels).mean(0)
    apart = outputs[:, :, 0] - target
    return (jnp.abs(apart) if design.is_absolute else apart**2).mean(0)


def judged(design: Design, outputs: Any, target: Any) -> Any:
    """The loss of each row's answer, which is the mean of what the twins say."""
    if design.is_classes:
        odds = jax.nn.softmax(outputs, -1).mean(0)
        return -jnp.log(jnp.clip(jnp.take_along_axis(odds, target.astype(jnp.int32)[:, None], 1)[:, 0], 1e-12))
    apart = outputs[:, :, 0].mean(0) - target
    return jnp.abs(apart) if design.is_absolute else apart**2


def _rate_factor(name: str) -> float:
    return RATE_FACTORS.get(name.rstrip("0123456789"), 0.1 if name == "last_bias" else 1.0)


def _decays(name: str) -> bool:
    return name.startswith(("weight", "last_weight", "table"))


def _moved(weights: Weights, moves: Weights, rates: Any, steady: Any) -> Weights:
    """The weights after a step, each at its own rate."""
    fresh = {}
    for name, weight in weights.items():
        rate = (rates * _rate_factor(name)).reshape(-1, *[1] * (weight.ndim - 1))
        decay = DECAY * steady * weight if _decays(name) else 0
        fresh[name] = weight - rate * (moves[name] + decay)
    return fresh


@cache
def round_of(design: Design) -> Any:
    """A compiled round: some steps, then the loss on held rows; the best weights of each member are kept."""
    optimizer = OPTIMIZERS[design.optimizer]()

    def one_loss(weights: Weights, data: Any, batch: Any, dropouts: Any, key: Any) -> Any:
        numbers, wide, indexes, target, counts = (each[batch] for each in data)
        each = losses(design, forward(weights, design, (numbers, wide, indexes), dropouts, key), target)
        return (each * counts).sum() / counts.sum()

    def one_judged(weights: Weights, data: Any, held: Any, shares: Any) -> Any:
        numbers, wide, indexes, target, counts = (each[held] for each in data)
        each = judged(design, forward(weights, design, (numbers, wide, indexes)), target)
        return (each * counts * shares).sum() / (counts * shares).sum()

    def step(data: Any, member: Any, state: Any, now: Any) -> Any:
        weights, memory = state
        batch, rate, steady, key = now
        keys = jax.random.split(key, len(batch))
        slopes = jax.vmap(jax.grad(one_loss), (0, None, 0, 0, 0))(
            weights, data, batch, member["dropouts"] * steady, keys
        )
        moves, memory = optimizer.update(slopes, memory)
        return (_moved(weights, moves, rate * member["rate_factor"], steady), memory), None

    @partial(jax.jit, donate_argnums=(0,))
    def round_(state: Any, data: Any, member: Any, held: Any, plan: Any, seed: Any) -> Any:
        weights, memory, best, best_loss = state
        keys = jax.random.split(jax.random.PRNGKey(seed), len(plan[0]))
        (weights, memory), _ = jax.lax.scan(partial(step, data, member), (weights, memory), (*plan, keys))
        loss = jax.vmap(one_judged, (0, None, 0, 0))(weights, data, *held)
        better = loss < best_loss
        best = {
            name: jnp.where(better.reshape(-1, *[1] * (weight.ndim - 1)), weight, best[name])
            for name, weight in weights.items()
        }
        return (weights, memory, best, jnp.where(better, loss, best_loss)), loss

    return round_


def begun(design: Design, members: list[Weights]) -> Any:
    """The state before the first round; in NumPy, for each small step in JAX would be compiled by itself."""
    weights = {name: np.stack([each[name] for each in members]) for name in members[0]}
    shapes = jax.eval_shape(OPTIMIZERS[design.optimizer]().init, weights)
    memory = jax.tree.map(lambda each: np.zeros(each.shape, each.dtype), shapes)
    best = {name: each.copy() for name, each in weights.items()}
    return weights, memory, best, np.full(len(members), np.inf, np.float32)


def kept(weights: Mapping[str, Any]) -> dict[str, NDArray[np.float32]]:
    """The weights as the forward pass in NumPy takes them: scales and roots are multiplied in."""
    plain = {name: np.asarray(each, np.float32) for name, each in weights.items()}
    scale = plain.pop("scale")
    layers = sorted(name for name in plain if name.startswith("weight"))
    first = layers[0] if layers else "last_weight"
    for name in (*layers, "last_weight"):
        plain[name] = plain[name] / np.float32(np.sqrt(max(plain[name].shape[-2], 1)))
    plain[first] = plain[first] * (scale[:, :, None] if layers else scale[:, None, :, None])
    return plain
