"""Which rows are learned from, which stop and weigh, and which judge: no row does two of these."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.learning.engine import Failure
from app.learning.tables.requests import EVALUATION, LEARNING, Table, TableRequest
from app.learning.tables.targets import Target
from app.tabular.inputs.cells import MOMENTS, label_key, numbers_of

Ints = NDArray[np.int64]
RANDOM, TIME, GROUP, MARKED = "RANDOM", "TIME", "GROUP", "MARKED"
EVALUATION_SHARE = 0.2
LEARNING_MIN, EVALUATION_MIN = 50, 10


@dataclass(frozen=True)
class Sides:
    """Positions among the rows of a target, and the key by which folds are made: a group, or a place in time."""

    by: str
    learning: Ints
    evaluation: Ints
    keys: Ints | None = None


def sides_of(request: TableRequest, table: Table, target: Target) -> Sides:
    """Set rows aside to judge by."""
    purposes = [table.purposes[row] for row in target.rows]
    marked = {LEARNING, EVALUATION} <= set(purposes)
    by = str(request.split.get("by") or (MARKED if marked else RANDOM))
    share = float(request.split.get("evaluation_share") or EVALUATION_SHARE)
    random = np.random.default_rng(request.split.get("seed", request.seed))
    if by == MARKED:
        sides = _marked(purposes)
    elif by == RANDOM:
        sides = _random(target, share, random)
    elif by in {TIME, GROUP}:
        cells = table.some(_column(request, table), target.rows.tolist())
        sides = _by_time(request, cells, share) if by == TIME else _by_group(cells, share, random)
        if request.split.get("is_marked"):
            # Marks set rows aside; the column makes the folds.
            sides = replace(_marked(purposes), by=by, keys=sides.keys)
    else:
        raise Failure("A split is by RANDOM, TIME, GROUP or MARKED.")
    return _checked(sides, target)


def _checked(sides: Sides, target: Target) -> Sides:
    if len(sides.learning) < LEARNING_MIN or len(sides.evaluation) < EVALUATION_MIN:
        raise Failure(
            f"{len(sides.learning)} rows with a value of {target.name} are for learning and {len(sides.evaluation)} "
            f"for evaluation. At least {LEARNING_MIN} and {EVALUATION_MIN} are needed: add rows, or split differently."
        )
    return sides


def _column(request: TableRequest, table: Table) -> str:
    column = str(request.split.get("column"))
    if column not in table.cells:
        raise Failure("Choose the column to split by: a date for TIME, an identifier that repeats for GROUP.")
    return column


def _marked(purposes: Sequence[str | None]) -> Sides:
    learning = np.array([place for place, each in enumerate(purposes) if each == LEARNING], np.int64)
    evaluation = np.array([place for place, each in enumerate(purposes) if each == EVALUATION], np.int64)
    return Sides(MARKED, learning, evaluation)


def _random(target: Target, share: float, random: np.random.Generator) -> Sides:
    count = max(2, round(1 / share))
    folds = folded(len(target.rows), count, random, strata=strata_of(target))
    return Sides(RANDOM, np.flatnonzero(folds != 0), np.flatnonzero(folds == 0))


def _by_time(request: TableRequest, cells: Sequence[Any], share: float) -> Sides:
    datatype = next(str(each["datatype"]) for each in request.columns if str(each["id"]) == request.split["column"])
    values, _ = numbers_of(cells, datatype if datatype in MOMENTS else "FLOAT")
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known], kind="stable")]
    cut = len(order) - round(len(order) * share)
    if 0 < cut < len(order):
        # Rows of the same moment stay together.
        cut = int(np.searchsorted(values[order], values[order[cut]], "left")) or cut
    ranks = np.zeros(len(cells), np.int64)
    ranks[order] = np.arange(len(order))
    return Sides(TIME, np.sort(order[:cut]), np.sort(order[cut:]), ranks)


def _by_group(cells: Sequence[Any], share: float, random: np.random.Generator) -> Sides:
    names = [label_key(cell) or f"row {place}" for place, cell in enumerate(cells)]
    _, groups = np.unique(names, return_inverse=True)
    count = int(groups.max()) + 1
    if count < 2:
        raise Failure("All rows belong to one group, so none could be set aside to judge by. Split differently.")
    sizes, taken, chosen = np.bincount(groups), 0, np.zeros(count, bool)
    for group in random.permutation(count):
        if abs(taken + sizes[group] - share * len(cells)) <= abs(taken - share * len(cells)):
            chosen[group], taken = True, taken + sizes[group]
    return Sides(GROUP, np.flatnonzero(~chosen[groups]), np.flatnonzero(chosen[groups]), groups.astype(np.int64))


def strata_of(target: Target) -> Ints:
    """What a random split spreads evenly: classes, or tenths of a number."""
    if target.classes:
        return target.truth
    ranks = np.argsort(np.argsort(target.values, kind="stable"), kind="stable")
    return ranks * 10 // max(len(ranks), 1)


def folded(rows: int, count: int, random: np.random.Generator, *, strata: Ints) -> Ints:
    """The fold of each row; every stratum is spread as evenly as can be."""
    order = random.permutation(rows)
    order = order[np.argsort(strata[order], kind="stable")]
    folds = np.zeros(rows, np.int64)
    # Places within the strata in turn, beginning anywhere, so that small strata do not all end in the first fold.
    shuffled = random.permutation(count)
    folds[order] = shuffled[np.arange(rows) % count]
    return folds


def folds_of(target: Target, sides: Sides, chosen: Ints, count: int, seed: int) -> Ints:
    """The fold of each of the chosen rows: whole groups, stretches of time, or at random."""
    random = np.random.default_rng((seed, len(chosen)))
    if sides.by == TIME and sides.keys is not None:
        ranks = np.argsort(np.argsort(sides.keys[chosen], kind="stable"), kind="stable")
        return (count - 1) - ranks * count // len(chosen)
    if sides.by == GROUP and sides.keys is not None:
        groups = np.unique(sides.keys[chosen])
        fold_of = dict(zip(groups.tolist(), (random.permutation(len(groups)) % count).tolist(), strict=True))
        return np.array([fold_of[key] for key in sides.keys[chosen].tolist()], np.int64)
    return folded(len(chosen), count, random, strata=strata_of(target)[chosen])
