"""Which crops are learned from and which are judged: an animal is never on both sides.

Crops of one place look alike, also by their background, and crops of one sequence show one animal again and again. So
whole places are set aside where every class has several; else whole sequences, and the figures say which.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.learning.engine import Failure

TEST_SHARE = 0.25
DRAWS = 300
FOLDS = 4
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Origin:
    """Where a crop comes from, and which animal it shows if somebody knows."""

    location: str
    sequence: str
    individual: str | None = None


@dataclass(frozen=True)
class Sides:
    """For each crop whether it is set aside, and its fold among those that are learned from."""

    split_by: str
    groups: Numbers
    is_test: NDArray[np.bool_]
    folds: Numbers


def parted(origins: Sequence[Origin], labels: Numbers, names: Sequence[str], *, seed: int) -> Sides:
    """Set a quarter aside, by place if every class has several places. Raises `Failure` if no class can be split."""
    random = np.random.default_rng(seed)
    for split_by, keys in (("LOCATION", _by_place(origins)), ("SEQUENCE", _by_sequence(origins))):
        groups = _joined(keys)
        if all(len(set(groups[labels == label])) > 1 for label in range(len(names))):
            is_test = _drawn(groups, labels, TEST_SHARE, random)
            return Sides(split_by, groups, is_test, _folds(groups, labels, is_test, random))
    lonely = [name for label, name in enumerate(names) if len(set(groups[labels == label])) < 2]
    raise Failure(
        f"All crops of {', '.join(lonely)} show the same sequence or animal, so none could be set aside to judge by. "
        "Approve rows from other sequences or places."
    )


def _by_place(origins: Sequence[Origin]) -> list[list[str]]:
    return [[f"place {origin.location}", *_of_animal(origin)] for origin in origins]


def _by_sequence(origins: Sequence[Origin]) -> list[list[str]]:
    return [_of_animal(origin) for origin in origins]


def _of_animal(origin: Origin) -> list[str]:
    animal = [] if origin.individual is None else [f"animal {origin.individual}"]
    return [f"sequence {origin.sequence}", *animal]


def _joined(keys: Iterable[Sequence[str]]) -> Numbers:
    """Crops that share any key are one group: the number of each crop's."""
    parents: dict[str, str] = {}

    def root(key: str) -> str:
        while (above := parents.setdefault(key, key)) != key:
            parents[key] = key = parents[above]
        return key

    listed = list(keys)
    for first, *others in listed:
        for other in others:
            parents[root(other)] = root(first)
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(root(first), len(numbers)) for first, *_ in listed], np.int64)


def _drawn(groups: Numbers, labels: Numbers, share: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Whole groups that hold about the share of each class: of many draws the one that comes closest."""
    table = _counts(groups, labels)
    totals = table.sum(0)
    best, best_cost = np.zeros(len(table), bool), np.inf
    for _ in range(DRAWS):
        chosen = _one_draw(table, share, random)
        drawn = table[chosen].sum(0)
        # A class that is missing on one side costs more than any unevenness.
        cost = float(np.abs(drawn / totals - share).sum() + len(totals) * ((drawn == 0) | (drawn == totals)).sum())
        if cost < best_cost:
            best, best_cost = chosen, cost
    return best[groups]


def _one_draw(table: Numbers, share: float, random: np.random.Generator) -> NDArray[np.bool_]:
    chosen, wanted = np.zeros(len(table), bool), table.sum(0) * share
    counts = np.zeros_like(wanted)
    for group in random.permutation(len(table)):
        here = table[group]
        if np.abs(wanted - counts - here).sum() < np.abs(wanted - counts).sum():
            chosen[group], counts = True, counts + here
    return chosen


def _counts(groups: Numbers, labels: Numbers) -> Numbers:
    table = np.zeros((int(groups.max()) + 1, int(labels.max()) + 1), np.int64)
    np.add.at(table, (groups, labels), 1)
    return table


def _folds(groups: Numbers, labels: Numbers, is_test: NDArray[np.bool_], random: np.random.Generator) -> Numbers:
    """The groups that are learned from, in folds of about the same size; -1 for what is set aside."""
    table, fold_of, sizes = _counts(groups, labels), defaultdict(lambda: -1), np.zeros((FOLDS, int(labels.max()) + 1))
    learned = [group for group in random.permutation(len(table)) if not is_test[groups == group].any()]
    for group in sorted(learned, key=lambda group: -int(table[group].sum())):
        # To the fold that has the least of what this group has the most of.
        fold = int(np.argmin(sizes[:, int(table[group].argmax())] * len(groups) + sizes.sum(1)))
        fold_of[group], sizes[fold] = fold, sizes[fold] + table[group]
    return np.array([fold_of[group] for group in groups], np.int64)
