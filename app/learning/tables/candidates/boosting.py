"""Gradient-boosted trees by scikit-learn, grown in small steps, stopped by held rows, and kept as plain arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np

from app.learning.tables.budgets.clocks import Clock
from app.learning.tables.candidates.base import Ground, Ints, Learned, Say
from app.learning.tables.plans import TreePlan
from app.tabular.candidates.heads import Boosted, Candidate
from app.tabular.candidates.trees import NODE, Trees, joined
from app.tabular.inputs.cells import Numbers

PATIENCE = 60
STEP = 40
STEP_S = 0.3
ABSENT_WEIGHT = 0.1
# Where each split looks at all inputs, another seed would grow the same trees.
SHARE_OF_OTHERS = 0.7


@dataclass(frozen=True)
class TreeMaker:
    """Boosted trees on each fold; then their mean, or trees as many on all rows."""

    name: str
    plan: TreePlan
    is_bagged: bool
    number: int = 0

    def learn(self, ground: Ground, clock: Clock, say: Say) -> Learned | None:
        """Grow trees until the held rows say stop."""
        began = monotonic()
        grown: list[Trees] = []
        answers, losses = [], []
        turns = clock.turns(len(ground.tried) + (not self.is_bagged))
        for fold, own in zip(ground.tried, turns, strict=False):
            say(f"Growing {self.name}, fold {fold + 1}")
            held = ground.held_in(fold)
            trees = self._grow(ground, ground.learned_in(fold), held, clock, turn=own)
            if trees is None:
                return None
            grown.append(trees)
            answers.append(Boosted(trees, ground.scale).answers(ground.rows.take(held)))
            losses.append(ground.loss(answers[-1], held))
        counts = [each.count // len(each.baseline) for each in grown]
        facts = {"trees": counts}
        whole = None
        if not self.is_bagged and not clock.must_stop():
            whole = self._whole(ground, clock, _wanted(counts))
        candidate = Boosted(whole or joined(grown), ground.scale, self.name)
        return Learned(
            self.name, "trees", np.concatenate(answers), tuple(losses), candidate, monotonic() - began, facts
        )

    def refit(self, ground: Ground, clock: Clock, say: Say, learned: Learned) -> Candidate | None:
        """The same with other rows."""
        if self.is_bagged:
            again = self.learn(ground, clock, say)
            return None if again is None else again.candidate
        say(f"Growing {self.name} on all rows")
        whole = self._whole(ground, clock, _wanted(learned.facts["trees"]))
        return None if whole is None else Boosted(whole, ground.scale, self.name)

    def grown(self, ground: Ground, rows: Ints, clock: Clock, *, count: int) -> Trees | None:
        """So many trees on some rows, with nothing held back."""
        return self._grow(ground, rows, None, clock, count=count)

    def _whole(self, ground: Ground, clock: Clock, wanted: int) -> Trees | None:
        """So many trees on all rows; None if there is no time: fewer would say less than those that were judged."""
        trees = self._grow(ground, ground.used, None, clock, count=wanted)
        return trees if trees is not None and trees.count == wanted * len(trees.baseline) else None

    def _grow(
        self,
        ground: Ground,
        rows: Ints,
        held: Ints | None,
        clock: Clock,
        *,
        turn: Clock | None = None,
        count: int | None = None,
    ) -> Trees | None:
        """Trees until the held rows, the turn or the time say stop; the first of them are grown whatever the turn."""
        inputs, targets, weights = _with_all_classes(ground, rows)
        model = self._model(ground, inputs)
        most = count or self.plan.trees_max
        watched = None if held is None else _Watched(ground, held)
        done, step = 0, 10 if count is None else min(count, STEP)
        while done < most and not ((turn or clock) if done else clock).must_stop():
            began = monotonic()
            model.set_params(max_iter=min(done + step, most))
            model.fit(inputs, targets, sample_weight=weights)
            fresh = read_trees(model, inputs, done)
            done = model.n_iter_
            if watched is not None and watched.is_enough(fresh):
                break
            # About as long as one should wait for a stop.
            step = int(max(5, min(STEP, step * STEP_S / max(monotonic() - began, 1e-3))))
        if not done:
            return None
        trees = read_trees(model, inputs, 0)
        return trees if watched is None else _first(trees, watched.best)

    def _model(self, ground: Ground, inputs: Numbers) -> Any:
        from sklearn.ensemble import (  # noqa: PLC0415 (a second to import)
            HistGradientBoostingClassifier,
            HistGradientBoostingRegressor,
        )

        first = ground.rows.matrix.numbers.shape[1]
        labels = range(first, first + ground.rows.matrix.codes.shape[1])
        options = {
            "learning_rate": self.plan.learning_rate,
            "max_leaf_nodes": self.plan.leaves,
            "min_samples_leaf": min(self.plan.rows_per_leaf_min, max(2, len(inputs) // 20)),
            "max_features": min(self.plan.features_share, SHARE_OF_OTHERS) if self.number else self.plan.features_share,
            "early_stopping": False,
            "warm_start": True,
            "categorical_features": [each for each in labels if np.ptp(inputs[:, each])] or None,
            "random_state": ground.seed + self.number,
        }
        if ground.scale is None:
            return HistGradientBoostingClassifier(**options)
        loss = "absolute_error" if ground.metric == "mae" else "squared_error"
        return HistGradientBoostingRegressor(loss=loss, **options)


def _with_all_classes(ground: Ground, rows: Ints) -> tuple[Numbers, Numbers, Numbers | None]:
    """Inputs, targets and weights of rows; a class that none of them has gets a row without values that hardly counts.

    So trees have an output for each class that is known, and say that such a class is unlikely.
    """
    inputs, targets, weights = ground.rows.tree_inputs[rows], ground.levels()[rows], ground.weights_of(rows)
    absent = np.setdiff1d(np.arange(0 if ground.scale else ground.outputs), targets)
    if not len(absent):
        return inputs, targets, weights
    shares = np.ones(len(rows)) if weights is None else weights
    nothing = np.full((len(absent), inputs.shape[1]), np.nan)
    return (
        np.concatenate([inputs, nothing]),
        np.concatenate([targets, absent]),
        np.concatenate([shares, np.full(len(absent), ABSENT_WEIGHT)]),
    )


def _wanted(counts: Sequence[int]) -> int:
    """How many trees all rows deserve, given how many the folds did."""
    return max(1, round(1.1 * sum(counts) / len(counts)))


class _Watched:
    """How the loss on held rows goes, tree by tree."""

    def __init__(self, ground: Ground, held: Ints) -> None:
        self.ground, self.held = ground, held
        self.inputs = ground.rows.tree_inputs[held]
        self.sums: Numbers | None = None
        self.done, self.best, self.best_loss = 0, 0, np.inf

    def is_enough(self, fresh: Trees) -> bool:
        """Whether more trees have been of no use for long."""
        steps = fresh.steps(self.inputs)
        sums = np.tile(fresh.baseline, (len(self.inputs), 1)) if self.sums is None else self.sums
        for place in range(steps.shape[1]):
            sums = sums + steps[:, place]
            self.done += 1
            loss = self.ground.loss(Boosted.scaled(sums, self.ground.scale), self.held)
            if loss < self.best_loss - 1e-6:
                self.best, self.best_loss = self.done, loss
        self.sums = sums
        return self.done - self.best >= PATIENCE


def _first(trees: Trees, count: int) -> Trees:
    """The first trees, as many for each output."""
    kept = max(count, 1) * len(trees.baseline)
    if kept >= trees.count:
        return trees
    return Trees(trees.nodes[: trees.starts[kept]], trees.starts[:kept], trees.category_sets, trees.baseline)


def read_trees(model: Any, inputs: Numbers, first: int) -> Trees:
    """The trees of a model from an iteration on, as arrays; what it does to inputs before is undone."""
    order, categories = _inputs_of(model, inputs.shape[1])
    nodes, starts, sets, at, sets_at = [], [], [], 0, 0
    for iteration in model._predictors[first:]:  # noqa: SLF001 (there is no public way, and none without pickle)
        for tree in iteration:
            ours = np.zeros(len(tree.nodes), NODE)
            inner = tree.nodes["is_leaf"] == 0
            chosen = np.flatnonzero((tree.nodes["is_categorical"] == 1) & inner)
            for name, theirs in (("threshold", "num_threshold"), ("value", "value"), ("is_leaf", "is_leaf")):
                ours[name] = tree.nodes[theirs]
            ours["missing_left"], ours["right"] = tree.nodes["missing_go_to_left"], tree.nodes["right"]
            ours["feature"] = np.where(inner, order[tree.nodes["feature_idx"]], -1)
            ours["category_set"] = -1
            ours["category_set"][chosen] = sets_at + np.arange(len(chosen))
            sets += [_category_set(tree, tree.nodes[node], categories) for node in chosen]
            nodes.append(ours)
            starts.append(at)
            at, sets_at = at + len(ours), sets_at + len(chosen)
    baseline = np.asarray(model._baseline_prediction, np.float64).reshape(-1)  # noqa: SLF001
    table = np.array(sets, np.uint32).reshape(-1, 8)
    return Trees(np.concatenate(nodes) if nodes else np.zeros(0, NODE), np.array(starts, np.int64), table, baseline)


def _inputs_of(model: Any, width: int) -> tuple[Ints, Sequence[Numbers]]:
    """Which of our inputs each of the model's is, and the categories that it numbered."""
    mask = model.is_categorical_
    if mask is None:
        return np.arange(width), ()
    # It takes the categories first.
    order = np.concatenate([np.flatnonzero(mask), np.flatnonzero(~mask)])
    return order, model._preprocessor.named_transformers_["encoder"].categories_  # noqa: SLF001


def _category_set(tree: Any, node: Any, categories: Sequence[Numbers]) -> Numbers:
    """Which of our codes go to the left, as bits; codes that the model did not see go where missing ones go."""
    bits = tree.raw_left_cat_bitsets[node["bitset_idx"]]
    left = np.full(256, bool(node["missing_go_to_left"]))
    for place, code in enumerate(categories[node["feature_idx"]]):
        if np.isfinite(code):
            left[int(code)] = bits[place // 32] >> np.uint32(place % 32) & 1
    return np.packbits(left, bitorder="little").view("<u4")
