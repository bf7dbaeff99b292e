"""Waiting times of queued jobs, estimated from recent jobs of the same kind."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Float, Select, case, cast, extract, func, literal, select

from app.database import ReadSession
from app.models.kinds import JobKind, Lane
from app.models.system import Job, JobState
from app.queue import IS_QUEUED, IS_RUNNING
from app.settings import settings

# Quick jobs are over before anybody could read their place in the queue.
TOLD = (Lane.SLOW, Lane.HEAVY)
IS_IN_LINE = (IS_QUEUED, Job.cancel_requested.is_(False))


@dataclass(frozen=True)
class Turn:
    """When a job's turn comes: 1 is next, one more than is counted is anything further back. Null if unknown."""

    position: int | None
    wait_s: float | None


@dataclass(frozen=True)
class QueueLoad:
    """How much work of a kind is queued, and how long it took recently."""

    kind: JobKind
    queued: int
    running: int
    usual_s: float | None


NO_TURN = Turn(None, None)


async def queue_loads(session: ReadSession) -> list[QueueLoad]:
    """All kinds of heavy work."""
    heavy = [kind for kind in JobKind if kind.lane is Lane.HEAVY]
    usual = await _usual_s(session, heavy)
    counted = select(Job.kind, Job.state, func.count()).where(
        Job.kind.in_(heavy), Job.state.in_((JobState.QUEUED, JobState.RUNNING))
    )
    counts = {
        (kind, state): count for kind, state, count in await session.execute(counted.group_by(Job.kind, Job.state))
    }
    return [
        QueueLoad(
            kind, counts.get((kind, JobState.QUEUED), 0), counts.get((kind, JobState.RUNNING), 0), usual.get(kind)
        )
        for kind in heavy
    ]


async def turns(session: ReadSession, job_ids: Sequence[int]) -> dict[int, Turn]:
    """The turns of jobs by id, each in its lane; jobs that do not wait, or never wait long, have none."""
    waiting_jobs = select(Job.id, Job.lane).where(Job.id.in_(job_ids), Job.lane.in_(TOLD), *IS_IN_LINE)
    waiting = (await session.execute(waiting_jobs)).all()
    # Until it is found among the places that are counted.
    turn_by_id = {id: Turn(settings.queue_positions_max + 1, None) for id, _ in waiting}
    for lane in {lane for _, lane in waiting}:
        usual = await _usual_s(session, [kind for kind in JobKind if kind.lane is lane])
        left = await _left_in(session, lane, usual)
        for id, position, before_s, unknown in await session.execute(_places(lane, job_ids, usual)):
            # If nothing runs, there may be no worker; if one length is unknown, so is the sum.
            known = [each for each in left if each is not None]
            is_known = known and len(known) == len(left) and not unknown
            turn_by_id[id] = Turn(position, round((sum(known) + before_s) / len(known), 1) if is_known else None)
    return turn_by_id


def _places(lane: Lane, job_ids: Sequence[int], usual: dict[JobKind, float]) -> Select[int, int, float, int]:
    """For waiting jobs of a lane: the place, the usual time of those before, the number of unknown lengths."""
    order = (Job.turn, Job.id)
    lengths = (
        case(*((Job.kind == kind, length) for kind, length in usual.items()), else_=0.0) if usual else literal(0.0)
    )
    length_s, unknown = func.sum(cast(lengths, Float)), func.count().filter(Job.kind.not_in(list(usual)))
    line = (
        select(
            Job.id,
            func.row_number().over(order_by=order).label("position"),
            func.coalesce(length_s.over(order_by=order, rows=(None, -1)), 0.0).label("before_s"),
            unknown.over(order_by=order, rows=(None, -1)).label("unknown"),
        )
        .where(Job.lane == lane, *IS_IN_LINE)
        .order_by(*order)
        .limit(settings.queue_positions_max)
        .subquery()
    )
    return select(line.c.id, line.c.position, line.c.before_s, line.c.unknown).where(line.c.id.in_(job_ids))


async def _left_in(session: ReadSession, lane: Lane, usual: dict[JobKind, float]) -> list[float | None]:
    """The remaining time of each running job of a lane."""
    now = (await session.execute(select(func.now()))).scalar_one()
    running = await session.scalars(select(Job).where(Job.lane == lane, IS_RUNNING))
    return [_left_s(job, usual, (now - job.started_at).total_seconds() if job.started_at else 0) for job in running]


def _left_s(job: Job, usual: dict[JobKind, float], spent_s: float) -> float | None:
    """The remaining time of a running job: its own estimate, or the usual length of its kind."""
    if job.eta_s is not None:
        return job.eta_s
    return max(0.0, usual[job.kind] - spent_s) if job.kind in usual else None


async def _usual_s(session: ReadSession, kinds: Sequence[JobKind]) -> dict[JobKind, float]:
    """The median length of the last few finished jobs, by kind; kinds without any are left out."""
    usual = {}
    for kind in kinds:
        length = cast(extract("epoch", Job.finished_at - Job.started_at), Float).label("length_s")
        last = select(length).where(Job.kind == kind, Job.state == JobState.DONE, Job.started_at.is_not(None))
        few = last.order_by(Job.id.desc()).limit(settings.queue_jobs_remembered_max).subquery()
        median = await session.scalar(select(func.percentile_cont(0.5).within_group(few.c.length_s)))
        if median is not None:
            usual[kind] = float(median)
    return usual
