"""How good a machine is on the rows that it never saw, and which inputs that is owed to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import numpy as np

from app.learning.tables.budgets.clocks import JUDGE_SHARE, Clock
from app.learning.tables.candidates.base import Ground, Ints, Learned
from app.learning.tables.weighing import margin_of
from app.tabular import metrics
from app.tabular.candidates.heads import Candidate, Head, Rows
from app.tabular.inputs.cells import Numbers
from app.tabular.inputs.encoders import Encoders, Matrix

REPEATS = 5
IMPORTANCE_ROWS_MIN, IMPORTANCE_ROWS_MAX = 100, 1000
# Rows times inputs of a round: a wide table has fewer rows shuffled, or the time to learn once more would be gone.
IMPORTANCE_ANSWERS_MAX = 20_000
# The share of the budget after which no further round begins: learning once more from all rows is worth more.
IMPORTANCE_SHARE = 0.04
HELD_ERRORS_BELOW = 200
Places = Mapping[str, slice]


def figure(ground: Ground, answers: Numbers, rows: Ints) -> float | None:
    """The figure that counts, in the units of the target."""
    if ground.scale is None:
        truth = ground.target.truth[rows]
        match ground.metric:
            case "auc":
                return metrics.mean_auc(answers, truth)
            case "accuracy":
                return float(np.mean(answers.argmax(1) == truth))
            case "f1":
                return metrics.f1(metrics.confusion(answers.argmax(1), truth, ground.outputs))
            case _:
                return metrics.log_loss(answers, truth)
    importances: float | None = metrics.of_numbers(answers[:, 0], ground.target.values[rows])[ground.metric]
    return importances


@dataclass(frozen=True)
class TimedAnswers:
    """What one candidate says of rows, and how long it took: asked once, for its own figures and for the mean."""

    answers: Numbers
    took_s: float


def timed_answers(candidates: Sequence[Candidate], rows: Rows) -> list[TimedAnswers]:
    """What each candidate says."""
    each = []
    for candidate in candidates:
        candidate.answers(rows.take(np.zeros(1, np.int64)))  # what is prepared once takes none of the time of answers
        began = monotonic()
        answers = candidate.answers(rows)
        each.append(TimedAnswers(answers, monotonic() - began))
    return each


def judged(ground: Ground, head: Head, mixed: Numbers, rows: Ints, held_errors: Numbers) -> tuple[dict[str, Any], Head]:
    """All figures on the rows that were set aside, by the mean answers for them; the head with intervals."""
    answers = head.calibrated(mixed) if head.classes else mixed
    if head.classes:
        truth = ground.target.truth[rows]
        figures = metrics.of_classes(answers, truth, head.classes, head.threshold)
        raw = replace(head, temperature=1.0).calibrated(mixed)
        return {**figures, "uncalibratedLogLoss": metrics.log_loss(raw, truth)}, head
    numbers = ground.target.values[rows]
    errors = answers[:, 0] - numbers
    figures = metrics.of_numbers(answers[:, 0], numbers)
    more = held_errors if len(rows) < HELD_ERRORS_BELOW else held_errors[:0]
    figures["coverage"] = _coverage(errors, more)
    return figures, replace(head, margin=margin_of(np.concatenate([errors, more])))


def _coverage(errors: Numbers, more: Numbers) -> float | None:
    """How many truths the intervals hold: each half of the rows is judged by the margin of the other half."""
    halves, held = (errors[::2], errors[1::2]), 0
    for own, other in (halves, halves[::-1]):
        margin = margin_of(np.concatenate([other, more]))
        if margin is None:
            return None
        held += int((np.abs(own) <= margin).sum())
    return held / len(errors)


def line(ground: Ground, learned: Learned, weight: float, rows: Ints, timed_answers: TimedAnswers) -> dict[str, Any]:
    """A line of the leaderboard."""
    ends = np.cumsum([len(ground.held_in(fold)) for fold in ground.tried])
    folds = [
        figure(ground, learned.held[end - len(held) : end], held)
        for end, held in zip(ends, (ground.held_in(fold) for fold in ground.tried), strict=True)
    ]
    return {
        "name": learned.name,
        "kind": learned.kind,
        "metric": ground.metric,
        "score": figure(ground, timed_answers.answers, rows),
        "foldScores": folds,
        "weight": weight,
        "fitS": round(learned.fit_s, 3),
        "predictS": round(timed_answers.took_s, 5),
        "bytes": size_of(learned.candidate),
        "facts": dict(learned.facts),
    }


def size_of(candidate: Candidate) -> int:
    """The bytes of its arrays."""
    return sum(each.nbytes for each in candidate.stored()[1].values())


def importance(ground: Ground, head: Head, encoders: Encoders, rows: Ints, clock: Clock) -> list[dict[str, Any]]:
    """How much worse the answers become if the values of an input are shuffled among the rows, and the spread of that.

    Beside it the older measure: how much worse they become if all rows have its least or its greatest value. All inputs
    are shuffled once, then all again, as long as there is time; empty if there was none for the first round.
    """
    random, places = np.random.default_rng(ground.seed), _places(encoders)
    most = min(max(IMPORTANCE_ANSWERS_MAX // max(len(places), 1), IMPORTANCE_ROWS_MIN), IMPORTANCE_ROWS_MAX)
    if len(rows) > most:
        rows = np.sort(random.choice(rows, most, replace=False))
    matrix = ground.rows.take(rows).matrix

    def loss(changed: Matrix) -> float:
        return ground.loss(head.answers(_rows(encoders, changed)), rows)

    whole = loss(matrix)
    extremes = _of_each(
        places,
        lambda place: float(np.mean([max(loss(each) - whole, 0.0) for each in _extremes(matrix, place)])),
        clock,
    )
    rounds: list[list[float]] = []
    until_s = clock.elapsed_s + IMPORTANCE_SHARE * clock.budget_s
    while len(extremes) == len(places) and len(rounds) < REPEATS and (not rounds or clock.elapsed_s < until_s):
        worse = _of_each(places, lambda place: loss(_shuffled(matrix, place, random)) - whole, clock)
        if len(worse) < len(places):
            break
        rounds.append(worse)
    if not rounds:
        return []
    means, spreads = np.mean(rounds, 0).tolist(), np.std(rounds, 0).tolist()
    return _shares(list(zip(encoders.encoders, means, spreads, extremes, strict=True)))


def _of_each(places: Sequence[Places], figure_of: Callable[[Places], float], clock: Clock) -> list[float]:
    """A figure of each input; of fewer if time ends."""
    figures: list[float] = []
    for place in places:
        if clock.must_stop(JUDGE_SHARE):
            break
        figures.append(figure_of(place))
    return figures


def _shares(importances: Sequence[tuple[Any, float, float, float]]) -> list[dict[str, Any]]:
    totals = [sum(max(each[place], 0) for each in importances) for place in (1, 3)]
    equal = 1 / max(len(importances), 1)
    return [
        {
            "column": encoder.column,
            "name": encoder.name,
            "lossIncrease": metrics.finite(mean),
            "spread": metrics.finite(spread),
            "share": metrics.finite(max(mean, 0) / totals[0]) if totals[0] > 0 else equal,
            "extremesShare": metrics.finite(extreme / totals[1]) if totals[1] > 0 else equal,
        }
        for encoder, mean, spread, extreme in importances
    ]


def _places(encoders: Encoders) -> list[Places]:
    """Where each input lies in a matrix."""
    places: list[Places] = []
    numbers = codes = texts = 0
    for encoder in encoders.encoders:
        wide = (len(encoder.parts), int(encoder.labels is not None), len(encoder.text_weights))
        places.append(
            {
                "numbers": slice(numbers, numbers + wide[0]),
                "codes": slice(codes, codes + wide[1]),
                "texts": slice(texts, texts + wide[2]),
            }
        )
        numbers, codes, texts = numbers + wide[0], codes + wide[1], texts + wide[2]
    return places


def _shuffled(matrix: Matrix, places: Places, random: np.random.Generator) -> Matrix:
    order = random.permutation(len(matrix))
    return _changed(matrix, {name: getattr(matrix, name)[order][:, place] for name, place in places.items()}, places)


def _extremes(matrix: Matrix, places: Places) -> list[Matrix]:
    changed = []
    for extreme in (np.fmin, np.fmax):
        values = {name: extreme.reduce(getattr(matrix, name)[:, place], axis=0)[None] for name, place in places.items()}
        changed.append(_changed(matrix, values, places))
    return changed


def _changed(matrix: Matrix, values: Mapping[str, Any], places: Places) -> Matrix:
    arrays = {}
    for name, place in places.items():
        arrays[name] = getattr(matrix, name).copy()
        arrays[name][:, place] = values[name]
    return Matrix(**arrays)


def _rows(encoders: Encoders, matrix: Matrix) -> Rows:
    return Rows.of(matrix, encoders.dense(matrix))
