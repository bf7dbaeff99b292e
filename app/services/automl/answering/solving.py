"""Solving by jobs: files, whose answers are another file, and the lines of a machine that wait for their outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from sqlalchemy import delete, exists, func, select, text

from app.database import Database, ReadSession, WriteSession
from app.errors import Conflict, NotFound
from app.formats.tables.answering import Answerer
from app.gateways import storage
from app.gateways.storage import StoredFile
from app.models.automl.lines import DataLinesOperation, MachineLine
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.models import NNModel
from app.models.automl.works import Work
from app.models.kinds.automl import AutomlJob
from app.policies import Viewer, signed_in
from app.queue import enqueue
from app.services import links
from app.services.automl import works
from app.services.automl.answering import asking, paying
from app.services.automl.answering.memory import Version
from app.services.automl.machines.columns import written
from app.services.automl.machines.loading import columns_in_order
from app.services.billing import charges
from app.services.billing.errors import InsufficientFunds
from app.services.billing.reservations import Purpose
from app.services.system import audit
from app.services.system.files.uploads import Uploaded
from app.services.system.jobs import Progress
from app.settings import settings
from app.tabular.choices import WorkKind, WorkStatus
from app.tabular.datatypes import Role

FOLDER = "solved"
SOLVED = links.Kind("solved-table", "files", Work)
WAITING = (MachineLine.is_for_solving, ~MachineLine.is_solved)
# A line that changed meanwhile waits for the next round.
STORE = text("""
UPDATE machine_lines AS line SET values = solved.values, is_solved = true, has_outputs = true
FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS solved(id bigint, before jsonb, values jsonb)
WHERE line.machine_id = :machine_id AND line.id = solved.id AND line.is_for_solving AND NOT line.is_solved
    AND line.values = solved.before
