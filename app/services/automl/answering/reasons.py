"""Why a machine answers as it does, and which inputs lead to wanted outputs. The work is done beside the event loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from app import checks
from app.errors import Invalid, quoted
from app.formats.tables.answering import Answerer, SolvedRow
from app.limits import automl as limits
from app.services.automl.answering.asking import Asked, plain_row
from app.settings import settings
from app.tabular import explaining, goals, solutions
from app.tabular.candidates.heads import Head
from app.tabular.goals import Goal, Unclear
from app.tabular.inputs.cells import MOMENTS, label_key, moment_of, number_of
from app.telemetry.metering import in_thread

SECONDS_MIN = 0.01


class Moved(NamedTuple):
    """How far an input with a value moved an answer."""

    column: str
    value: Any
    effect: float


class Explanation(NamedTuple):
    """Of one output: the way from the answer for a usual row to that for this one."""

    output: str
    label: str | None
    usual: float
    answer: float
    inputs: Sequence[Moved]


@dataclass(frozen=True)
class Solution:
    """Inputs by their names, what is answered for them, how near that comes, and how often was tried."""

    inputs: dict[str, Any]
    solved: SolvedRow
    score: float
    tried: int


async def explain(asked: Asked, row: Any) -> list[Explanation]:
    """For each output, the inputs that moved the answer."""
    plain = plain_row("row", row, asked.answerer.readers.keys())
    return await in_thread(_explained, asked.answerer, plain)


def _explained(answerer: Answerer, row: Mapping[str, Any]) -> list[Explanation]:
    cells = answerer.cells_of(row)
    names = {head.column: head.name for head in answerer.predictor.heads}
    return [
        Explanation(
            names[each.output],
            each.label,
            each.usual,
            each.answer,
            [Moved(moved.name, cells[moved.column], moved.effect) for moved in each.inputs],
        )
        for each in explaining.explain(answerer.predictor, cells)
    ]


async def find_solution(asked: Asked, *, goals: Any, fixed: Any, seconds: float, seed: int) -> Solution:
    """Inputs whose outputs come nearest to the goals, which are expressions by the names of outputs."""
    checks.within("seconds", seconds, SECONDS_MIN, settings.find_solution_s_max)
    checks.within("seed", seed, 0, limits.SEED_MAX)
    plain = plain_row("fixed", fixed, asked.answerer.readers.keys())
    wanted = _goals(asked.answerer, goals)
    return await in_thread(_sought, asked.answerer, wanted, dict(plain), seconds, seed)


def _goals(answerer: Answerer, expressions: Any) -> dict[str, Goal]:
    if not isinstance(expressions, Mapping):
        raise Invalid("goals", "Give an object with an expression for each output that matters.")
    heads = {head.name: head for head in answerer.predictor.heads}
    for name in expressions:
        if name not in heads:
            raise Invalid("goals", f"{quoted(name)} is not an output of this machine. Name one of its outputs.")
    try:
        return {heads[name].column: _fitting(heads[name], goal) for name, goal in goals.goals_of(expressions).items()}
    except Unclear as unclear:
        raise Invalid("goals", str(unclear)) from None


def _fitting(head: Head, goal: Goal) -> Goal:
    """The goal, if what it names can be an answer; dates and times as numbers."""
    if goal.kind != "in":
        return goal
    if head.classes:
        known = {label_key(each) for each in head.classes}
        if unknown := [each for each in goal.values if label_key(each) not in known]:
            raise Unclear(f"{quoted(str(unknown[0]))} is not a class of {quoted(head.name)}. Name classes that it has.")
        return goal
    values = goal.values
    if head.datatype in MOMENTS:
        values = tuple(moment_of(each, head.datatype) for each in values)
    if any(each is None or number_of(each) is None for each in values):
        raise Unclear(
            f"{quoted(head.name)} has no such values. Write a value as its answers have it, <=5, ~5, +++ or ---."
        )
    return replace(goal, values=values)


def _sought(answerer: Answerer, wanted: dict[str, Goal], fixed: dict[str, Any], seconds: float, seed: int) -> Solution:
    cells = answerer.cells_of(fixed)
    kept = {column: cells[column] for column, name in answerer.inputs.items() if name in fixed}
    try:
        solution = solutions.find_solution(answerer.predictor, wanted, kept, seconds=seconds, seed=seed)
    except Unclear as unclear:
        raise Invalid("goals", str(unclear)) from None
    row = {name: solution.row.get(column) for column, name in answerer.inputs.items()}
    return Solution(row, answerer.solve([row])[0], solution.score, solution.tried)
