"""The plain baselines: always the same answer, and a linear model."""

from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from app.learning.tables.candidates import Ground, Ints, Learned, Say
from app.learning.tables.clocks import Clock
from app.tabular.cells import Numbers
from app.tabular.heads import Candidate, Constant, Neural
from app.tabular.network import Network, softmax

PENALTIES = (0.3, 3.0, 30.0)
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

    def learn(self, ground: Ground, clock: Clock, say: Say) -> Learned | None:
        """The penalty that is best on the held rows of the first fold."""
        say("Fitting a linear model")
        began = monotonic()
        design = _design(ground)
        first = ground.tried[0]
        tried: dict[float, float] = {}
        for penalty in PENALTIES:
            if tried and clock.must_stop():
                break
            fitted = _fit(ground, design, ground.learned_in(first), penalty)
            tried[penalty] = ground.loss(fitted.answers(ground.rows.take(ground.held_in(first))), ground.held_in(first))
        best = min(tried, key=tried.__getitem__)
        answers, losses = [], []
        for fold in ground.tried:
            held = ground.held_in(fold)
            answers.append(_fit(ground, design, ground.learned_in(fold), best).answers(ground.rows.take(held)))
            losses.append(ground.loss(answers[-1], held))
        whole = _fit(ground, design, ground.used, best)
        facts = {"penalty": best}
        return Learned(self.name, "linear", np.concatenate(answers), tuple(losses), whole, monotonic() - began, facts)

    def refit(self, ground: Ground, clock: Clock, say: Say, learned: Learned) -> Candidate:
        """The same with other rows."""
        del clock, say
        return _fit(ground, _design(ground), ground.used, learned.facts["penalty"])


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


def _fit(ground: Ground, design: NDArray[np.float32], rows: Ints, penalty: float) -> Neural:
    if len(rows) > ROWS_MAX:
        rows = np.sort(np.random.default_rng(ground.seed).choice(rows, ROWS_MAX, replace=False))
    inputs = design[rows].astype(np.float64)
    weights = ground.weights_of(rows)
    shares = np.ones(len(rows)) if weights is None else weights
    targets = ground.levels()[rows]
    if ground.scale is None:
        solution = _softmax(inputs, targets.astype(np.int64), shares, ground.outputs, penalty)
    else:
        solution = _ridge(inputs, targets, shares, penalty)
    return Neural(Network(_arrays(ground, solution), ()), ground.scale, "linear")


def _ridge(inputs: Numbers, targets: Numbers, shares: Numbers, penalty: float) -> Numbers:
    square = (inputs * shares[:, None]).T @ inputs
    square[np.diag_indices(len(square))] += np.append(np.full(len(square) - 1, penalty), 1e-6)
    solved = np.linalg.solve(square, (inputs * shares[:, None]).T @ targets)
    return np.asarray(solved[:, None], np.float64)


def _softmax(inputs: Numbers, labels: Ints, shares: Numbers, classes: int, penalty: float) -> Numbers:
    width = inputs.shape[1]
    truth = np.eye(classes)[labels]
    strength = np.append(np.full(width - 1, penalty), 1e-3)[:, None]

    def objective(flat: Numbers) -> tuple[float, Numbers]:
        weight = flat.reshape(width, classes)
        odds = softmax(inputs @ weight)
        loss = -(shares * np.log(np.clip((odds * truth).sum(1), 1e-15, 1))).sum() + (strength * weight**2).sum() / 2
        slope = inputs.T @ ((odds - truth) * shares[:, None]) + strength * weight
        return float(loss), slope.ravel()

    start = np.zeros(width * classes)
    solution = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS_MAX})
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