""")


@dataclass(frozen=True)
class SolvingPlan:
    """What a worker needs to solve."""

    work_id: int
    machine_id: int
    version: Version
    columns: list[dict[str, Any]]
    options: dict[str, Any]
    upload_key: str | None
    payer: Viewer
    # The lines that wait, and what share of all was done before this attempt.
    lines: int = 0
    progress: float = 0.0


class Waiting(NamedTuple):
    """A line that waits for its outputs."""

    id: int
    values: list[Any]


async def solve_file(session: WriteSession, viewer: Viewer, machine_id: int, *, file: Uploaded) -> Work:
    """Queues the solving of a table. The answers are another table, with the same rows in the same order."""
    work = await _work(session, viewer, machine_id, file.key, lines=0)
    work.job_id = (await enqueue(session, AutomlJob.SOLVE_FILE, subject_id=work.id, user_id=work.user_id)).id
    await session.flush()
    return work


async def solve_lines(session: WriteSession, viewer: Viewer, machine_id: int) -> Work:
    """Queues the solving of all lines that wait for it; Conflict if there are none."""
    await asking.machine_to_ask(session, viewer, machine_id, is_inside=True)
    lines = await _count_waiting(session, machine_id)
    if not lines:
        raise Conflict("No lines of this machine wait to be solved. Append lines without outputs first.")
    work = await _work(session, viewer, machine_id, None, lines=lines)
    work.job_id = (await enqueue(session, AutomlJob.SOLVE_LINES, subject_id=work.id, user_id=work.user_id)).id
    await session.flush()
    return work


async def _count_waiting(session: ReadSession, machine_id: int) -> int:
    waiting = select(func.count()).select_from(MachineLine).where(MachineLine.machine_id == machine_id, *WAITING)
    return (await session.scalars(waiting)).one()


async def _work(session: WriteSession, viewer: Viewer, machine_id: int, table_key: str | None, *, lines: int) -> Work:
    version = await asking.machine_to_ask(session, viewer, machine_id, is_inside=True)
    await _require_funds(session, viewer, version, lines=lines)
    model = select(Machine.training_nn_model_id).where(Machine.id == machine_id)
    work = Work(
        machine_id=machine_id,
        user_id=signed_in(viewer),
        kind=WorkKind.SOLVING,
        nn_model_id=await session.scalar(model),
        storage_key=table_key,
    )
    session.add(work)
    await session.flush()
    audit.record(session, signed_in(viewer), "solve", about=work)
    return work


async def _require_funds(session: ReadSession, viewer: Viewer, version: Version, *, lines: int) -> None:
    """Refuses what could not be paid as it is now. It is paid with the answers."""
    columns = await columns_in_order(session, version.machine_id)
    purpose = _purpose(viewer, version, columns, lines=lines)
    payer_id = paying.payer_of(viewer, version)
    estimate = await charges.estimate(session, payer_id, purpose)
    if not estimate.is_affordable:
        paying.refuse_poor_owner(viewer, payer_id)
        raise InsufficientFunds(required=estimate.price, available=estimate.available, currency=estimate.currency)


def _purpose(viewer: Viewer, version: Version, columns: Sequence[MachineColumn], *, lines: int) -> Purpose:
    used = sum(each.role is not Role.IGNORE for each in columns)
    return paying.purpose_of(viewer, version, lines=lines, columns=used)


async def begin(session: WriteSession, work_id: int, *, server_name: str) -> SolvingPlan:
    """Marks solving as begun, and returns what it needs."""
    work = await works.begin(session, work_id, server_name=server_name)
    machine = await session.get_one(Machine, work.machine_id)
    model = await session.get(NNModel, work.nn_model_id or 0)
    if machine.deleted_at is not None or model is None or work.user_id is None:
        raise NotFound("The machine, its version, or the account that asked was deleted.")
    version = Version(
        machine.id,
        model.version,
        model.storage_key,
        model.sha256,
        model.size_bytes,
        machine.machine_level,
        machine.machine_owner_user_id,
        is_used=True,
    )
    columns = [written(each) for each in await columns_in_order(session, machine.id)]
    # Another file: it has a format of its own, but a header if the first one had.
    options = {name: machine.table_options.get(name) for name in ("header", "description_row")}
    waits = 0 if work.storage_key else await _count_waiting(session, machine.id)
    payer = Viewer(work.user_id)
    return SolvingPlan(work.id, machine.id, version, columns, options, work.storage_key, payer, waits, work.progress)


def progress_of(plan: SolvingPlan, done: int, took_s: float) -> Progress:
    """How far the solving of lines is, which goes on where an attempt before has ended."""
    share = min(done / plan.lines, 1.0) if plan.lines else 1.0
    eta_s = took_s / share * (1 - share) if share else None
    return Progress(plan.progress + (1 - plan.progress) * share, "solving", f"{done:,} lines are solved.", eta_s)


async def waiting(session: ReadSession, machine_id: int, after: int) -> list[Waiting]:
    """The next lines that wait, in the order of their ids."""
    query = select(MachineLine.id, MachineLine.values).where(MachineLine.machine_id == machine_id, *WAITING)
    rows = await session.execute(query.where(MachineLine.id > after).order_by(MachineLine.id).limit(_at_once()))
    return [Waiting(*row) for row in rows]


def _at_once() -> int:
    return settings.solve_rows_max


def answered(answerer: Answerer, columns: Sequence[dict[str, Any]], lines: Sequence[Waiting]) -> list[dict[str, Any]]:
    """The lines with their outputs."""
    names = [each["name"] for each in columns]
    solved = answerer.solve([dict(zip(names, line.values, strict=False)) for line in lines])
    made = []
    for line, answer in zip(lines, solved, strict=True):
        values = [answer.outputs.get(name, value) for name, value in zip(names, line.values, strict=False)]
        made.append({"id": line.id, "before": line.values, "values": values})
    return made


async def store(session: WriteSession, plan: SolvingPlan, lines: Sequence[dict[str, Any]]) -> int:
    """Writes outputs, and pays for them; how many lines there were, but for those that changed meanwhile."""
    if settings.machine_solving_price_tokens:
        # Before its lines, as everywhere: what they cost is added to it.
        await session.get(Machine, plan.machine_id, with_for_update={"key_share": True})
    values = {"machine_id": plan.machine_id, "lines": orjson.dumps(lines).decode()}
    count: int = (await session.execute(STORE, values)).rowcount  # type: ignore[attr-defined]
    await _pay(session, plan, lines=count)
    return count


async def _pay(session: WriteSession, plan: SolvingPlan, *, lines: int) -> None:
    if lines:
        columns = await columns_in_order(session, plan.machine_id)
        purpose = _purpose(plan.payer, plan.version, columns, lines=lines)
        await paying.pay(session, plan.payer, plan.version, purpose)


async def finish_lines(session: WriteSession, plan: SolvingPlan, lines: int) -> None:
    """Ends the solving of lines; nothing waits any more, unless it was added meanwhile."""
    if not await session.scalar(select(exists().where(MachineLine.machine_id == plan.machine_id, *WAITING))):
        added = DataLinesOperation.machine_id == plan.machine_id, DataLinesOperation.is_added_for_solving
        await session.execute(delete(DataLinesOperation).where(*added))
    await works.end(
        session, plan.work_id, WorkStatus.FINISHED, f"has finished: {lines:,} lines.", figures={"rows": lines}
    )


async def finish_file(session: WriteSession, plan: SolvingPlan, report: dict[str, Any]) -> None:
    """Pays for the answers of a file, and ends its solving."""
    await _pay(session, plan, lines=report["rows"])
    how = f"has finished: {report['rows']:,} rows, {report['rowsWithWarnings']:,} with warnings."
    await works.end(session, plan.work_id, WorkStatus.FINISHED, how, figures=report)


async def solving_failed(session: WriteSession, work_id: int, reason: str) -> None:
    """What solving that failed for good leaves: the reason, and the lines that were solved before."""
    await works.fail(session, work_id, reason)


def key_of(work: Work | SolvingPlan) -> str:
    """Where the answers of a file are."""
    return f"{FOLDER}/{work.machine_id}/{work.work_id if isinstance(work, SolvingPlan) else work.id}.csv"


def result_link(viewer: Viewer, work: Work) -> str | None:
    """A temporary link to the answers of a file; null if there are none."""
    is_there = work.kind is WorkKind.SOLVING and work.status is WorkStatus.FINISHED and work.storage_key is not None
    return links.signed(SOLVED, viewer, work.id) if is_there else None


@links.leads_to_file(SOLVED)
def solved_file(opened: links.Opened) -> StoredFile:
    """The file that a link leads to."""
    return StoredFile(key_of(opened.row), f"solved-{opened.row.id}.csv", "text/csv")


async def prune_solved(_database: Database) -> None:
    """Deletes answers of files that are kept no longer."""
    async for keys in storage.old(FOLDER, age_s=settings.uploads_kept_hours * 3_600):
        await storage.delete_all(keys)
