"""Making machines: of a table that was read, or of another machine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import insert, literal, select

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid, NotFound
from app.limits import automl as limits
from app.models.accounts import Team
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.readings import TableReading
from app.models.kinds.automl import AutomlJob
from app.models.system import Job
from app.policies import Viewer, signed_in, visible
from app.policies.accounts import belongs_to_team
from app.queue import enqueue
from app.services.automl import readings
from app.services.automl.machines import loading
from app.services.automl.machines.access import machine_seen
from app.services.automl.machines.columns import (
    ColumnOverride,
    check_split,
    columns_of,
    require_column_name,
    require_finished,
)
from app.services.automl.readings import TableOptions
from app.services.system import audit
from app.services.system.files.uploads import Uploaded
from app.tabular.choices import MachineSplit

FORMAT = ("encoding", "separator", "header", "description_row", "sheet")
KEPT_BY_COPIES = (
    "machine_description",
    "machine_level",
    "table_options",
    "split",
    "split_column",
    "split_seed",
    "evaluation_percentage",
    "parameter_nn_loss",
    "parameter_nn_optimizer",
    "parameter_nn_shape",
)


@dataclass(frozen=True)
class SplitChoice:
    """How lines to evaluate on are set apart."""

    kind: MachineSplit = MachineSplit.RANDOM
    column: str | None = None
    evaluation_percentage: int = 20
    seed: int = 0


@dataclass(frozen=True)
class Draft:
    """What somebody wants of a new machine, beside its table."""

    name: str
    description: str | None = ""
    level: int = limits.MACHINE_LEVEL_MIN
    overrides: Sequence[ColumnOverride] = ()
    team_id: int | None = None
    split: SplitChoice = SplitChoice()
    is_trained: bool = False


def name_of_machine(viewer: Viewer, field: str, name: str) -> str:
    """The name, unless it is one of the system's."""
    if name.strip().startswith("__") and name.strip().endswith("__") and not viewer.is_super_admin:
        raise Invalid(field, "Names that begin and end with __ are for the system. Choose another one.")
    return checks.name(field, name, length_max=limits.MACHINE_NAME_LENGTH_MAX)


def description_of_machine(field: str, text: str | None) -> str:
    """The description; nothing for what shows nothing."""
    return checks.optional_text(field, text, length_max=limits.MACHINE_DESCRIPTION_LENGTH_MAX) or ""


async def team_of_machine(session: ReadSession, viewer: Viewer, team_id: int) -> int:
    """The team, if the viewer is one of its members."""
    own = select(Team.id).where(Team.id == team_id, belongs_to_team(viewer, Team.id))
    if await session.scalar(own) is None:
        raise NotFound("There is no such team, or you are not a member of it.")
    return team_id


async def create_machine(session: WriteSession, viewer: Viewer, draft: Draft, *, reading_id: int) -> Machine:
    """A machine of a table that was read. A job reads its lines, and starts a training if it `is_trained` at once."""
    machine = await _drafted(session, viewer, draft)
    reading = await session.scalar(visible(TableReading, viewer).where(TableReading.id == reading_id))
    if reading is None:
        raise NotFound("There is no such reading of a table.")
    require_finished(reading)
    await _fill(session, machine, reading, draft.overrides, is_trained=draft.is_trained)
    audit.record(session, signed_in(viewer), "createMachine", about=machine)
    return machine


async def create_machine_of_upload(
    session: WriteSession, viewer: Viewer, draft: Draft, *, file: Uploaded, options: TableOptions
) -> Machine:
    """A machine of a table that is read first; its columns and lines come once that is done."""
    machine = await _drafted(session, viewer, draft)
    for number, each in enumerate(draft.overrides):
        require_column_name(f"columns.{number}.name", each.name)
    if draft.split.column is not None:
        require_column_name("split.column", draft.split.column)
    reading = await readings.read_table(session, viewer, file=file, options=options)
    machine.job_id = reading.job_id
    machine.pending = {"reading_id": reading.id, "columns": [each.plain() for each in draft.overrides]}
    session.add(machine)
    await session.flush()
    audit.record(session, signed_in(viewer), "createMachine", about=machine)
    return machine


async def go_on(session: WriteSession, reading_id: int) -> None:
    """Once a table is read: gives the machine that waits for it its columns, and queues the reading of its lines."""
    reading = await session.get_one(TableReading, reading_id)
    machine = await _waiting(session, reading)
    if machine is None or machine.pending is None:
        return
    overrides = [ColumnOverride.read(each) for each in machine.pending["columns"]]
    try:
        await _fill(session, machine, reading, overrides)
    except Invalid as wrong:
        await loading.loading_failed(session, machine.id, wrong.message)


async def give_up(session: WriteSession, reading_id: int, reason: str) -> None:
    """The machine that waits for a table fails with it."""
    machine = await _waiting(session, await session.get_one(TableReading, reading_id))
    if machine is not None:
        await loading.loading_failed(session, machine.id, reason)


