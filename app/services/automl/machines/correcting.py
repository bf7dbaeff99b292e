"""Columns of a machine that were read in a wrong way: corrected before it learns, with the values of all its lines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import exists, select, text, update

from app.database import ReadSession, WriteSession, copy_in, copy_out, lock
from app.errors import Conflict, Invalid, NotFound
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.models import NNModel
from app.models.automl.works import Work
from app.models.kinds.automl import AutomlJob
from app.policies import Viewer, signed_in
from app.queue import enqueue
from app.services.automl import works
from app.services.automl.machines import loading
from app.services.automl.machines.access import machine_with_lines_to_change, table_name
from app.services.automl.machines.columns import ColumnOverride, check_split, corrected, written
from app.services.system import audit
from app.tabular.choices import LinePurpose, WorkKind

SET_BY_HAND = ("datatype", "role", "decimal", "date_order", "reason")
LINES = """
COPY (
    SELECT id, is_for_learning, is_for_evaluation, is_for_solving, has_outputs, values
    FROM machine_lines WHERE machine_id = %(machine_id)s ORDER BY id
) TO STDOUT
"""
CORRECTED = """
CREATE TEMP TABLE corrected_lines (
    id bigint, is_for_learning boolean, is_for_evaluation boolean, is_for_solving boolean, has_outputs boolean,
    values jsonb
) ON COMMIT DROP
"""
# The machine's earlier answers to a line are no answers of these columns.
CORRECT = """
UPDATE machine_lines AS line SET is_for_learning = fresh.is_for_learning, is_for_evaluation = fresh.is_for_evaluation,
    is_for_solving = fresh.is_for_solving, has_outputs = fresh.has_outputs, values = fresh.values,
    is_learned = false, is_solved = false
FROM corrected_lines AS fresh WHERE line.machine_id = :machine_id AND line.id = fresh.id
"""


class CorrectionPlan(NamedTuple):
    """What a job needs to read the values of all lines anew."""

    before: list[dict[str, Any]]
    after: list[dict[str, Any]]
    split: dict[str, Any]


async def correct_columns(
    session: WriteSession, viewer: Viewer, machine_id: int, *, overrides: Sequence[ColumnOverride]
) -> Machine:
    """Queues a job that reads the values of all lines anew: all, or none."""
    machine = await machine_with_lines_to_change(session, viewer, machine_id)
    await _require_untaught(session, machine_id)
    if not overrides:
        raise Invalid("columns", "Name a column, and what is to be corrected.")
    columns = corrected(await loading.columns_in_order(session, machine_id), overrides)
    check_split(machine.split, machine.split_column, columns)
    machine.pending = {"columns": [_told(each) for each in columns]}
    job = await enqueue(session, AutomlJob.CORRECT_MACHINE, subject_id=machine.id, user_id=signed_in(viewer))
    machine.job_id = job.id
    audit.record(session, signed_in(viewer), "correctColumns", about=machine)
    await session.flush()
    return machine


async def _require_untaught(session: ReadSession, machine_id: int) -> None:
    learned = exists().where(NNModel.machine_id == machine_id)
    learns = exists().where(
        Work.machine_id == machine_id, Work.kind == WorkKind.TRAINING, Work.status.in_(works.UNFINISHED)
    )
    if await session.scalar(select(learned)):
        raise Conflict(
            "This machine has learned from its columns as they are. Copy it with `copyMachine`, and correct the copy."
        )
    if await session.scalar(select(learns)):
        raise Conflict("This machine is about to learn from its columns. Cancel its training first.")


def _told(column: MachineColumn) -> dict[str, Any]:
    return written(column) | {"reason": column.reason}


async def begin(session: WriteSession, machine_id: int, job_id: int) -> CorrectionPlan:
    """Shows the lock on the machine's lines, and says what becomes of its columns."""
    machine = await session.get_one(Machine, machine_id)
    if machine.pending is None or machine.deleted_at is not None:
        raise NotFound("There is nothing to be corrected in this machine.")
    await loading.show_lock(session, machine_id, job_id)
    columns = await loading.columns_in_order(session, machine_id)
    split = loading.split_of(machine, columns)
    return CorrectionPlan([written(each) for each in columns], machine.pending["columns"], split)


async def write_lines(session: ReadSession, machine_id: int, target: Path) -> None:
    """Writes all lines to a file, as COPY writes them."""
    with target.open("wb") as file:
        async for piece in copy_out(session, LINES, {"machine_id": machine_id}):
            file.write(piece)


async def finish(
    session: WriteSession, machine_id: int, plan: CorrectionPlan, report: Mapping[str, Any], lines: Path
) -> None:
    """Writes the lines as they are read now, and the columns."""
    await lock(session, table_name(machine_id))
    await session.execute(text(CORRECTED))
    await copy_in(session, "COPY corrected_lines FROM STDIN", loading.pieces(lines))
    await session.execute(text(CORRECT), {"machine_id": machine_id})
    machine = await session.get_one(Machine, machine_id, with_for_update={"key_share": True})
    for position, column in enumerate(plan.after):
        values = {name: column[name] for name in SET_BY_HAND} | {"profile": report["profiles"][position]}
        of_column = MachineColumn.machine_id == machine_id, MachineColumn.position == position
        await session.execute(update(MachineColumn).where(*of_column).values(**values))
    counts = await loading.counted(session, machine_id)
    machine.learning_line_count = counts[LinePurpose.LEARNING]
    machine.evaluation_line_count = counts[LinePurpose.EVALUATION]
    machine.solving_line_count = counts[LinePurpose.SOLVING]
    loading.lines_changed(machine)
    await loading.end(session, machine, "Its columns were corrected.")
