"""The forward pass of a network with several members, whose answers are averaged.

Numbers may be embedded: each becomes itself and a few learned mixtures of its own cosines. Then come layers whose
neurons mix an activation with what goes in, and a last layer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.tabular.inputs.encoders import Dense
from app.tabular.inputs.texts import Floats

Arrays = Mapping[str, NDArray[Any]]
# As many as fit into the processor's cache, with all members.
ROWS_AT_ONCE = 128
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _grown(x: Floats) -> Floats:
    grown: Floats = np.exp(np.minimum(x, 0))
    return grown


def _mish(x: Floats) -> Floats:
    grown = np.minimum(x, 20)
    np.exp(grown, out=grown)
    grown *= grown + 2
    grown /= grown + 2
    grown *= x
    return grown


def _selu(x: Floats) -> Floats:
    # Not `np.where`, which takes longer than all of this.
    grown = np.minimum(x, 0)
    np.exp(grown, out=grown)
    grown -= 1
    grown *= SELU_ALPHA
    grown += np.maximum(x, 0)
    grown *= SELU_SCALE
    return grown


def softmax(x: NDArray[Any]) -> NDArray[Any]:
    """Odds that add up to one."""
    grown = np.exp(x - x.max(-1, keepdims=True))
    odds: NDArray[Any] = grown / grown.sum(-1, keepdims=True)
    return odds


ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "dense_relu": lambda x: np.maximum(x, 0),
    "dense_elu": lambda x: np.maximum(x, 0) + _grown(x) - 1,
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
            x = (x[:, None] * twins[:, :, None]).reshape(len(x), twins.shape[1] * rows, x.shape[2])
        for number, activation in enumerate(self.activations):
            x = x @ arrays[f"weight{number}"]
            x += arrays[f"bias{number}"][:, None]
            active = ACTIVATIONS[activation](x)
            active -= x
            active *= arrays[f"share{number}"][:, None]
            x += active
        weight, bias = arrays["last_weight"], arrays["last_bias"]
        members, several = weight.shape[:2]
        x = x.reshape(members, several, rows, x.shape[2]) @ weight
        x += bias[:, :, None]
        outputs: Floats = x.reshape(members * several, rows, x.shape[3])
        return outputs


def _joined(arrays: Arrays, dense: Dense) -> Floats:
    """All inputs side by side: members × rows × inputs."""
    members, rows = len(arrays["last_weight"]), len(dense.numbers)
    parts = [np.broadcast_to(each, (members, *each.shape)) for each in (dense.numbers, dense.wide)]
    if "frequency" in arrays and dense.numbers.shape[1]:
        # members × numbers × rows × waves, so that each number has its own small product.
        waves = dense.numbers.T[None, :, :, None] * arrays["frequency"][:, :, None]
        waves += arrays["phase"][:, :, None]
        waves *= np.float32(2 * np.pi)
        np.cos(waves, out=waves)
        mixed = waves @ arrays["mix"]
        mixed += arrays["mix_bias"][:, :, None]
        parts.append(mixed.transpose(0, 2, 1, 3).reshape(members, rows, mixed.shape[1] * mixed.shape[3]))
    parts += [arrays[f"table{place}"][:, dense.indexes[:, place]] for place in range(dense.indexes.shape[1])]
    return np.concatenate(parts, 2)
