"""What one wants of a machine's outputs, as short expressions, and how near answers come to it.

A list is membership; a number, a truth or a text is equality; `<5`, `<=5`, `>5` and `>=5` are bounds; `+++` is as much
and `---` as little as possible; `~5` is as near to 5 as possible. The last three may have a weight: `+++(20%)`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.tabular.inputs.cells import Numbers, label_key, number_of

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
BOUND = re.compile(rf"(<=|>=|<|>)\s*({NUMBER})\Z")
NEAR = re.compile(rf"~\s*({NUMBER})\s*(?:\(\s*(\d+(?:\.\d+)?)\s*%\s*\))?\Z")
MOST = re.compile(r"(\+\+\+|---)\s*(?:\(\s*(\d+(?:\.\d+)?)\s*%\s*\))?\Z")
EXPRESSION_LENGTH_MAX = 200


class Unclear(ValueError):
    """An expression that says nothing; the message says what would."""


@dataclass(frozen=True)
class Goal:
    """One wish: its kind, what it is compared with, and its weight."""

    kind: str
    values: tuple[Any, ...] = ()
    weight: float = 1.0


def parsed(expression: Any) -> Goal:
    """The goal of an expression; raises `Unclear`."""
    if isinstance(expression, list | tuple):
        if not expression or any(isinstance(each, list | tuple | dict) or each is None for each in expression):
            raise Unclear("A list must have the texts, numbers or truths of which one is wanted.")
        return Goal("in", tuple(expression))
    if isinstance(expression, bool | int | float):
        return Goal("in", (expression,))
    if not isinstance(expression, str) or not expression.strip():
        raise Unclear("Write a value, a list of values, a bound such as <=5, ~5, +++ or ---.")
    text = expression.strip()
    if len(text) > EXPRESSION_LENGTH_MAX:
        raise Unclear(f"An expression has at most {EXPRESSION_LENGTH_MAX} characters.")
    if match := BOUND.match(text):
        return Goal(match[1], (float(match[2]),))
    if match := NEAR.match(text):
        return Goal("~", (float(match[1]),), _weight(match[2]))
    if match := MOST.match(text):
        return Goal(match[1], (), _weight(match[2]))
    if text.startswith(("<", ">", "~", "+++", "---")):
        raise Unclear(f'"{text}" is no number after its sign. Write for example <=5, ~5, +++ or +++(20%).')
    return Goal("in", (text,))


def _weight(percent: str | None) -> float:
    weight = 1.0 if percent is None else float(percent) / 100
    if not 0 < weight <= 1:
        raise Unclear("A weight must be more than 0 % and at most 100 %.")
    return weight


def is_for_numbers(goal: Goal) -> bool:
    """Whether only a number can be compared in this way."""
    return goal.kind != "in"


def scores(goal: Goal, answers: Numbers, classes: Sequence[str], spread: float) -> Numbers:
    """How near each answer comes: 1 is there, less is further; of `+++` and `---` more is better without end."""
    if classes:
        wanted = {label_key(each) for each in goal.values}
        chosen = [place for place, label in enumerate(classes) if label_key(label) in wanted]
        odds: Numbers = answers[:, chosen].sum(1)
        return odds
    numbers = answers[:, 0]
    scale = spread if spread > 0 and math.isfinite(spread) else 1.0
    if goal.kind in {"+++", "---"}:
        return (numbers if goal.kind == "+++" else -numbers) / scale * goal.weight
    distance = _distance(goal, numbers)
    near: Numbers = goal.weight * np.exp(-distance / scale)
    return near


def _distance(goal: Goal, numbers: Numbers) -> Numbers:
    wanted = np.array([number for each in goal.values if (number := number_of(each)) is not None])
    if goal.kind in {"<", "<="}:
        return np.asarray(np.maximum(numbers - wanted[0], 0), np.float64)
    if goal.kind in {">", ">="}:
        return np.asarray(np.maximum(wanted[0] - numbers, 0), np.float64)
    if not len(wanted):
        return np.full(len(numbers), np.inf)
    nearest: Numbers = np.abs(numbers[:, None] - wanted).min(1)
    return nearest


def goals_of(expressions: Mapping[str, Any]) -> dict[str, Goal]:
    """The goals of several outputs; raises `Unclear` with the name of the one that is not."""
    goals = {}
    for name, expression in expressions.items():
        try:
            goals[name] = parsed(expression)
        except Unclear as unclear:
            raise Unclear(f"{name}: {unclear}") from None
    return goals
