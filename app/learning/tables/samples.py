"""How much worse a machine is on rows that it never saw, and with noise in its inputs: losses on one scale.

A loss is scaled by the worst that a row would have if it were answered with the output of any other row: so it lies
between 0 and 1, and machines can be compared.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from app.learning.tables.budgets.clocks import JUDGE_SHARE, Clock
from app.learning.tables.candidates.base import Ground, Ints
from app.tabular.candidates.heads import Head, Rows
from app.tabular.inputs.cells import Numbers
from app.tabular.inputs.encoders import Encoders, Matrix

ROWS_MAX = 1000
NOISE = 0.125
LOSS_LEAST = 1e-5


def sampled(
    ground: Ground, head: Head, encoders: Encoders, learning: Ints, evaluation: Ints, clock: Clock
) -> dict[str, Any] | None:
    """Loss and accuracy of one output on both sides, with and without noise; None if there is no time."""
    random = np.random.default_rng((ground.seed, 3))
    sides = {"learning": _some(learning, random), "evaluation": _some(evaluation, random)}
    with np.errstate(over="ignore", invalid="ignore"):
        return _judged(ground, head, encoders, sides, clock, random)


def _judged(
    ground: Ground,
    head: Head,
    encoders: Encoders,
    sides: Mapping[str, Ints],
    clock: Clock,
    random: np.random.Generator,
) -> dict[str, Any] | None:
    scaler = _scaler(ground, sides["evaluation"], random)
    losses, accuracies = {}, {}
    for name, rows in sides.items():
        matrix = ground.rows.take(rows).matrix
        for suffix, inputs in (("", matrix), ("Noise", _noisy(matrix, random))):
            if clock.must_stop(JUDGE_SHARE):
                return None
            answers = head.answers(Rows.of(inputs, encoders.dense(inputs)))
            loss = float(_losses(ground, answers, rows).mean()) * scaler
            losses[name + suffix] = max(LOSS_LEAST, min(1.0, loss))  # the order makes 1 of what is not a number
            accuracies[name + suffix] = _accuracy(ground, answers, rows)
    return {"scaler": scaler, "loss": losses, "accuracy": accuracies}


def _some(rows: Ints, random: np.random.Generator) -> Ints:
    return rows if len(rows) <= ROWS_MAX else np.sort(random.choice(rows, ROWS_MAX, replace=False))


def _losses(ground: Ground, answers: Numbers, rows: Ints) -> Numbers:
    """The probability that was kept from the right class, or how far a number is off."""
    if ground.scale is None:
        missed: Numbers = 1 - answers[np.arange(len(rows)), ground.target.truth[rows]]
        return missed
    off: Numbers = np.abs(answers[:, 0] / ground.scale.deviation - ground.target.values[rows] / ground.scale.deviation)
    return off


def _scaler(ground: Ground, rows: Ints, random: np.random.Generator) -> float:
    if ground.scale is None:
        return 1.0
    values = ground.target.values[rows] / ground.scale.deviation
    worst = float(np.abs(values - values[random.permutation(len(values))]).max(initial=0))
    return 1 / worst if worst > 0 else 1.0


def _accuracy(ground: Ground, answers: Numbers, rows: Ints) -> float:
    """The share of right classes; of numbers the share of the variance that is explained, at least 0."""
    if ground.scale is None:
        return float(np.mean(answers.argmax(1) == ground.target.truth[rows]))
    values = ground.target.values[rows] / ground.scale.deviation
    spread = float(np.sum((values - values.mean()) ** 2))
    off = float(np.sum((answers[:, 0] / ground.scale.deviation - values) ** 2))
    return max(0.0, min(1 - off / spread, 1.0)) if spread > 0 else 0.0


def _noisy(matrix: Matrix, random: np.random.Generator) -> Matrix:
    """Every number moved by at most an eighth of its range, and never beyond it."""
    numbers = matrix.numbers
    if not numbers.size:
        return matrix
    low, high = np.fmin.reduce(numbers, axis=0), np.fmax.reduce(numbers, axis=0)
    moved = numbers + random.uniform(-NOISE, NOISE, numbers.shape) * (high - low)
    return Matrix(np.clip(moved, low, high), matrix.codes, matrix.texts)
