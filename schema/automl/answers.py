"""GraphQL types and fields of the answers of machines."""

from functools import partial

import strawberry
from strawberry.scalars import JSON

from app.formats.tables.answering import CellIssue
from app.models.billing.ledger import OperationCause
from app.models.kinds.system import SystemRateLimit
from app.services.billing import charges
from app.settings import settings
from resolvers.automl import answers as resolve
from schema.automl.machines import Work
from schema.billing.problems import InsufficientFunds
from schema.descriptions import filled
from schema.fields import field, mutation
from schema.problems import Conflict, InvalidInput
from schema.row import shows

HAS_PRICE = partial(charges.has_price, OperationCause.MACHINE_SOLVING)


@shows(resolve.CellWarning)
class CellWarning:
    column: str = strawberry.field(description="The name of the column.")
    issue: CellIssue = strawberry.field(description="What is odd.")
    message: str = strawberry.field(description="The same in words.")


@shows(resolve.SolvedRow)
class SolvedRow:
    outputs: JSON = strawberry.field(description="A value for each output, by its name, in the words of the table.")
    probabilities: JSON = strawberry.field(
        description=filled(
            "For each output with classes, by its name: the probability of each class, or of the "
            "{automl.PROBABILITIES_MAX} likeliest."
        )
    )
    intervals: JSON = strawberry.field(
        description="For each output with numbers, by its name: between which two values the truth lies in nine of ten "
        "rows."
    )
    warnings: list[CellWarning] = strawberry.field(description="What is odd about its cells.")


@shows(resolve.Solved)
class Solved:
    version: int = strawberry.field(description="The version of the model that answered.")
    rows: list[SolvedRow] = strawberry.field(description="The answers, in the order of the rows.")


@shows(resolve.InputEffect)
class InputEffect:
    column: str = strawberry.field(description="The name of the input.")
    value: JSON | None = strawberry.field(description="Its value, as it was read; null if it is missing.")
    effect: float = strawberry.field(
        description="How far it moved the answer, in the units of the output or as a probability."
    )


@shows(resolve.Explanation)
class Explanation:
    output: str = strawberry.field(description="The name of the output.")
    label: str | None = strawberry.field(description="The class whose probability is explained; null for a number.")
    usual: float = strawberry.field(
        description="The answer for a usual row: the medians of numbers, the most frequent labels."
    )
    answer: float = strawberry.field(description="The answer for this row.")
    inputs: list[InputEffect] = strawberry.field(description="The inputs, that with the largest effect first.")


@shows(resolve.MachineSolution)
class MachineSolution:
    inputs: JSON = strawberry.field(description="A value for each input, by its name.")
    solved: SolvedRow = strawberry.field(description="What the machine answers for these inputs.")
    score: float = strawberry.field(
        description="How near it comes: 1 for each output that is as wanted; more is better without end for `+++`."
    )
    tried_count: int = strawberry.field(description="How many rows were tried.")


@strawberry.type
class AnswersQuery:
    explain: list[Explanation] | None = field(resolve.explain)
    find_solution: MachineSolution | None = field(resolve.find_solution)


@strawberry.type
class AnswersMutation:
    solve: Solved | InvalidInput | Conflict | InsufficientFunds = mutation(
        resolve.solve, request_bytes_max=settings.rows_request_bytes_max, needs_key=HAS_PRICE
    )
    solve_file: Work | InvalidInput | Conflict | InsufficientFunds = mutation(
        resolve.solve_file, rate_limit=SystemRateLimit.JOBS, needs_key=HAS_PRICE
    )
    solve_lines: Work | Conflict | InsufficientFunds = mutation(
        resolve.solve_lines, rate_limit=SystemRateLimit.JOBS, needs_key=HAS_PRICE
    )
