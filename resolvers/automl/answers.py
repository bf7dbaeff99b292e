"""Answers of machines, their reasons, and inputs that lead to wanted outputs."""

from dataclasses import dataclass
from typing import Any

import strawberry
from strawberry.scalars import JSON

from app.formats.tables import answering
from app.formats.tables.answering import CellIssue
from app.models.automl.machines import Machine
from app.services.automl.answering import asking, reasons
from resolvers import ids
from resolvers.context import Info
from resolvers.enums import show_enum

show_enum(CellIssue)


@dataclass(frozen=True)
class CellWarning:
    """What is odd about one cell of a row. The row was answered all the same."""

    column: str
    issue: CellIssue
    message: str


@dataclass(frozen=True)
class SolvedRow:
    """What a machine answers for one row."""

    outputs: dict[str, Any]
    probabilities: dict[str, Any]
    intervals: dict[str, Any]
    warnings: list[CellWarning]

    @classmethod
    def of(cls, row: answering.SolvedRow) -> "SolvedRow":
        """As it was answered."""
        warnings = [CellWarning(*each) for each in row.warnings]
        return cls(row.outputs, row.probabilities, row.intervals, warnings)


@dataclass(frozen=True)
class Solved:
    """The answers of a machine, one for each row, in the order of the rows."""

    version: int
    rows: list[SolvedRow]


@dataclass(frozen=True)
class InputEffect:
    """How far one input moved an answer."""

    column: str
    value: Any
    effect: float


@dataclass(frozen=True)
class Explanation:
    """Why a machine answers as it does, for one output: the effects add up to the way from `usual` to `answer`."""

    output: str
    label: str | None
    usual: float
    answer: float
    inputs: list[InputEffect]


@dataclass(frozen=True)
class MachineSolution:
    """The inputs that come nearest to the wanted outputs, of all that were tried, and what is answered for them."""

    inputs: dict[str, Any]
    solved: SolvedRow
    score: float
    tried_count: int


async def solve(info: Info, machine_id: strawberry.ID, rows: list[JSON]) -> Solved:
    """Asks a machine: its outputs for each row, in the order of the rows. What a row lacks is missing.

    machine_id: The machine: the viewer's own, their team's, or one that everybody may ask.
    rows: Objects with values by the names of columns, at most {settings.solve_rows_max}. Values are read as those of
        the machine's table were; what cannot be read counts as missing, and is warned of.
    """
    context = info.context
    asked = await asking.asked(context.database, context.viewer, ids.key(machine_id, Machine))
    solved = await asking.solve(asked, rows)
    return Solved(asked.version.number, [SolvedRow.of(each) for each in solved])


async def explain(info: Info, machine_id: strawberry.ID, row: JSON) -> list[Explanation]:
    """Which inputs moved the answer for a row, and how far: for each output. For those who use the machine.

    machine_id: The machine.
    row: An object with values by the names of columns, as for `solve`.
    """
    context = info.context
    asked = await asking.asked(context.database, context.viewer, ids.key(machine_id, Machine), is_inside=True)
    return [
        Explanation(each.output, each.label, each.usual, each.answer, [InputEffect(*moved) for moved in each.inputs])
        for each in await reasons.explain(asked, row)
    ]


async def find_solution(
    info: Info,
    machine_id: strawberry.ID,
    goals: JSON,
    fixed: JSON | None = None,
    seconds: float = 1.0,
    seed: int = 0,
) -> MachineSolution:
    """Looks for inputs whose outputs come nearest to what is wanted. For those who use the machine.

    machine_id: The machine.
    goals: An object with an expression for each output that matters, by its name: a value or a list of values that are
        wanted; `<5`, `<=5`, `>5` or `>=5`; `~5`, as near as possible; `+++` or `---`, as much or as little as possible.
        The last three may have a weight: `+++(20%)`.
    fixed: An object with the inputs that may not change, by their names.
    seconds: How long it looks at most, up to {settings.find_solution_s_max} s.
    seed: What chance begins with.
    """
    context = info.context
    asked = await asking.asked(context.database, context.viewer, ids.key(machine_id, Machine), is_inside=True)
    found = await reasons.find_solution(asked, goals=goals, fixed=fixed or {}, seconds=seconds, seed=seed)
    return MachineSolution(found.inputs, SolvedRow.of(found.solved), found.score, found.tried)
