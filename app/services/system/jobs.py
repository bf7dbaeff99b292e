"""The life of a job: begun under a lease, held by a fence, ended once.

Whoever begins a job gets a fence, a number that rises with each beginning. Every later write names it and changes
nothing once the job has been given to another, so a worker that was only slow cannot overwrite its successor.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Interval, Select, Update, and_, func, literal, or_, select, update

from app.database import WriteSession
from app.errors import Conflict
from app.models import Job, JobKind, JobState, Lane
from app.queue import IS_QUEUED, IS_RUNNING, next_turn
from app.settings import settings

CANCELLED = "Cancelled."


class LeaseLost(Exception):
    """The job was given to another worker, or has ended; whoever held it stops and writes nothing."""


@dataclass(frozen=True)
class Claim:
    """The right to work on a job."""

    job_id: int
    kind: JobKind
    account_key: int
    subject_id: int
    fence: int
    attempt: int
    attempts_max: int


@dataclass(frozen=True)
class Progress:
    """How far a job is; `progress` from 0 to 1."""

    progress: float
    stage: str
    message: str
    eta_s: float | None = None


def _lease_end() -> ColumnElement[datetime]:
    return func.now() + literal(timedelta(seconds=settings.job_lease_s), Interval)


def _held(claim: Claim) -> Update:
    return update(Job).where(Job.id == claim.job_id, Job.fence == claim.fence, Job.state == JobState.RUNNING)


_is_free = or_(
    and_(Job.state == JobState.QUEUED, Job.available_at <= func.now()),
    and_(Job.state == JobState.RUNNING, Job.lease_until < func.now()),
)


async def begin(session: WriteSession, job_id: int) -> Claim | None:
    """The right to work on a job, if it is free and may be tried once more. Of many askers one gets it."""
    row = (
        await session.execute(
            update(Job)
            .where(Job.id == job_id, _is_free, Job.attempt < Job.attempts_max, Job.cancel_requested.is_(False))
            .values(
                state=JobState.RUNNING,
                attempt=Job.attempt + 1,
                fence=Job.fence + 1,
                lease_until=_lease_end(),
                started_at=func.coalesce(Job.started_at, func.now()),
            )
            .returning(Job.id, Job.kind, Job.account_key, Job.subject_id, Job.fence, Job.attempt, Job.attempts_max)
        )
    ).one_or_none()
    return None if row is None else Claim(*row)


async def begin_next(
    session: WriteSession, lane: Lane, kinds: Sequence[JobKind], *, without: Sequence[int] = ()
) -> Claim | None:
    """The right to work on the job of a lane whose turn it is, among these kinds and not of these accounts."""
    # What a lost worker had begun has had its turn already.
    for found in _whose_turn(lane, kinds, IS_RUNNING), _whose_turn(lane, kinds, IS_QUEUED, without):
        job_id = await session.scalar(found.limit(1).with_for_update(skip_locked=True))
        if job_id is not None:
            return await begin(session, job_id)
    return None


def _whose_turn(
    lane: Lane, kinds: Sequence[JobKind], state: ColumnElement[bool], without: Sequence[int] = ()
) -> Select[int]:
    may = (_is_free, Job.attempt < Job.attempts_max, Job.cancel_requested.is_(False), Job.kind.in_(kinds))
    waiting = select(Job.id).where(Job.lane == lane, state, *may, Job.account_key.not_in(without))
    return waiting.order_by(Job.turn, Job.id)


async def beat(session: WriteSession, claim: Claim) -> bool:
    """Renews the lease; answers whether somebody asked the job to stop."""
    asked: bool | None = await session.scalar(
        _held(claim).values(lease_until=_lease_end()).returning(Job.cancel_requested)
    )
    if asked is None:
        raise LeaseLost
    return asked


async def hold(session: WriteSession, claim: Claim) -> None:
    """Locks the job for this transaction, so that what it writes is written by its one holder."""
    held = select(Job.id).where(Job.id == claim.job_id, Job.fence == claim.fence, Job.state == JobState.RUNNING)
    if await session.scalar(held.with_for_update()) is None:
        raise LeaseLost


async def report(session: WriteSession, claim: Claim, progress: Progress) -> None:
    """Writes how far the job is."""
    if await session.scalar(_held(claim).values(**asdict(progress)).returning(Job.id)) is None:
        raise LeaseLost


async def end(session: WriteSession, claim: Claim, state: JobState, error: str | None = None) -> None:
    """Ends the job, once."""
    progress = 1.0 if state is JobState.DONE else Job.progress
    ended = _held(claim).values(
        state=state, error=error, progress=progress, eta_s=None, lease_until=None, finished_at=func.now()
    )
    if await session.scalar(ended.returning(Job.id)) is None:
        raise LeaseLost


async def try_later(session: WriteSession, claim: Claim, *, after_s: float, error: str) -> None:
    """Queues the job again after a failure that may heal, for its account's next turn: this one it has had."""
    later = func.now() + literal(timedelta(seconds=after_s), Interval)
    turn = await next_turn(session, claim.kind.lane, claim.account_key)
    await session.execute(
        _held(claim).values(
            state=JobState.QUEUED, turn=turn, available_at=later, lease_until=None, error=error, eta_s=None
        )
    )


async def return_unfinished(session: WriteSession, claim: Claim) -> None:
    """Hands the job back because the worker is asked to leave; that is not the job's fault and costs no attempt."""
    await session.execute(
        _held(claim).values(state=JobState.QUEUED, attempt=Job.attempt - 1, lease_until=None, eta_s=None)
    )


async def rest(session: WriteSession, claim: Claim) -> None:
    """Queues what is left of a job for its account's next turn; a part is done, so its attempts are counted anew."""
    left = _held(claim).values(
        state=JobState.QUEUED,
        turn=await next_turn(session, claim.kind.lane, claim.account_key),
        attempt=0,
        available_at=func.now(),
        lease_until=None,
        error=None,
        eta_s=None,
    )
    if await session.scalar(left.returning(Job.id)) is None:
        raise LeaseLost


async def cancel(session: WriteSession, job_id: int) -> bool:
    """Asks a job to stop; answers whether it has ended already, since nobody had begun it. Conflict once it is over."""
    job = await session.get_one(Job, job_id, with_for_update=True)
    if job.state not in {JobState.QUEUED, JobState.RUNNING}:
        raise Conflict("It has ended already.")
    job.cancel_requested = True
    if job.state is JobState.RUNNING:
        return False
    await session.execute(
        update(Job).where(Job.id == job_id).values(state=JobState.CANCELLED, finished_at=func.now(), eta_s=None)
    )
    return True


async def abandon(session: WriteSession) -> Sequence[Job]:
    """Ends the jobs nobody works on any more and nobody may begin again; answers with them, already ended."""
    hopeless = select(Job).where(_is_free, or_(Job.attempt >= Job.attempts_max, Job.cancel_requested))
    jobs = (await session.scalars(hopeless.limit(100).with_for_update(skip_locked=True))).all()
    for job in jobs:
        job.state = JobState.CANCELLED if job.cancel_requested else JobState.FAILED
        job.error = CANCELLED if job.cancel_requested else f"The worker stopped in the middle of attempt {job.attempt}."
        job.lease_until = job.eta_s = None
        job.finished_at = await session.scalar(select(func.now()))
    await session.flush()
    return jobs
