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
ROWS_AT_ONCE = 128
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
        rows, at = np.arange(len(seen))[:, None], np.tile(self.starts, (len(seen), 1))
        while (inner := (feature := self.feature[at]) >= 0).any():
            values = seen[rows, feature]
            left = np.where(np.isnan(values), self.missing_left[at] == 1, values <= self.threshold[at])
            at = np.where(inner, np.where(left, at + 1, self.to[at]), at)
        means: Numbers = self.leaf_values[self.to[at]].mean(1, dtype=np.float64)
        return means
