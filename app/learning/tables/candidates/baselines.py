"""The plain baselines: always the same answer, and a linear model."""

from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from app.learning.tables.budgets.clocks import Clock
from app.learning.tables.candidates.base import Ground, Ints, Learned, Say
from app.tabular.candidates.heads import Candidate, Constant, Neural
from app.tabular.candidates.network import Network, softmax
from app.tabular.inputs.cells import Numbers

PENALTIES = (30.0, 3.0, 0.3)
STEPS_MAX = 150
ROWS_MAX = 20_000


@dataclass(frozen=True)
class ConstantMaker:
    """The shares of the classes, or the mean."""

    name: str = "constant"

    def learn(self, ground: Ground, clock: Clock, say: Say) -> Learned | None:
        """Always, whatever the time."""
        del clock, say
        began = monotonic()
        answers, losses = [], []
        for fold in ground.tried:
            held = ground.held_in(fold)
            fitted = Constant(_shares(ground, ground.learned_in(fold)))
            answers.append(np.tile(fitted.values, (len(held), 1)))
            losses.append(ground.loss(answers[-1], held))
        whole = Constant(_shares(ground, ground.used))
        return Learned(self.name, "constant", np.concatenate(answers), tuple(losses), whole, monotonic() - began)

    def refit(self, ground: Ground, clock: Clock, say: Say, learned: Learned) -> Candidate:
        """The same with other rows."""
        del clock, say, learned
        return Constant(_shares(ground, ground.used))


def _shares(ground: Ground, rows: Ints) -> Numbers:
    weights = ground.weights_of(rows)
    if ground.scale is None:
        counts = np.bincount(ground.target.truth[rows], weights, ground.outputs) + 1 / ground.outputs
        return np.asarray(counts / counts.sum(), np.float64)
    values = ground.target.values[rows]
    if ground.metric == "mae":
        return np.array([np.median(values)])
    return np.array([np.average(values / 4, weights=weights) * 4])


@dataclass(frozen=True)
class LinearMaker:
    """Ridge for numbers, and softmax regression for classes, on what a network takes."""

    name: str = "linear"

    def learn(self, ground: Ground, clock: Clock, say: Say) -> Learned:
        """Choose the penalty on the first fold, each fit going on from the one before, then learn on the others."""
        began = monotonic()
        say("Fitting a linear model")
        design, first = _design(ground), ground.tried[0]
        solved: dict[float, Numbers] = {}
        losses: dict[float, float] = {}
        solution: Numbers | None = None
        for penalty in PENALTIES:
            if solved and clock.must_stop():
                break
            solution = solved[penalty] = _solved(ground, design, ground.learned_in(first), penalty, clock, solution)
            losses[penalty] = ground.loss(_answers(ground, solution, first), ground.held_in(first))
        best = min(losses, key=losses.__getitem__)
        # What was learned with rows that are held now is no start here.
        others = [_solved(ground, design, ground.learned_in(fold), best, clock, None) for fold in ground.tried[1:]]
        folds = list(zip(ground.tried, [solved[best], *others], strict=True))
        answers = [_answers(ground, each, fold) for fold, each in folds]
        each_loss = tuple(
            ground.loss(answer, ground.held_in(fold)) for answer, (fold, _) in zip(answers, folds, strict=True)
        )
        whole = _neural(ground, _solved(ground, design, ground.used, best, clock, solved[best]))
        facts = {"penalty": best}
        return Learned(self.name, "linear", np.concatenate(answers), each_loss, whole, monotonic() - began, facts)

    def refit(self, ground: Ground, clock: Clock, say: Say, learned: Learned) -> Candidate:
        """The same with other rows."""
        del say
        return _neural(ground, _solved(ground, _design(ground), ground.used, learned.facts["penalty"], clock, None))


