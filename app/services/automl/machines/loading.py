"""Reading files into machines: a job reads them in a child, and writes all lines in one transaction, or none."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from app.database import ReadSession, WriteSession, copy_in, copy_out, lock
from app.errors import NotFound
from app.formats.tables.lines import LINE_COLUMNS
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.automl.lines import DataLinesOperation, MachineLine, MachineTableLock
from app.models.automl.machines import Machine, MachineColumn
from app.models.kinds.automl import AutomlJob
from app.models.system import Job, JobState
from app.queue import enqueue
from app.services.automl.machines.access import table_name
from app.services.automl.machines.columns import written
from app.services.automl.machines.stages import redo_from
from app.services.system.notifications import notify
from app.tabular.choices import LinePurpose, MachineSplit, MachineStage, MachineStatus
from app.telemetry.metering import in_thread

PIECE_BYTES = 1 << 20
COPY = f"COPY machine_lines ({LINE_COLUMNS}) FROM STDIN"
# Chance decides by what a line says, so that equal lines have equal purposes.
COPY_LINES = text(
    f"""
    INSERT INTO machine_lines ({LINE_COLUMNS}, is_copied)
    SELECT :copy, NOT chosen.judges AND has_outputs, chosen.judges AND has_outputs, NOT has_outputs, has_outputs,
        values, true
    FROM machine_lines, LATERAL (
        SELECT (hashtextextended(values::text, :seed) & 1048575) < 1048576 * CAST(:percentage AS double precision) / 100
            AS judges
    ) AS chosen
    WHERE machine_id = :source ORDER BY id
    """  # noqa: S608 -- the names of columns
)
COPY_PURPOSES = text(
    f"""
    INSERT INTO machine_lines ({LINE_COLUMNS}, is_copied)
    SELECT :copy, is_for_learning, is_for_evaluation, is_for_solving, has_outputs, values, true
    FROM machine_lines WHERE machine_id = :source ORDER BY id
    """  # noqa: S608
)


class LoadPlan(NamedTuple):
    """What a job needs to read a file into a machine."""

    storage_key: str
    options: dict[str, Any]
    columns: list[dict[str, Any]]
    split: dict[str, Any] | None
    purpose: str | None
    # Who wants it to learn as soon as its lines are there.
    trainer_id: int | None


async def begin_loading(session: WriteSession, machine_id: int, job_id: int) -> LoadPlan:
    """Shows the lock on the machine's lines, and says what to read."""
    machine = await session.get_one(Machine, machine_id)
    if machine.pending is None or machine.deleted_at is not None:
        raise NotFound("There is nothing to be read into this machine.")
    await show_lock(session, machine_id, job_id)
    columns = await columns_in_order(session, machine_id)
    pending = machine.pending
    options = dict(machine.table_options)
    if machine.status is not MachineStatus.LOADING:
        # Another file: it has a format of its own, but a header if the first one had.
        options = {"header": options["header"], "description_row": options["description_row"]}
    return LoadPlan(
        pending.get("storage_key", ""),
        options,
        [written(each) for each in columns],
        None if pending.get("purpose") else split_of(machine, columns),
        pending.get("purpose"),
        pending.get("trainer_id"),
    )


async def columns_in_order(session: ReadSession, machine_id: int) -> Sequence[MachineColumn]:
    """The columns of a machine by their positions."""
    query = select(MachineColumn).where(MachineColumn.machine_id == machine_id).order_by(MachineColumn.position)
    return (await session.scalars(query)).all()


def split_of(machine: Machine, columns: Sequence[MachineColumn]) -> dict[str, Any]:
    """How lines of a machine are set apart, as parsers take it."""
    column = next((each for each in columns if each.name == machine.split_column), None)
    return {
        "kind": machine.split.value,
        "position": column and column.position,
        "datatype": column and column.datatype.value,
        "evaluation_percentage": machine.evaluation_percentage,
        "seed": machine.split_seed,
        "is_first": machine.status is MachineStatus.LOADING,
    }


