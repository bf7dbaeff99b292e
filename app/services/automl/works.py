"""Work on machines: begun, followed and ended, each step once, as the database guards it."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select, update

from app import events
from app.database import ReadSession, WriteSession
from app.errors import Conflict, NotFound
from app.limits import automl as limits
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.automl.machines import Machine
from app.models.automl.works import Server, Work
from app.models.system import Job, JobState
from app.policies import Viewer, require, signed_in, visible
from app.policies.automl.machines import Standing, is_used_by, may_change_this_machine
from app.services.system import audit, jobs, notifications
from app.services.system.jobs import Claim, Progress
from app.tabular.choices import WorkKind, WorkStatus

ENDED = frozenset({WorkStatus.FINISHED, WorkStatus.ERROR, WorkStatus.CANCELLED})
UNFINISHED = frozenset({WorkStatus.WAITING_FOR_SERVER, WorkStatus.PROCESSING})
LOGGED_MAX = 20
BEST_SCORE_DECIMALS = 6
NAMES = {WorkKind.TRAINING: "training", WorkKind.SOLVING: "solving", WorkKind.EVALUATION: "evaluation"}


def topic_of(work_id: int) -> str:
    """The topic of events about work."""
    return f"work:{work_id}"


async def advance(
    session: WriteSession,
    work_id: int,
    status: WorkStatus,
    *,
    before: Collection[WorkStatus] = UNFINISHED,
    **values: Any,
) -> Work:
    """Moves work to a status, if it is in one of those before; Conflict if it has ended meanwhile."""
    moved = update(Work).where(Work.id == work_id, Work.status.in_(before)).values(status=status, **values)
    returned = moved.returning(Work).execution_options(populate_existing=True)
    work: Work | None = (await session.scalars(returned)).one_or_none()
    if work is None:
        raise Conflict("This work has already ended.")
    events.record(session, topic_of(work.id), {"status": status.value})
    return work


async def begin(session: WriteSession, work_id: int, *, server_name: str) -> Work:
    """Marks work as begun by a server. It may have been begun before, by a worker that died."""
    server_id = select(Server.id).where(Server.server_name == server_name).scalar_subquery()
    began = func.coalesce(Work.work_started_at_date_time, func.now())
    return await advance(session, work_id, WorkStatus.PROCESSING, server_id=server_id, work_started_at_date_time=began)


async def report(session: WriteSession, claim: Claim, work_id: int, progress: Progress, best: float | None) -> None:
    """Writes how far work is, on its job, on itself and for those who follow it."""
    await jobs.report(session, claim, progress)
    now: dict[str, Any] = {
        "stage": progress.stage[: limits.STAGE_LENGTH_MAX],
        "progress": progress.progress,
        "eta_s": progress.eta_s,
    }
    if best is not None:
        now["best_score"] = round(best, BEST_SCORE_DECIMALS)
    await session.execute(update(Work).where(Work.id == work_id, Work.status == WorkStatus.PROCESSING).values(**now))
    events.record(session, topic_of(work_id), {**now, "message": progress.message})


async def end(session: WriteSession, work_id: int, status: WorkStatus, how: str, **values: Any) -> Work:
    """Ends work, once, and tells who started it."""
    progress = 1.0 if status is WorkStatus.FINISHED else Work.progress
    work = await advance(
        session, work_id, status, work_finished_at_date_time=func.now(), eta_s=None, progress=progress, **values
    )
    if work.user_id is not None:
        machine = await session.get_one(Machine, work.machine_id)
        message = f"The {NAMES[work.kind]} of your machine {machine.machine_name[:60]} {how}"
        notifications.notify(session, work.user_id, message, about=work, event=f"ended:{work.job_id}")
    return work


async def fail(session: WriteSession, work_id: int, reason: str) -> Work:
    """Ends work that failed for good, or that was cancelled with nothing to keep."""
    if reason == jobs.CANCELLED:
        return await end(session, work_id, WorkStatus.CANCELLED, "was cancelled.")
    return await end(session, work_id, WorkStatus.ERROR, f"failed. {reason}", failure=reason[:NOTE_LENGTH_MAX])


async def cancel_work(session: WriteSession, viewer: Viewer, work_id: int) -> Work:
    """Cancels work: at once if no worker has it. A training that runs is asked to keep the best so far."""
    work = await session.scalar(visible(Work, viewer).where(Work.id == work_id))
    if work is None:
        raise NotFound("There is no such work.")
    await _require_changing(session, viewer, work.machine_id)
    if work.status in ENDED or work.job_id is None:
        raise Conflict("This work has already ended.")
    audit.record(session, signed_in(viewer), "cancelWork", about=work, user_id=work.user_id)
    # The job first, as its holder locks it first.
    job = await session.get_one(Job, work.job_id, with_for_update=True)
    if job.state is JobState.RUNNING and work.kind is WorkKind.TRAINING:
        asked = update(Work).where(Work.id == work.id, Work.status.in_(UNFINISHED)).values(is_stop_requested=True)
        await session.execute(asked)
    elif await jobs.cancel(session, job.id):
        await fail(session, work.id, jobs.CANCELLED)
    await session.refresh(work)
    return work


async def _require_changing(session: ReadSession, viewer: Viewer, machine_id: int) -> None:
    """Passes for those who may change the machine. Without a lock: the job that ends locks it after itself."""
    seen = visible(Machine, viewer).add_columns(is_used_by(viewer)).where(Machine.id == machine_id)
    machine, is_used = (await session.execute(seen)).one()
    require(may_change_this_machine, viewer, Standing(machine, is_member=is_used))


async def cancel_all(session: WriteSession, machine_id: int) -> None:
    """Cancels what is done on a machine that is about to go. A job that ends just now finds it gone."""
    unfinished = select(Work.job_id).where(Work.machine_id == machine_id, Work.status.in_(UNFINISHED))
    running = select(Job).where(Job.id.in_(unfinished), Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
    for job in (await session.scalars(running.order_by(Job.id).with_for_update(skip_locked=True))).all():
        await jobs.cancel(session, job.id)


async def log(session: WriteSession, machine: Machine, message: str, *, is_success: bool) -> None:
    """Adds to the last messages of a machine, by their time."""
    now = (await session.scalars(select(func.clock_timestamp()))).one().isoformat(timespec="milliseconds")
    machine.log_work_message = _last({**(machine.log_work_message or {}), now: message[:NOTE_LENGTH_MAX]})
    machine.log_work_status = _last({**(machine.log_work_status or {}), now: is_success})


def _last(entries: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(entries.items())[-LOGGED_MAX:])
