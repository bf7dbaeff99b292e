"""What a training will take, before it begins: seconds by level and rows, and its price."""

from dataclasses import dataclass
from decimal import Decimal

from app import checks
from app.database import ReadSession
from app.learning.tables.plans import PLANS
from app.models.automl.machines import Machine
from app.models.billing.ledger import OperationCause
from app.policies import Viewer, is_viewer
from app.services.automl.machines.loading import columns_in_order
from app.services.billing import charges
from app.services.billing.reservations import Purpose
from app.settings import settings
from app.tabular.datatypes import Role

# A table of so many cells takes a level's usual time.
USUAL_CELLS = 100_000
BUDGET_S_MIN = 1.0


@dataclass(frozen=True)
class TrainingEstimate:
    """What a training at a level would take."""

    level: int
    seconds: float
    price_tokens: Decimal
    line_count: int
    column_count: int
    is_affordable: bool | None = None


def usual_s(level: int, *, lines: int, columns: int) -> float:
    """The budget of a training that names none: more cells take longer, up to a limit of the level."""
    plan = PLANS[level]
    seconds = min(plan.usual_s * max(1.0, lines * columns / USUAL_CELLS), plan.slowest_s)
    return min(seconds, settings.machine_training_s_max)


def purpose_of(machine: Machine, *, columns: int, level: int, subject: tuple[str, int] | None = None) -> Purpose:
    """What money for a training is for: the price counts the lines of both sides, and the columns that are used."""
    return Purpose(
        OperationCause.MACHINE_TRAINING,
        subject,
        count_of_lines=machine.learning_line_count + machine.evaluation_line_count,
        count_of_columns=columns,
        level=level,
    )


async def estimates(
    session: ReadSession, viewer: Viewer, machine: Machine, budget_s: float | None
) -> list[TrainingEstimate]:
    """What trainings of all levels would take; whether it can be paid is known for the machine's own level."""
    if budget_s is not None:
        checks.within("budgetS", budget_s, BUDGET_S_MIN, settings.machine_training_s_max)
    used = sum(each.role is not Role.IGNORE for each in await columns_in_order(session, machine.id))
    lines = machine.learning_line_count + machine.evaluation_line_count
    owner_id = machine.machine_owner_user_id
    estimated = []
    for level in PLANS:
        purpose = purpose_of(machine, columns=used, level=level)
        seconds = usual_s(level, lines=lines, columns=used) if budget_s is None else budget_s
        is_own = is_viewer(viewer, owner_id) and level == machine.machine_level
        affordable = (await charges.estimate(session, owner_id, purpose)).is_affordable if is_own else None
        estimated.append(TrainingEstimate(level, seconds, charges.price_for(purpose), lines, used, affordable))
    return estimated
