"""How long what is queued will have to wait, told from how long its like took lately."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Float, cast, extract, func, select

from app.database import ReadSession
from app.models import Job, JobKind, JobState
from app.settings import settings

# These wait for one another: each keeps a core busy, and a worker takes on few at a time.
HEAVY = (JobKind.TRAIN, JobKind.PREDICT)


@dataclass(frozen=True)
class Turn:
    """When a job's turn comes: 1 is next. Null where that cannot be known."""

    position: int | None
    wait_s: float | None


@dataclass(frozen=True)
class QueueLoad:
    """How much there is to do of one kind of work, and how long it took lately."""

    kind: JobKind
    queued: int
    running: int
    usual_s: float | None


NO_TURN = Turn(None, None)


async def queue_loads(session: ReadSession) -> list[QueueLoad]:
    """All kinds of heavy work."""
    usual = await _usual_s(session)
    counted = select(Job.kind, Job.state, func.count()).where(
        Job.kind.in_(HEAVY), Job.state.in_((JobState.QUEUED, JobState.RUNNING))
    )
    counts = {
        (kind, state): count for kind, state, count in await session.execute(counted.group_by(Job.kind, Job.state))
    }
    return [
        QueueLoad(
            kind, counts.get((kind, JobState.QUEUED), 0), counts.get((kind, JobState.RUNNING), 0), usual.get(kind)
        )
        for kind in HEAVY
    ]


async def turns(session: ReadSession, job_ids: Sequence[int]) -> dict[int, Turn]:
    """The turns of jobs by their ids; those that do not wait, or are not heavy, have none."""
    unfinished = select(Job).where(Job.kind.in_(HEAVY), Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
    jobs = (await session.scalars(unfinished.order_by(Job.id))).all()
    queued = [job for job in jobs if job.state is JobState.QUEUED]
    if not set(job_ids) & {job.id for job in queued}:
        return {}
    running = [job for job in jobs if job.state is JobState.RUNNING]
    usual, now = await _usual_s(session), (await session.execute(select(func.now()))).scalar_one()
    left = [_left_s(job, usual, (now - job.started_at).total_seconds() if job.started_at else 0) for job in running]
    found = {}
    for place, job in enumerate(queued):
        before = [*left, *(usual.get(other.kind) for other in queued[:place])]
        known = [each for each in before if each is not None]
        # Where nothing runs, nobody may be there to work; where something's length is unknown, so is the sum's.
        is_known = running and len(known) == len(before)
        found[job.id] = Turn(place + 1, round(sum(known) / len(running), 1) if is_known else None)
    return {id: found[id] for id in job_ids if id in found}


def _left_s(job: Job, usual: dict[JobKind, float], spent_s: float) -> float | None:
    """How long a job that runs will run still: what it says itself, else what its like usually take."""
    if job.eta_s is not None:
        return job.eta_s
    return max(0.0, usual[job.kind] - spent_s) if job.kind in usual else None


async def _usual_s(session: ReadSession) -> dict[JobKind, float]:
    """The median length of the last few jobs that were done, by kind; nothing for a kind that has none."""
    usual = {}
    for kind in HEAVY:
        length = cast(extract("epoch", Job.finished_at - Job.started_at), Float).label("length_s")
        last = select(length).where(Job.kind == kind, Job.state == JobState.DONE, Job.started_at.is_not(None))
        few = last.order_by(Job.id.desc()).limit(settings.queue_jobs_remembered_max).subquery()
        median = await session.scalar(select(func.percentile_cont(0.5).within_group(few.c.length_s)))
        if median is not None:
            usual[kind] = float(median)
    return usual
