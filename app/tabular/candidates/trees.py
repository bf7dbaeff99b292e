"""Boosted trees as arrays, and how rows find their leaves.

A tree of at most 32 leaves is not walked. Each inner node that sends a row to the right rules out the leaves on its
left; the leaf of the row is the first that is left over. For each input the leaves that all its nodes rule out are
known before, for each interval between thresholds, so a row takes one lookup for each input, for all trees at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.tabular.inputs.cells import Numbers

LEAVES_MAX = 32
CATEGORIES = 256
LARGEST = 8e307
# As many as fit into the processor's cache, with all trees.
ROWS_AT_ONCE = 128
Masks = NDArray[np.unsignedinteger[Any]]
Ints = NDArray[np.int64]
# The place of the first bit of a short number; of a longer one by the top five bits of the product of that bit alone
# with a constant (de Bruijn).
FIRST_BIT = np.zeros(2**16, np.int64)
for place in range(15, -1, -1):
    FIRST_BIT[1 << place :: 2 << place] = place
BRUIJN = np.uint32(0x077CB531)
PLACES = np.zeros(32, np.int64)
PLACES[((np.uint64(BRUIJN) << np.arange(32, dtype=np.uint64)) & np.uint64(0xFFFFFFFF)) >> np.uint64(27)] = np.arange(32)
NODE = np.dtype(
    [
        ("feature", np.int32),
        ("threshold", np.float64),
        ("right", np.int32),
        ("value", np.float64),
        ("is_leaf", np.uint8),
        ("missing_left", np.uint8),
        ("category_set", np.int32),
    ]
)
Nodes = NDArray[np.void]


@dataclass(frozen=True)
class Lookup:
    """Of one input: where its intervals end, and which leaves remain in each; the last line is for missing values."""

    edges: Numbers
    remaining: Masks
    is_category: bool

    def lines(self, values: Numbers) -> Ints:
        """The line of each value."""
        last = len(self.remaining) - 1
        if self.is_category:
            return np.where((values >= 0) & (values < last), values, last).astype(np.int64)
        return np.where(np.isnan(values), last, np.searchsorted(self.edges, values, "left"))


@dataclass(frozen=True)
class Trees:
    """Trees in a row, one for each output in turn; in each the nodes come in order, left before right."""

    nodes: Nodes
    starts: Ints
    category_sets: NDArray[np.uint32]
    baseline: Numbers

    @classmethod
    def read(cls, arrays: Mapping[str, NDArray[Any]]) -> "Trees":
        """From plain arrays, one for each field of a node."""
        nodes = np.zeros(len(arrays["feature"]), NODE)
        for name in NODE.names or ():
            nodes[name] = arrays[name]
        return cls(nodes, arrays["starts"].astype(np.int64), arrays["category_sets"], arrays["baseline"])

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays."""
        plain = {name: np.ascontiguousarray(self.nodes[name]) for name in NODE.names or ()}
        return plain | {"starts": self.starts, "category_sets": self.category_sets, "baseline": self.baseline}

    @property
    def count(self) -> int:
        return len(self.starts)

    def outputs(self, inputs: Numbers) -> Numbers:
        """The sums over all trees: rows × outputs."""
        if not self.count:
            return np.tile(self.baseline, (len(inputs), 1))
        starts = range(0, len(inputs), ROWS_AT_ONCE) if len(inputs) else range(1)
        return np.concatenate([self._sums(inputs[start : start + ROWS_AT_ONCE]) for start in starts])

    def steps(self, inputs: Numbers) -> Numbers:
        """What each round of trees adds: rows × rounds × outputs."""
        outputs = len(self.baseline)
        return self._values(inputs).reshape(len(inputs), self.count // outputs, outputs)

    def _sums(self, inputs: Numbers) -> Numbers:
        sums: Numbers = self.steps(inputs).sum(1) + self.baseline
        return sums

    def _values(self, inputs: Numbers) -> Numbers:
        remaining = self._all_leaves(len(inputs))
        for feature, lookup in self.lookups.items():
            remaining &= lookup.remaining[lookup.lines(inputs[:, feature])]
        if remaining.dtype == np.uint32:
            first = remaining & (~remaining + np.uint32(1))
            leaves = PLACES[(first * BRUIJN) >> np.uint32(27)]
        else:
            leaves = FIRST_BIT[remaining]
        values: Numbers = self.leaf_values.ravel()[leaves + np.arange(self.count) * LEAVES_MAX]
        return values

    @cached_property
    def _mask(self) -> type[np.unsignedinteger[Any]]:
        """The shortest number that has a bit for each leaf."""
        most = int((self._leaves_before + self.nodes["is_leaf"]).max(initial=1))
        return np.uint8 if most <= 8 else np.uint16 if most <= 16 else np.uint32

    def _all_leaves(self, lines: int) -> Masks:
        return np.full((lines, self.count), np.iinfo(self._mask).max, self._mask)

    @cached_property
    def _trees(self) -> Ints:
        """The tree of each node."""
        lengths = np.diff(np.append(self.starts, len(self.nodes)))
        return np.repeat(np.arange(self.count), lengths)

    @cached_property
    def _leaves_before(self) -> Ints:
        """How many leaves of the same tree come before each node."""
        leaves = self.nodes["is_leaf"].astype(np.int64)
        before = np.cumsum(leaves) - leaves
        return before - before[self.starts][self._trees]

    @cached_property
    def leaf_values(self) -> Numbers:
        """The value of each leaf: trees × leaves."""
        values = np.zeros((self.count, LEAVES_MAX))
        at = np.flatnonzero(self.nodes["is_leaf"])
        values[self._trees[at], self._leaves_before[at]] = self.nodes["value"][at]
        return values

    @cached_property
    def lookups(self) -> dict[int, Lookup]:
        """For each input that any tree asks for, which leaves remain."""
        inner = np.flatnonzero(self.nodes["is_leaf"] == 0)
        before = self._leaves_before.astype(np.uint64)
        start, end = before[inner], before[self.starts[self._trees[inner]] + self.nodes["right"][inner]]
        one = np.uint64(1)
        ruled_out = (((one << end) - one) ^ ((one << start) - one)).astype(self._mask)
        masks = {}
        for feature in np.unique(self.nodes["feature"][inner]):
            chosen = self.nodes["feature"][inner] == feature
            masks[int(feature)] = self._lookup(inner[chosen], ~ruled_out[chosen])
        return masks

    def _lookup(self, at: Ints, masks: Masks) -> Lookup:
        nodes, trees = self.nodes[at], self._trees[at]
        if (nodes["category_set"] >= 0).any():
            return self._category_lookup(nodes, trees, masks)
        edges, place = np.unique(nodes["threshold"], return_inverse=True)
        remaining = self._all_leaves(len(edges) + 2)
        np.bitwise_and.at(remaining, (place + 1, trees), masks)
        np.bitwise_and.accumulate(remaining[:-1], axis=0, out=remaining[:-1])
        away = nodes["missing_left"] == 0
        np.bitwise_and.at(remaining[-1], trees[away], masks[away])
        return Lookup(edges, remaining, is_category=False)

    def _category_lookup(self, nodes: Nodes, trees: Ints, masks: Masks) -> Lookup:
        remaining = self._all_leaves(CATEGORIES + 1)
        sets = self.category_sets[nodes["category_set"]]
        for category in range(CATEGORIES):
            away = (sets[:, category // 32] >> np.uint32(category % 32)) & np.uint32(1) == 0
            np.bitwise_and.at(remaining[category], trees[away], masks[away])
        away = nodes["missing_left"] == 0
        np.bitwise_and.at(remaining[-1], trees[away], masks[away])
        return Lookup(np.zeros(0), remaining, is_category=True)


def joined(several: list[Trees]) -> Trees:
    """Trees that say the mean of what several say."""
    share = 1 / len(several)
    nodes, starts, sets = [], [], []
    nodes_before = sets_before = 0
    for each in several:
        copy = each.nodes.copy()
        copy["value"] *= share
        copy["category_set"] += np.where(copy["category_set"] >= 0, sets_before, 0).astype(np.int32)
        nodes.append(copy)
        starts.append(each.starts + nodes_before)
        sets.append(each.category_sets)
        nodes_before, sets_before = nodes_before + len(copy), sets_before + len(each.category_sets)
    baseline = sum((each.baseline * share for each in several), np.zeros_like(several[0].baseline))
    return Trees(np.concatenate(nodes), np.concatenate(starts), np.concatenate(sets), baseline)


def inputs_of(numbers: Numbers, codes: NDArray[np.int32], texts: NDArray[np.float32]) -> Numbers:
    """What trees take: numbers, codes and texts side by side; the sum of two numbers is always finite."""
    return np.concatenate([np.clip(numbers, -LARGEST, LARGEST), codes.astype(np.float64), texts.astype(np.float64)], 1)
