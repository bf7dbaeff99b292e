"""A forest of deep trees by scikit-learn, split at random: it finds rows that lie near, where boosting finds steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.learning.tables.budgets.clocks import Clock
from app.learning.tables.candidates.base import Ground, Ints, Learned, Say
from app.learning.tables.plans import ForestPlan
from app.tabular.candidates.forests import LARGEST, Forest
from app.tabular.candidates.heads import Candidate, Forested
from app.tabular.inputs.cells import Numbers

# More rows make a tree slow to grow and large to keep, and hardly better.
ROWS_MAX = 50_000
LEAVES_MAX, LEAF_VALUES_MAX = 20_000, 50_000
STEP = 10
STEP_S = 0.3


@dataclass(frozen=True)
class ForestMaker:
    """A forest on each fold to be weighed by, and one on all rows to answer."""

    name: str
    plan: ForestPlan

    def learn(self, ground: Ground, clock: Clock, say: Say) -> Learned | None:
        """As many trees on each fold as the plan has."""
        began = monotonic()
        answers, losses = [], []
        for fold, own in zip(ground.tried, clock.turns(len(ground.tried) + 1), strict=False):
            say(f"Growing {self.name}, fold {fold + 1}")
            grown = self._grow(ground, ground.learned_in(fold), clock, turn=own)
            if grown is None:
                return None
            held = ground.held_in(fold)
            answers.append(grown.answers(ground.rows.take(held)))
            losses.append(ground.loss(answers[-1], held))
        whole = self._grow(ground, ground.used, clock)
        if whole is None:
            return None
        took = monotonic() - began
        return Learned(self.name, "forest", np.concatenate(answers), tuple(losses), whole, took)

    def refit(self, ground: Ground, clock: Clock, say: Say, learned: Learned) -> Candidate | None:
        """The same with other rows."""
        del learned
        say(f"Growing {self.name} on all rows")
        return self._grow(ground, ground.used, clock)

    def _grow(self, ground: Ground, rows: Ints, clock: Clock, *, turn: Clock | None = None) -> Forested | None:
        """A forest of as many trees as there was time for; None if of none."""
        if len(rows) > ROWS_MAX:
            rows = np.sort(np.random.default_rng(ground.seed).choice(rows, ROWS_MAX, replace=False))
        model, grown, step = self._model(ground, len(rows)), 0, 1
        inputs = np.clip(ground.rows.tree_inputs[rows], -LARGEST, LARGEST).astype(np.float32)
        targets, weights = ground.levels()[rows], ground.weights_of(rows)
        while grown < self.plan.trees and not ((turn or clock) if grown else clock).must_stop():
            began, grown = monotonic(), min(grown + step, self.plan.trees)
            model.set_params(n_estimators=grown).fit(inputs, targets, sample_weight=weights)
            # About as long as one should wait for a stop.
            step = int(max(1, min(STEP, step * STEP_S / max(monotonic() - began, 1e-3))))
        if not grown:
            return None
        known = None if ground.scale else model.classes_.astype(np.int64)
        forest = read_forest([each.tree_ for each in model.estimators_], known, ground.outputs)
        return Forested(forest, ground.scale, self.name)

    def _model(self, ground: Ground, rows: int) -> Any:
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor  # noqa: PLC0415 (a second to import)

        options = {
            "max_features": self.plan.features_share,
            "min_samples_leaf": max(1, ceil(rows / LEAVES_MAX), ceil(rows * ground.outputs / LEAF_VALUES_MAX)),
            "random_state": ground.seed,
            "warm_start": True,
        }
        return ExtraTreesClassifier(**options) if ground.scale is None else ExtraTreesRegressor(**options)


def _rounded_down(thresholds: Numbers) -> NDArray[np.float32]:
    """In single precision, so that a number of single precision is above them as it was before."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)


def read_forest(trees: Sequence[Any], classes: Ints | None, outputs: int) -> Forest:
    """Grown trees as arrays; classes that no row had are never answered."""
    features, thresholds, targets, missing, starts, leaf_values = [], [], [], [], [], []
    nodes = leaves = 0
    for tree in trees:
        is_leaf = tree.children_left < 0
        features.append(np.where(is_leaf, -1, tree.feature))
        thresholds.append(_rounded_down(np.where(is_leaf, 0.0, tree.threshold)))
        targets.append(np.where(is_leaf, np.cumsum(is_leaf) - 1 + leaves, tree.children_right + nodes))
        missing.append(tree.missing_go_to_left)
        starts.append(nodes)
        own = tree.value[is_leaf, 0]
        values = np.zeros((len(own), outputs))
        values[:, slice(None) if classes is None else classes] = own if classes is None else own / own.sum(1)[:, None]
        leaf_values.append(values)
        nodes, leaves = nodes + len(is_leaf), leaves + len(own)
    return Forest(
        np.concatenate(features).astype(np.int32),
        np.concatenate(thresholds),
        np.concatenate(targets).astype(np.int32),
        np.concatenate(missing).astype(np.uint8),
        np.array(starts, np.int32),
        np.concatenate(leaf_values).astype(np.float32),
    )