def _design(ground: Ground) -> NDArray[np.float32]:
    """All inputs side by side, each embedded label as columns of its own, and a one."""
    dense = ground.rows.dense
    tables = [
        (dense.indexes[:, place, None] == np.arange(width)).astype(np.float32)
        for place, width in enumerate(_widths(ground))
    ]
    one = np.ones((len(ground.rows), 1), np.float32)
    return np.concatenate([dense.numbers, dense.wide, *tables, one], 1)


def _widths(ground: Ground) -> list[int]:
    return [ground.encoders.labels[place].width for place in ground.encoders.embedded]


def _solved(
    ground: Ground, design: NDArray[np.float32], rows: Ints, penalty: float, clock: Clock, start: Numbers | None
) -> Numbers:
    """Inputs × outputs. From a near start it takes fewer steps; if time ends, it is as near as it came."""
    if len(rows) > ROWS_MAX:
        rows = np.sort(np.random.default_rng(ground.seed).choice(rows, ROWS_MAX, replace=False))
    inputs = design[rows].astype(np.float64)
    weights = ground.weights_of(rows)
    shares = np.ones(len(rows)) if weights is None else weights
    targets = ground.levels()[rows]
    if ground.scale is None:
        start = np.zeros((inputs.shape[1], ground.outputs)) if start is None else start
        return _softmax(inputs, targets.astype(np.int64), shares, penalty, start, clock)
    return _ridge(inputs, targets, shares, penalty)


def _answers(ground: Ground, solution: Numbers, fold: int) -> Numbers:
    """What it answers for the held rows of a fold."""
    return _neural(ground, solution).answers(ground.rows.take(ground.held_in(fold)))


def _neural(ground: Ground, solution: Numbers) -> Neural:
    return Neural(Network(_arrays(ground, solution), ()), ground.scale, "linear")


def _ridge(inputs: Numbers, targets: Numbers, shares: Numbers, penalty: float) -> Numbers:
    square = (inputs * shares[:, None]).T @ inputs
    square[np.diag_indices(len(square))] += np.append(np.full(len(square) - 1, penalty), 1e-6)
    solved = np.linalg.solve(square, (inputs * shares[:, None]).T @ targets)
    return np.asarray(solved[:, None], np.float64)


def _softmax(inputs: Numbers, labels: Ints, shares: Numbers, penalty: float, start: Numbers, clock: Clock) -> Numbers:
    width, classes = start.shape
    truth = np.eye(classes)[labels]
    strength = np.append(np.full(width - 1, penalty), 1e-3)[:, None]

    def objective(flat: Numbers) -> tuple[float, Numbers]:
        weight = flat.reshape(width, classes)
        odds = softmax(inputs @ weight)
        loss = -(shares * np.log(np.clip((odds * truth).sum(1), 1e-15, 1))).sum() + (strength * weight**2).sum() / 2
        slope = inputs.T @ ((odds - truth) * shares[:, None]) + strength * weight
        return float(loss), slope.ravel()

    def notice(_: Numbers) -> None:
        if clock.must_stop():
            raise StopIteration

    options = {"maxiter": STEPS_MAX}
    solution = minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", callback=notice, options=options)
    solved: Numbers = solution.x.reshape(width, classes)
    return solved


def _arrays(ground: Ground, solution: Numbers) -> dict[str, NDArray[Any]]:
    """As a network without hidden layers; what a label adds to each output is its embedding."""
    dense, outputs = ground.rows.dense, solution.shape[1]
    plain = dense.numbers.shape[1] + dense.wide.shape[1]
    arrays: dict[str, Any] = {}
    at, last = plain, [solution[:plain]]
    for place, width in enumerate(_widths(ground)):
        arrays[f"table{place}"] = solution[None, at : at + width]
        last.append(np.eye(outputs))
        at += width
    arrays["last_weight"] = np.concatenate(last)[None, None]
    arrays["last_bias"] = solution[None, None, at]
    return {name: each.astype(np.float32) for name, each in arrays.items()}
