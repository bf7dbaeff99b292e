"""The forward pass of a network with several members, whose answers are averaged.

Numbers may be embedded: each becomes itself and a few learned mixtures of its own cosines. Then come layers whose
neurons mix an activation with what goes in, and a last layer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.tabular.encoders import Dense
from app.tabular.texts import Floats

Arrays = Mapping[str, NDArray[Any]]
ROWS_AT_ONCE = 4096
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _grown(x: Floats) -> Floats:
    grown: Floats = np.exp(np.minimum(x, 0))
    return grown


def _mish(x: Floats) -> Floats:
    grown = np.exp(np.minimum(x, 20))
    grown = grown * (grown + 2)
    mish: Floats = x * (grown / (grown + 2))
    return mish


def _selu(x: Floats) -> Floats:
    selu: Floats = SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * (_grown(x) - 1))
    return selu


def softmax(x: NDArray[Any]) -> NDArray[Any]:
    """Odds that add up to one."""
    grown = np.exp(x - x.max(-1, keepdims=True))
    odds: NDArray[Any] = grown / grown.sum(-1, keepdims=True)
    return odds


ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "dense_relu": lambda x: np.maximum(x, 0),
    "dense_elu": lambda x: np.where(x > 0, x, _grown(x) - 1),
    "dense_selu": _selu,
    "dense_mish": _mish,
    "dense_sigmoid": lambda x: (1 / (1 + np.exp(-np.clip(x, -60, 60)))).astype(np.float32),
    "dense_softmax": softmax,
}


@dataclass(frozen=True)
class Network:
    """The weights, each with the members in front, and the activation of each hidden layer."""

    arrays: Arrays
    activations: tuple[str, ...]

    def outputs(self, dense: Dense, member: int | None = None) -> Floats:
        """What each member says: members × rows × outputs."""
        arrays = (
            self.arrays if member is None else {name: each[member : member + 1] for name, each in self.arrays.items()}
        )
        rows = len(dense.numbers)
        starts = range(0, rows, ROWS_AT_ONCE) if rows else range(1)
        cut = (slice(start, start + ROWS_AT_ONCE) for start in starts)
        some = [
            self._forward(arrays, Dense(dense.numbers[part], dense.wide[part], dense.indexes[part])) for part in cut
        ]
        return some[0] if len(some) == 1 else np.concatenate(some, 1)

    def _forward(self, arrays: Arrays, dense: Dense) -> Floats:
        x = _joined(arrays, dense)
        twins = arrays.get("twins")
        rows = x.shape[1]
        if twins is not None:
            # Each twin sees the inputs in its own way, through the same layers.
            x = (x[:, None] * twins[:, :, None]).reshape(len(x), -1, x.shape[2])
        for number, activation in enumerate(self.activations):
            x = x @ arrays[f"weight{number}"] + arrays[f"bias{number}"][:, None]
            share = arrays[f"share{number}"][:, None]
            x = x + share * (ACTIVATIONS[activation](x) - x)
        weight, bias = arrays["last_weight"], arrays["last_bias"]
        members, several = weight.shape[:2]
        x = x.reshape(members, several, rows, -1) @ weight + bias[:, :, None]
        outputs: Floats = x.reshape(members * several, rows, -1)
        return outputs


def _joined(arrays: Arrays, dense: Dense) -> Floats:
    """All inputs side by side: members × rows × inputs."""
    members, rows = len(arrays["last_weight"]), len(dense.numbers)
    found = [np.broadcast_to(each, (members, *each.shape)) for each in (dense.numbers, dense.wide)]
    if "frequency" in arrays and dense.numbers.shape[1]:
        angle = dense.numbers[None, :, :, None] * arrays["frequency"][:, None] + arrays["phase"][:, None]
        waves = np.cos(np.float32(2 * np.pi) * angle)
        # members × numbers × rows × waves, so that each number has its own small product.
        mixed = waves.transpose(0, 2, 1, 3) @ arrays["mix"] + arrays["mix_bias"][:, :, None]
        found.append(mixed.transpose(0, 2, 1, 3).reshape(members, rows, -1))
    found += [arrays[f"table{place}"][:, dense.indexes[:, place]] for place in range(dense.indexes.shape[1])]
    return np.concatenate(found, 2)