async def show_lock(session: WriteSession, machine_id: int, job_id: int) -> None:
    """Notes who holds the lines; an attempt that died left its note behind."""
    await lock(session, table_name(machine_id))
    await session.execute(
        delete(MachineTableLock).where(
            MachineTableLock.table_name == table_name(machine_id), MachineTableLock.job_id == job_id
        )
    )
    session.add(MachineTableLock(machine_id=machine_id, job_id=job_id, table_name=table_name(machine_id)))
    await session.flush()


async def finish_loading(session: WriteSession, machine_id: int, report: dict[str, Any], lines: Path) -> None:
    """Writes the lines and what was seen of them."""
    await lock(session, table_name(machine_id))
    await copy_in(session, COPY, pieces(lines))
    machine = await session.get_one(Machine, machine_id, with_for_update={"key_share": True})
    is_new = machine.status is MachineStatus.LOADING
    if is_new:
        await keep_profiles(session, machine_id, report["profiles"])
    counts = {LinePurpose(name): count for name, count in report["counts"].items()}
    await note_added(session, machine, counts)
    await end(session, machine, f"{sum(counts.values()):,} lines were read.")
    if not is_new:
        await ask_for_profile(session, machine)


async def copy_lines(session: WriteSession, machine_id: int) -> None:
    """Copies the lines of the machine that this one is a copy of, with a fresh split."""
    machine = await _copied(session, machine_id)
    await note_added(session, machine, await counted(session, machine_id))
    await end(session, machine, "Its lines were copied.")


async def update_copy(session: WriteSession, machine_id: int) -> None:
    """Replaces the lines that came with a copy by those that its source has now; the owner's own lines stay."""
    await lock(session, table_name(machine_id))
    former = delete(MachineLine).where(MachineLine.machine_id == machine_id, MachineLine.is_copied)
    await session.execute(former)
    machine = await _copied(session, machine_id)
    counts = await counted(session, machine_id)
    machine.learning_line_count = machine.evaluation_line_count = machine.solving_line_count = 0
    await note_added(session, machine, counts)
    await end(session, machine, "Its lines were brought up to date.")
    await ask_for_profile(session, machine)


async def _copied(session: WriteSession, machine_id: int) -> Machine:
    """The machine, with the lines of the one that it is a copy of."""
    machine = await session.get_one(Machine, machine_id, with_for_update={"key_share": True})
    if machine.pending is None or machine.deleted_at is not None:
        raise NotFound("There is nothing to be copied into this machine.")
    source_id = machine.pending["copied_from"]
    # Before its lines, as everywhere. It is not deleted before they are copied.
    source = await session.get(Machine, source_id, with_for_update={"read": True}, populate_existing=True)
    await lock(session, table_name(source_id))
    if source is None or source.deleted_at is not None:
        raise NotFound("The machine that this one copies was deleted.")
    values: dict[str, Any] = {"copy": machine_id, "source": source_id}
    if machine.split is MachineSplit.RANDOM:
        values |= {"seed": machine_id, "percentage": machine.evaluation_percentage}
        await session.execute(COPY_LINES, values)
    else:
        await session.execute(COPY_PURPOSES, values)
    return machine


async def counted(session: ReadSession, machine_id: int) -> dict[LinePurpose, int]:
    """How many lines there are for each purpose."""
    flags = (MachineLine.is_for_learning, MachineLine.is_for_evaluation, MachineLine.is_for_solving)
    counted = select(*(func.count().filter(flag) for flag in flags)).where(MachineLine.machine_id == machine_id)
    return dict(zip(LinePurpose, (await session.execute(counted)).one(), strict=True))


async def pieces(path: Path) -> AsyncIterator[bytes]:
    """A file, piece by piece."""
    with path.open("rb") as file:
        while piece := await in_thread(file.read, PIECE_BYTES):
            yield piece


async def loading_failed(session: WriteSession, machine_id: int, reason: str) -> None:
    """What a job that fails for good writes about its machine: nothing was kept of the file."""
    machine = await session.get_one(Machine, machine_id, with_for_update={"key_share": True})
    if machine.status is MachineStatus.LOADING:
        machine.status = MachineStatus.FAILED
    await end(session, machine, reason, failure=reason[:NOTE_LENGTH_MAX])