async def _waiting(session: WriteSession, reading: TableReading) -> Machine | None:
    """The machine that was made together with a reading, unless it was deleted meanwhile."""
    waits = Machine.pending["reading_id"].as_integer() == reading.id
    own = select(Machine).where(Machine.job_id == reading.job_id, waits, Machine.deleted_at.is_(None))
    return await session.scalar(own.with_for_update(key_share=True))


def checked(viewer: Viewer, draft: Draft) -> Draft:
    """What somebody wants of a new machine, if it can be had of any table."""
    _check(draft.level, draft.split)
    return replace(
        draft,
        name=name_of_machine(viewer, "name", draft.name),
        description=description_of_machine("description", draft.description),
    )


async def _drafted(session: WriteSession, viewer: Viewer, draft: Draft) -> Machine:
    """A machine that has neither columns nor lines yet."""
    return Machine(
        machine_owner_user_id=signed_in(viewer),
        machine_owner_team_id=None if draft.team_id is None else await team_of_machine(session, viewer, draft.team_id),
        machine_name=draft.name,
        machine_description=draft.description,
        machine_level=draft.level,
        split=draft.split.kind,
        split_column=draft.split.column,
        split_seed=draft.split.seed,
        evaluation_percentage=draft.split.evaluation_percentage,
    )


async def _fill(
    session: WriteSession,
    machine: Machine,
    reading: TableReading,
    overrides: Sequence[ColumnOverride],
    *,
    is_trained: bool = False,
) -> None:
    """Gives a machine the columns of a table that was read, and queues the reading of its lines."""
    user_id = reading.user_id
    columns = columns_of(reading, overrides)
    check_split(machine.split, machine.split_column, columns)
    machine.table_options = {each: getattr(reading, each) for each in FORMAT}
    machine.pending = {
        "storage_key": reading.storage_key,
        "purpose": None,
        "trainer_id": user_id if is_trained else None,
    }
    session.add(machine)
    await session.flush()
    for column in columns:
        column.machine_id = machine.id
    session.add_all(columns)
    await session.flush()
    machine.job_id = (await enqueue(session, AutomlJob.LOAD_MACHINE, subject_id=machine.id, user_id=user_id)).id
    await session.flush()


def _check(level: int, split: SplitChoice) -> None:
    checks.within("level", level, limits.MACHINE_LEVEL_MIN, limits.MACHINE_LEVEL_MAX)
    checks.within(
        "split.evaluationPercentage",
        split.evaluation_percentage,
        limits.EVALUATION_PERCENTAGE_MIN,
        limits.EVALUATION_PERCENTAGE_MAX,
    )
    checks.within("split.seed", split.seed, 0, limits.SEED_MAX)


async def copy_machine(session: WriteSession, viewer: Viewer, machine_id: int, *, name: str | None) -> Machine:
    """A copy of the viewer's own, or of one that is free to copy: lines with a fresh split, and no model."""
    chosen = None if name is None else name_of_machine(viewer, "name", name)
    source, is_used = await machine_seen(session, viewer, machine_id, is_shared=True)
    _require_copying(viewer, source, is_used=is_used)
    copy, _ = await copy_of(session, viewer, source, name=chosen)
    audit.record(session, signed_in(viewer), "copyMachine", about=copy)
    await session.flush()
    return copy


async def copy_of(session: WriteSession, viewer: Viewer, source: Machine, *, name: str | None) -> tuple[Machine, Job]:
    """A copy of a machine for the viewer, and the job that copies its lines."""
    user_id = signed_in(viewer)
    kept: dict[str, Any] = {each: getattr(source, each) for each in KEPT_BY_COPIES}
    of = f"Copy of {source.machine_name}"[: limits.MACHINE_NAME_LENGTH_MAX]
    copy = Machine(
        **kept,
        machine_owner_user_id=user_id,
        machine_original_id=source.machine_original_id or source.id,
        machine_name=name or of,
        pending={"copied_from": source.id},
    )
    session.add(copy)
    await session.flush()
    copied = [
        each.key for each in MachineColumn.__table__.columns if each.key not in {"id", "created_at", "machine_id"}
    ]
    columns = select(literal(copy.id), *(getattr(MachineColumn, each) for each in copied))
    of_source = columns.where(MachineColumn.machine_id == source.id)
    await session.execute(insert(MachineColumn).from_select(["machine_id", *copied], of_source))
    job = await enqueue(session, AutomlJob.COPY_MACHINE, subject_id=copy.id, user_id=user_id)
    copy.job_id = job.id
    await session.flush()
    return copy, job


def _require_copying(viewer: Viewer, source: Machine, *, is_used: bool) -> None:
    if source.pending is not None:
        raise Conflict("Lines are being read into this machine. Wait until that has ended.")
    if is_used or viewer.is_staff:
        return
    if not source.machine_machine_is_duplicatable:
        raise NotFound("There is no such machine that you may copy.")
    if source.machine_machine_copy_cost_usd:
        raise Conflict("Copies of this machine are for sale. Buy one with `buyListing`.")
