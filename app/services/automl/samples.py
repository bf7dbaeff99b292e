"""Some lines of a machine, evenly spread over all of them."""

from typing import Any

from sqlalchemy import text

from app.database import ReadSession
from app.limits.automl import LINES_SAMPLED_MAX
from app.models.automl.machines import Machine

STEPS = 100
LINES_A_STEP = LINES_SAMPLED_MAX // STEPS
ENDS = text("SELECT min(id), max(id) FROM machine_lines WHERE machine_id = :machine_id")
# Some lines each at evenly spread places: no more is read of a machine with millions of lines.
SAMPLE = """
SELECT line.id, line.shown FROM generate_series(0, {steps} - 1) AS step, LATERAL (
    SELECT id, {shown} AS shown FROM machine_lines
    WHERE machine_id = :machine_id AND id >= :low + step * :stride AND {condition} ORDER BY id LIMIT {lines}
) AS line
"""

EVERY = "SELECT {shown} AS shown FROM machine_lines WHERE machine_id = :machine_id ORDER BY id LIMIT {most}"


def line_count(machine: Machine) -> int:
    """How many lines a machine has."""
    return machine.learning_line_count + machine.evaluation_line_count + machine.solving_line_count


async def all_or_some(session: ReadSession, machine: Machine, *, shown: str) -> list[list[Any]]:
    """What is shown of all lines, or of some if there are many; `shown` is a constant of the code."""
    if line_count(machine) > LINES_SAMPLED_MAX:
        return await sample(session, machine, "true", shown=shown)
    every = text(EVERY.format(shown=shown, most=LINES_SAMPLED_MAX))
    return list(await session.scalars(every, {"machine_id": machine.id}))


async def sample(session: ReadSession, machine: Machine, condition: str, *, shown: str = "values") -> list[list[Any]]:
    """What is shown of up to 10 000 lines; `condition` and `shown` are constants of the code."""
    low, high = (await session.execute(ENDS, {"machine_id": machine.id})).one()
    if low is None:
        return []
    values = {"machine_id": machine.id, "low": low, "stride": (high - low) // STEPS + 1}
    if ":is_trained" in condition:
        values["is_trained"] = machine.training_nn_model_id is not None
    statement = text(SAMPLE.format(steps=STEPS, lines=LINES_A_STEP, condition=condition, shown=shown))
    rows = await session.execute(statement, values)
    return list({row.id: row.shown for row in rows}.values())
