"""Answers of machines, their reasons, and inputs that lead to wanted outputs."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from app.formats.tables import answering
from app.formats.tables.answering import CellIssue
from app.models.automl.machines import Machine
from app.models.automl.models import NNModel
from app.models.automl.works import Work
from app.services.automl import drifting, readings
from app.services.automl.answering import asking, exports, paying, reasons, solving
from app.services.system.files import uploads
from app.tabular.choices import LinePurpose
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


@dataclass(frozen=True)
class ColumnDrift:
    """How far new values of a column lie from those that were known. All figures are finite, and 0 is no change."""

    column: str
    psi: float
    js: float
    missing_before: float
    missing_now: float
    new_label_count: int
    is_large: bool


async def drift(
    root: strawberry.Parent[Machine],
    info: Info,
    from_: Annotated[LinePurpose, strawberry.argument(name="from")],
    upload: str | None = None,
) -> list[ColumnDrift] | None:
    """How far new lines, or a table, lie from the lines of this machine; null for those who do not see its lines.

    Of many lines, evenly spread ones are compared. Texts are compared by their lengths.

    from_: The lines to compare with: those that were learned from, those that are evaluated on, or those to be solved.
    upload: The `upload` value of a link from `requestTableUpload`. Without it, the lines that were added since the last
        training are compared.
    """
    context = info.context
    key = None if upload is None else (await uploads.uploaded(context.viewer, upload, use=readings.USE)).key
    columns = await drifting.drift(context.database, context.viewer, root.id, before=from_, upload_key=key)
    if columns is None:
        return None
    return [
        ColumnDrift(
            each["column"],
            each["psi"],
            each["js"],
            each["missing_before"],
            each["missing_now"],
            each["new_labels"],
            each["is_large"],
        )
        for each in columns
    ]


async def solve(
    info: Info, machine_id: strawberry.ID, rows: list[JSON], expected_price_usd: Decimal | None = None
) -> Solved:
    """Asks a machine: its outputs for each row, in the order of the rows. What a row lacks is missing.

    Who uses the machine pays no price. Everybody else pays the price of the listing for each row, and the platform's
    fee, once the answers are there; a request that costs US dollars needs an idempotency key.

    machine_id: The machine: the viewer's own, their team's, or one that everybody may ask.
    rows: Objects with values by the names of columns, at most {settings.solve_rows_max}. Values are read as those of
        the machine's table were; what cannot be read counts as missing, and is warned of.
    expected_price_usd: The price of one row, as the listing shows it. With another price, nothing is answered and
        nothing is charged.
    """
    context = info.context
    asked = await asking.asked(context.database, context.viewer, ids.key(machine_id, Machine))
    if asked.version.price_usd:
        context.require_key()
    purpose = asking.purpose_of(asked, context.viewer, lines=len(rows))
    await paying.require(context.database, context.viewer, asked.version, purpose, expected_price_usd)
    solved = await asking.solve(asked, rows)
    if paying.is_recorded(asked.version, purpose):
        async with context.writing() as session:
            await paying.pay(session, context.viewer, asked.version, purpose)
    return Solved(asked.version.number, [SolvedRow.of(each) for each in solved])


async def solve_file(info: Info, machine_id: strawberry.ID, upload: str) -> Work:
    """Starts answering a table: CSV, xlsx and what else `requestTableUpload` takes. For those who use the machine.

    The answer is a CSV file at the `resultLink` of the work: the same rows in the same order, and beside them the
    outputs, how sure they are, and warnings.

    machine_id: The machine.
    upload: The `upload` value of a link from `requestTableUpload`.
    """
    viewer = info.context.viewer
    file = await uploads.uploaded(viewer, upload, use=readings.USE)
    async with info.context.writing() as session:
        return await solving.solve_file(session, viewer, ids.key(machine_id, Machine), file=file)


async def solve_lines(info: Info, machine_id: strawberry.ID) -> Work:
    """Starts answering the lines of a machine that are to be solved. For those who use the machine.

    Each line gets its outputs and `isSolved` together. What is solved stays if the work ends early; the next one goes
    on with the rest.

    machine_id: The machine.
    """
    async with info.context.writing() as session:
        return await solving.solve_lines(session, info.context.viewer, ids.key(machine_id, Machine))


def result_link(root: strawberry.Parent[Work], info: Info) -> str | None:
    """A link to the answers of a file, valid for {settings.file_link_s}; null if this is other work, or not finished.

    The file is kept for {settings.uploads_kept_hours} hours.
    """
    return solving.result_link(info.context.viewer, root)


def bundle_link(root: strawberry.Parent[NNModel], info: Info) -> str:
    """A link to a ZIP archive that answers without us, valid for {settings.file_link_s}.

    It has the model, what its columns are, and a reader in Python that needs NumPy alone.
    """
    return exports.bundle_link(info.context.viewer, root)


def report_link(root: strawberry.Parent[NNModel], info: Info) -> str:
    """A link to all that is known of this version as one HTML file, valid for {settings.file_link_s}."""
    return exports.report_link(info.context.viewer, root)


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
    solution = await reasons.find_solution(asked, goals=goals, fixed=fixed or {}, seconds=seconds, seed=seed)
    return MachineSolution(solution.inputs, SolvedRow.of(solution.solved), solution.score, solution.tried)