async def end(session: WriteSession, machine: Machine, how: str, *, failure: str | None = None) -> None:
    """Ends what is read into a machine, or was corrected, and tells its owner."""
    machine.pending, machine.failure = None, failure
    if failure is None:
        machine.status = MachineStatus.READY
    await session.execute(delete(MachineTableLock).where(MachineTableLock.machine_id == machine.id))
    done = "is ready" if failure is None else "could not read a file"
    message = f"Your machine {machine.machine_name[:60]} {done}. {how}"[:NOTE_LENGTH_MAX]
    notify(session, machine.machine_owner_user_id, message, about=machine, event=f"ended:{machine.job_id}")


async def note_added(session: WriteSession, machine: Machine, counts: dict[LinePurpose, int]) -> None:
    """Counts new lines, and notes that something is to be done with them."""
    change_counts(machine, counts)
    taught = counts.get(LinePurpose.LEARNING, 0) + counts.get(LinePurpose.EVALUATION, 0)
    for for_learning, count in ((True, taught), (False, counts.get(LinePurpose.SOLVING, 0))):
        if count:
            await _note_operation(session, machine.id, for_learning=for_learning, count=count)
    if taught:
        lines_changed(machine)


async def _note_operation(session: WriteSession, machine_id: int, *, for_learning: bool, count: int) -> None:
    """One for each machine and purpose."""
    added = insert_or_update(DataLinesOperation).values(
        machine_id=machine_id,
        is_added_for_learning=for_learning,
        is_added_for_solving=not for_learning,
        line_count=count,
    )
    again = added.on_conflict_do_update(
        index_elements=["machine_id", "is_added_for_learning", "is_added_for_solving"],
        set_={"line_count": DataLinesOperation.line_count + count, "updated_at": func.now()},
    )
    await session.execute(again)


def change_counts(machine: Machine, counts: dict[LinePurpose, int]) -> None:
    """Adds to the numbers of lines."""
    machine.learning_line_count += counts.get(LinePurpose.LEARNING, 0)
    machine.evaluation_line_count += counts.get(LinePurpose.EVALUATION, 0)
    machine.solving_line_count += counts.get(LinePurpose.SOLVING, 0)


def lines_changed(machine: Machine) -> None:
    """What is known of the lines must be found out again at the next training."""
    redo_from(machine, MachineStage.MDC)


async def ask_for_profile(session: WriteSession, machine: Machine) -> None:
    """Queues a job that looks at the values of the columns again, unless one waits already."""
    own = Job.kind == AutomlJob.PROFILE_MACHINE, Job.subject_id == machine.id, Job.state == JobState.QUEUED
    if await session.scalar(select(Job.id).where(*own).limit(1)) is None:
        user_id = machine.machine_owner_user_id
        await enqueue(session, AutomlJob.PROFILE_MACHINE, subject_id=machine.id, user_id=user_id)


async def keep_profiles(session: WriteSession, machine_id: int, profiles: Sequence[dict[str, Any]]) -> None:
    """Writes what was seen in the values of each column."""
    for position, profile in enumerate(profiles):
        await session.execute(
            update(MachineColumn)
            .where(MachineColumn.machine_id == machine_id, MachineColumn.position == position)
            .values(profile=profile)
        )


async def write_values(session: ReadSession, machine_id: int, target: Path) -> None:
    """Writes the values of all lines to a file, a JSON list each."""
    statement = "COPY (SELECT values FROM machine_lines WHERE machine_id = %(machine_id)s) TO STDOUT"
    with target.open("wb") as file:
        async for piece in copy_out(session, statement, {"machine_id": machine_id}):
            file.write(piece.replace(b"\\\\", b"\\"))


async def delete_some(session: WriteSession, machine_id: int, most: int) -> int:
    """Deletes some lines of a machine; how many."""
    some = select(MachineLine.id).where(MachineLine.machine_id == machine_id).limit(most)
    gone = delete(MachineLine).where(MachineLine.machine_id == machine_id, MachineLine.id.in_(some))
    return len((await session.scalars(gone.returning(MachineLine.id))).all())
