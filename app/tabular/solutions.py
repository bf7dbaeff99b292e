"""Inputs whose answers come nearest to what is wanted, found by trying, changing the best, and trying again."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np

from app.tabular.explaining import usual_row
from app.tabular.goals import Goal, Unclear, is_for_numbers, scores
from app.tabular.inputs.cells import Numbers, moment_text
from app.tabular.inputs.encoders import Encoder
from app.tabular.predictor import Predictor

ROWS_AT_ONCE = 200
KEPT = 20
ROUNDS_MAX = 60
ROUNDS_WITHOUT_GAIN_MAX = 12


@dataclass(frozen=True)
class Solution:
    """The best inputs that were found, their score, and how often was looked."""

    row: Mapping[str, Any]
    score: float
    tried: int


def find_solution(
    machine: Predictor, goals: Mapping[str, Goal], fixed: Mapping[str, Any], *, seconds: float, seed: int = 0
) -> Solution:
    """`goals` by the columns of outputs, `fixed` values by the columns of inputs. Raises `Unclear`."""
    _check(machine, goals)
    random, began = np.random.default_rng(seed), monotonic()
    free = [encoder for encoder in machine.encoders.encoders if encoder.column not in fixed and _is_free(encoder)]
    rows = [{**usual_row(machine), **fixed}]
    rows += [{**rows[0], **{each.column: _drawn(each, random) for each in free}} for _ in range(ROWS_AT_ONCE)]
    judged = _judged(machine, goals, rows)
    tried, idle = len(rows), 0
    for number in range(ROUNDS_MAX if free else 0):
        if monotonic() - began >= seconds or idle >= ROUNDS_WITHOUT_GAIN_MAX:
            break
        best = np.argsort(-judged, kind="stable")[:KEPT]
        parents = [rows[place] for place in best]
        reach = 0.5 * (1 - number / ROUNDS_MAX) + 0.02
        fresh = [_changed(parents[place % len(parents)], free, reach, random) for place in range(ROWS_AT_ONCE)]
        fresh_judged = _judged(machine, goals, fresh)
        tried += len(fresh)
        idle = 0 if fresh_judged.max() > judged.max() + 1e-9 else idle + 1
        rows, judged = [*parents, *fresh], np.concatenate([judged[best], fresh_judged])
    best_place = int(judged.argmax())
    return Solution(rows[best_place], float(judged[best_place]), tried)


def _check(machine: Predictor, goals: Mapping[str, Goal]) -> None:
    heads = {head.column: head for head in machine.heads}
    if not goals:
        raise Unclear("Say of at least one output what is wanted.")
    for column, goal in goals.items():
        if column not in heads:
            raise Unclear(f"{column} is not an output of this machine.")
        if heads[column].classes and is_for_numbers(goal):
            raise Unclear(f"{heads[column].name} has classes, not numbers. Name the classes that are wanted.")


def _judged(machine: Predictor, goals: Mapping[str, Goal], rows: list[dict[str, Any]]) -> Numbers:
    cells = {column: [row.get(column) for row in rows] for column, _ in machine.inputs}
    encoded, _ = machine.encoded(cells, len(rows))
    total = np.zeros(len(rows))
    for head in machine.heads:
        if head.column in goals:
            spread = (head.high - head.low) / 4 if head.low is not None and head.high is not None else 1.0
            total += scores(goals[head.column], head.answers(encoded), head.classes, spread)
    return total


def _is_free(encoder: Encoder) -> bool:
    return bool(encoder.labels and encoder.labels.classes) or bool(encoder.parts)


def _drawn(encoder: Encoder, random: np.random.Generator) -> Any:
    """A value as the rows had them: between the values at equal shares, or any label."""
    if encoder.labels is not None:
        return encoder.labels.classes[int(random.integers(len(encoder.labels.classes)))]
    knots = np.array(encoder.parts[0].knots)
    return _number(encoder, float(np.interp(random.random() * (len(knots) - 1), np.arange(len(knots)), knots)))


def _changed(row: Mapping[str, Any], free: list[Encoder], reach: float, random: np.random.Generator) -> dict[str, Any]:
    """One or some of the free inputs changed: a number by a part of its range, a label into another."""
    chosen = random.random(len(free)) < max(1 / len(free), 0.2)
    if not chosen.any():
        chosen[int(random.integers(len(free)))] = True
    changed = dict(row)
    for encoder, is_chosen in zip(free, chosen, strict=True):
        if not is_chosen:
            continue
        value, part = changed.get(encoder.column), encoder.parts[0] if encoder.parts else None
        if part is None or not isinstance(value, float) or random.random() < 0.1:
            changed[encoder.column] = _drawn(encoder, random)
        else:
            moved = value + float(random.normal()) * reach * (part.high / 4 - part.low / 4)
            changed[encoder.column] = float(np.clip(moved, part.low, part.high))
    return changed


def _number(encoder: Encoder, value: float) -> Any:
    if encoder.datatype == "FLOAT":
        return value
    return moment_text(value * (3600 if encoder.datatype == "TIME" else 86_400), encoder.datatype)
