"""How candidates are joined, judged by rows that none of them learned from: weights, temperature, threshold, margin."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar

from app.learning.tables.candidates.base import Ground, Ints, Learned
from app.tabular.candidates.heads import LEAST
from app.tabular.candidates.network import softmax
from app.tabular.inputs.cells import Numbers
from app.tabular.metrics import confusion, f1

ROUNDS = 40
TEMPERATURES = (0.3, 4.0)
COVERED = 0.9
THRESHOLDS = np.linspace(0.02, 0.98, 97)


def weights_of(ground: Ground, learned: Sequence[Learned]) -> list[float]:
    """One candidate after the other is added, again and again, whichever makes the loss of the mean least."""
    held = ground.held
    sums, counts = np.zeros_like(learned[0].held), np.zeros(len(learned))
    best_loss, best = np.inf, counts
    for taken in range(ROUNDS):
        tried = [ground.loss((sums + each.held) / (taken + 1), held) for each in learned]
        chosen = int(np.argmin(tried))
        sums, counts[chosen] = sums + learned[chosen].held, counts[chosen] + 1
        if tried[chosen] < best_loss - 1e-9:
            best_loss, best = tried[chosen], counts.copy()
    shares: list[float] = (best / best.sum()).tolist()
    return shares


def best_of(ground: Ground, learned: Sequence[Learned]) -> list[float]:
    """The whole weight for the candidate with the least loss on the held rows."""
    losses = [ground.loss(each.held, ground.held) for each in learned]
    return [float(place == int(np.argmin(losses))) for place in range(len(learned))]


def temperature_of(odds: Numbers, truth: Ints) -> float:
    """By what logits are divided so that they are as sure as they are right; 1 unless that is beyond chance."""
    logits, rows = np.log(np.clip(odds, LEAST, 1)), np.arange(len(truth))

    def loss(power: float) -> float:
        # One row more, whose label is anybody's guess: that none of few rows is wrong does not say that none ever is.
        chances = np.log(np.clip(softmax(logits / np.exp(power)), LEAST, 1))
        return -float(chances[rows, truth].mean() + chances.mean() / len(rows))

    temperature = float(np.exp(minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded").x))
    before = np.log(np.clip(odds[rows, truth], LEAST, 1))
    after = np.log(np.clip(softmax(logits / temperature)[rows, truth], LEAST, 1))
    gain = after - before
    error = float(gain.std()) / np.sqrt(len(gain))
    return temperature if float(gain.mean()) > error else 1.0


def threshold_of(odds: Numbers, truth: Ints, metric: str) -> float | None:
    """From which probability on the second of two classes is the answer, for the best F1 or accuracy."""
    if odds.shape[1] != 2 or metric not in {"f1", "accuracy"}:
        return None
    scored = []
    for threshold in THRESHOLDS:
        matrix = confusion((odds[:, 1] >= threshold).astype(np.int64), truth, 2)
        scored.append(f1(matrix) if metric == "f1" else float(np.trace(matrix) / matrix.sum()))
    best = np.flatnonzero(np.array(scored) >= max(scored) - 1e-12)
    return float(THRESHOLDS[best[len(best) // 2]])


def margin_of(errors: Numbers, covered: float = COVERED) -> float | None:
    """Half the length of an interval that holds nine of ten truths (split conformal)."""
    place = int(np.ceil((len(errors) + 1) * covered))
    if place > len(errors):
        return None
    margin = float(np.sort(np.abs(errors))[place - 1])
    return margin if np.isfinite(margin) else None
