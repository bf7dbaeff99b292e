"""A forest as arrays: deep trees that are walked, all rows and all trees at once, one question after the other.

Its trees have too many leaves for the lookups of boosted ones. Numbers are compared in single precision, as they were
when the forest was grown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.tabular.inputs.cells import Numbers

LARGEST = 3e38
ROWS_AT_ONCE = 512
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Forest:
    """Trees in a row, left nodes before right. `to` is a node's right child, or of a leaf its row in `leaf_values`.

    `feature` is -1 at leaves; `leaf_values` are leaves × outputs.
    """

    feature: Ints
    threshold: NDArray[np.float32]
    to: Ints
    missing_left: NDArray[np.uint8]
    starts: Ints
    leaf_values: NDArray[np.float32]

    @classmethod
    def read(cls, arrays: Mapping[str, NDArray[Any]]) -> "Forest":
        """From plain arrays."""
        return cls(**{name: arrays[name] for name in cls.__dataclass_fields__})

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays."""
        return dict(vars(self))

    def outputs(self, inputs: Numbers) -> Numbers:
        """The mean over all trees: rows × outputs."""
        seen = np.clip(inputs, -LARGEST, LARGEST).astype(np.float32)
        starts = range(0, len(seen), ROWS_AT_ONCE) if len(seen) else range(1)
        return np.concatenate([self._means(seen[start : start + ROWS_AT_ONCE]) for start in starts])

    def _means(self, seen: NDArray[np.float32]) -> Numbers:
        leaves = self._leaves(seen).reshape(len(seen), len(self.starts))
        means: Numbers = self.leaf_values[leaves].mean(1, dtype=np.float64)
        return means

    def _leaves(self, seen: NDArray[np.float32]) -> Ints:
        """The leaf of each row in each tree: rows × trees, flat.

        Pairs that have arrived are left out of the next step: most paths are half as long as the longest.
        """
        values, has_missing = seen.ravel(), bool(np.isnan(seen).any())
        at: Ints = np.tile(self.starts, len(seen))
        row: Ints = np.repeat(np.arange(len(seen), dtype=np.int32) * seen.shape[1], len(self.starts))
        leaves = np.empty(len(at), np.int32)
        walking: Ints = np.arange(len(at), dtype=np.int32)
        while len(walking):
            feature = self.feature.take(at)
            inner = np.flatnonzero(feature >= 0)
            if len(inner) < len(at):
                arrived = np.flatnonzero(feature < 0)
                leaves[walking.take(arrived)] = self.to.take(at.take(arrived))
                at, row, walking, feature = (each.take(inner) for each in (at, row, walking, feature))
            value = values.take(row + feature)
            right = value > self.threshold.take(at)
            if has_missing:
                right |= np.isnan(value) & (self.missing_left.take(at) == 0)
            at = np.where(right, self.to.take(at), at + 1)
        return leaves
