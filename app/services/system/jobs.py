"""The lifecycle of a job: started under a lease, protected by a fence, ended once.

Each start of a job gets a fence, a rising number. Every later write names it and has no effect once the job was given
to another worker, so a slow worker cannot overwrite its successor.

A lease is a value that its holder changes with every heartbeat. Whoever sees the same value for the length of a lease,
by its own monotonic clock, may take the job over: no wall clock is involved. Clocks only decide how long a job is
delayed after a failure, and a job that seems delayed for longer than any delay may start now.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Interval,
    Select,
    Update,
    and_,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
    update,
)

from app.database import ReadSession, WriteSession
from app.errors import Conflict
from app.models.kinds import JobKind, Lane
from app.models.system import Job, JobState
from app.postgres.prepared import compiled, parameter
from app.postgres.reader import ReadRows
from app.queue import IS_QUEUED, IS_RUNNING, next_turn
from app.settings import settings

CANCELLED = "Cancelled."
WORKER_STOPPED = "The worker stopped. This will be retried."
PUT_OFF_S_MAX = 1_800.0
PROGRESS_DECIMALS, ETA_DECIMALS = 4, 1


class LeaseLost(Exception):
    """The job was given to another worker, or has ended; the old holder stops and writes nothing."""


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
    deaths: int = 0
    setbacks: int = 0


@dataclass(frozen=True)
class Standing:
    """How a job stands now, as in its last event; `progress` from 0 to 1."""

    progress: float = 0.0
    stage: str | None = None
    message: str | None = None
    eta_s: float | None = None

    def __post_init__(self) -> None:
        """Rounds: nobody reads a tenth of a per mille, nor a thousandth of a second."""
        object.__setattr__(self, "progress", round(self.progress, PROGRESS_DECIMALS))
        object.__setattr__(self, "eta_s", None if self.eta_s is None else round(self.eta_s, ETA_DECIMALS))


@dataclass(frozen=True)
class Progress(Standing):
    """A job's progress, as its attempt reports it."""

    progress: float
    stage: str
    message: str
    eta_s: float | None = None


Ending = Callable[[WriteSession, int, JobState], Awaitable[None]]
_endings: list[Ending] = []


def on_end(ending: Ending) -> Ending:
    """Registers what another domain does when a job ends, in the transaction that ends it: once, and for good."""
    _endings.append(ending)
    return ending


async def _ended(session: WriteSession, job_id: int, state: JobState) -> None:
    for ending in _endings:
        await ending(session, job_id, state)


class Lease(NamedTuple):
    """The visible state of a lease; another heartbeat makes another lease."""

    job_id: int
    fence: int
    until: datetime | None


def _in(seconds: float) -> ColumnElement[datetime]:
    return func.now() + literal(timedelta(seconds=seconds), Interval)


def pause_s(times: int) -> float:
    """The delay after a number of failures in a row: none after the first, then longer each time."""
    return 0.0 if times <= 1 else min(settings.job_pause_s * 2.0 ** min(times - 1, 30), settings.job_pause_s_max)


def _held(claim: Claim) -> Update:
    return update(Job).where(Job.id == claim.job_id, Job.fence == claim.fence, Job.state == JobState.RUNNING)


# A clock set back would hold back whatever is due by it: jobs never delayed, and the rest for long.
_is_due = or_(Job.available_at <= func.now(), Job.error.is_(None), Job.available_at > _in(PUT_OFF_S_MAX))
_is_free = and_(IS_QUEUED, _is_due)

# Jobs of another version of this program are left to that version.
_is_known = Job.kind.in_(list(JobKind))


async def begin(session: WriteSession, job_id: int) -> Claim | None:
    """Claims a job, if it is free and has an attempt left. Only one of several claimants gets it."""
    row = (
        await session.execute(
            update(Job)
            .where(Job.id == job_id, _is_free, Job.attempt < Job.attempts_max, Job.cancel_requested.is_(False))
            .values(
                state=JobState.RUNNING,
                attempt=Job.attempt + 1,
                fence=Job.fence + 1,
                lease_until=_in(settings.job_lease_s),
                started_at=func.coalesce(Job.started_at, func.now()),
            )
            .returning(
                Job.id,
                Job.kind,
                Job.account_key,
                Job.subject_id,
                Job.fence,
                Job.attempt,
                Job.attempts_max,
                Job.deaths,
                Job.setbacks,
            )
        )
    ).one_or_none()
    return None if row is None else Claim(*row)


async def to_begin(session: ReadSession, lanes: Sequence[Lane], kinds: Sequence[JobKind]) -> list[Lane]:
    """The lanes of these in which a job of these kinds waits to be begun; the first one of each tells."""
    # In the order of the index, so that no job but the first of a lane is read.
    firsts = [_waiting(lane, kinds).with_only_columns(Job.lane).limit(1).subquery() for lane in lanes]
    return list(await session.scalars(union_all(*map(select, firsts)))) if firsts else []


def _waiting(lane: Lane, kinds: Sequence[JobKind]) -> Select[int]:
    """The jobs of a lane that may begin, in their turns."""
    may = (_is_free, Job.attempt < Job.attempts_max, Job.cancel_requested.is_(False), Job.kind.in_(kinds))
    return select(Job.id).where(Job.lane == lane, *may).order_by(Job.turn, Job.id)


async def begin_next(
    session: WriteSession, lane: Lane, kinds: Sequence[JobKind], *, without: Sequence[int] = ()
) -> Claim | None:
    """Claims the next job of a lane, among these kinds and not of these accounts."""
    # A lost worker's job comes first: it has kept its turn, which is over.
    waiting = _waiting(lane, kinds).where(Job.account_key.not_in(without))
    first = waiting.limit(1).with_for_update(skip_locked=True)
    job_id = await session.scalar(first)
    return None if job_id is None else await begin(session, job_id)


async def beat(session: WriteSession, claim: Claim) -> bool:
    """Renews the lease; returns whether cancellation was requested."""
    cancel_requested: bool | None = await session.scalar(
        _held(claim).values(lease_until=_in(settings.job_lease_s)).returning(Job.cancel_requested)
    )
    if cancel_requested is None:
        raise LeaseLost
    return cancel_requested


async def hold(session: WriteSession, claim: Claim) -> None:
    """Locks the job for this transaction, so that only its current holder writes."""
    held = select(Job.id).where(Job.id == claim.job_id, Job.fence == claim.fence, Job.state == JobState.RUNNING)
    if await session.scalar(held.with_for_update()) is None:
        raise LeaseLost


async def report(session: WriteSession, claim: Claim, progress: Progress) -> None:
    """Writes the job's progress."""
    if await session.scalar(_held(claim).values(**asdict(progress)).returning(Job.id)) is None:
        raise LeaseLost


_STANDING = compiled(
    select(Job.progress, Job.stage, Job.message, Job.eta_s).where(Job.id == parameter("job", BigInteger()))
)


async def standing(read: ReadRows, job_id: int | None, *, is_done: bool) -> Standing:
    """How a job stands; of a job that was removed only whether it is done is known.

    Its events go to whoever sees its subject, so this does, too.
    """
    if job_id is not None:
        for progress, *rest in await read(_STANDING.sql, _STANDING.bind({"job": b"%d" % job_id})):
            return Standing(1.0 if is_done else progress, *rest)
    return Standing(progress=1.0 if is_done else 0.0)


async def end(session: WriteSession, claim: Claim, state: JobState, error: str | None = None) -> None:
    """Ends the job, once."""
    progress = 1.0 if state is JobState.DONE else Job.progress
    ended = _held(claim).values(
        state=state, error=error, progress=progress, eta_s=None, lease_until=None, finished_at=func.now()
    )
    if await session.scalar(ended.returning(Job.id)) is None:
        raise LeaseLost
    await _ended(session, claim.job_id, state)


async def try_later(session: WriteSession, claim: Claim, *, after_s: float, error: str) -> None:
    """Queues the job again after a transient failure, for its account's next turn."""
    put_off = _held(claim).values(
        state=JobState.QUEUED,
        turn=await next_turn(session, claim.kind.lane, claim.account_key),
        available_at=_in(after_s),
        lease_until=None,
        error=error,
        eta_s=None,
    )
    await session.execute(put_off)


async def set_back(session: WriteSession, claim: Claim, *, error: str) -> None:
    """Queues the job again after a failure of the machine, which costs no attempt."""
    put_off = _held(claim).values(
        state=JobState.QUEUED,
        attempt=Job.attempt - 1,
        setbacks=claim.setbacks + 1,
        available_at=_in(max(settings.job_pause_s, pause_s(claim.setbacks + 1))),
        lease_until=None,
        error=error,
        eta_s=None,
    )
    await session.execute(put_off)


async def got_on(session: WriteSession, claim: Claim) -> Claim:
    """Records that a part of the work is saved: earlier failures no longer count. Returns the current claim."""
    anew = _held(claim).values(attempt=1, deaths=0, setbacks=0)
    if await session.scalar(anew.returning(Job.id)) is None:
        raise LeaseLost
    return replace(claim, attempt=1, deaths=0, setbacks=0)


async def return_unfinished(session: WriteSession, claim: Claim, *, after_s: float | None = None) -> None:
    """Returns the job, optionally with a delay, because the worker cannot do it; this costs no attempt."""
    back = _held(claim).values(state=JobState.QUEUED, attempt=Job.attempt - 1, lease_until=None, eta_s=None)
    await session.execute(back if after_s is None else back.values(available_at=_in(after_s)))


async def rest(session: WriteSession, claim: Claim) -> None:
    """Queues the rest of a job for its account's next turn; a part is done, so its attempts start again."""
    left = _held(claim).values(
        state=JobState.QUEUED,
        turn=await next_turn(session, claim.kind.lane, claim.account_key),
        attempt=0,
        deaths=0,
        setbacks=0,
        available_at=func.now(),
        lease_until=None,
        error=None,
        eta_s=None,
    )
    if await session.scalar(left.returning(Job.id)) is None:
        raise LeaseLost


async def cancel(session: WriteSession, job_id: int) -> bool:
    """Requests cancellation; returns whether the job has ended, since nobody had started it. Conflict once over."""
    job = await session.get_one(Job, job_id, with_for_update=True)
    if job.state not in {JobState.QUEUED, JobState.RUNNING}:
        raise Conflict("This has already ended.")
    job.cancel_requested = True
    if job.state is JobState.RUNNING:
        return False
    await session.execute(
        update(Job).where(Job.id == job_id).values(state=JobState.CANCELLED, finished_at=func.now(), eta_s=None)
    )
    await _ended(session, job_id, JobState.CANCELLED)
    return True


async def leases(session: ReadSession) -> Sequence[Lease]:
    """The leases of all running jobs, as last renewed."""
    held = select(Job.id, Job.fence, Job.lease_until).where(IS_RUNNING, _is_known)
    return [Lease(*row) for row in await session.execute(held)]


async def release(session: WriteSession, dead: Sequence[Lease]) -> int:
    """Takes jobs from workers that died, and queues them again; returns how many.

    Deaths are counted separately from attempts: usually the job did not kill the worker. After the first death the job
    may start at once, then with longer delays, so that one that does kill workers meets few.
    """
    is_dead = tuple_(Job.id, Job.fence, Job.lease_until).in_(dead)
    held = select(Job).where(Job.state == JobState.RUNNING, is_dead, _is_known)
    jobs = (await session.scalars(held.order_by(Job.id).with_for_update(skip_locked=True))).all()
    for job in jobs:
        job.state, job.attempt, job.deaths = JobState.QUEUED, max(0, job.attempt - 1), job.deaths + 1
        job.error = WORKER_STOPPED
        job.available_at = await session.scalar(select(_in(pause_s(job.deaths)))) or job.available_at
        job.lease_until = job.eta_s = None
    await session.flush()
    return len(jobs)


async def abandon(session: WriteSession) -> Sequence[Job]:
    """Ends waiting jobs that may not start again; returns them, already ended."""
    killed = Job.deaths >= settings.job_deaths_max
    hopeless = or_(Job.attempt >= Job.attempts_max, Job.cancel_requested, killed)
    waiting = select(Job).where(IS_QUEUED, hopeless, _is_known)
    jobs = (await session.scalars(waiting.order_by(Job.id).limit(100).with_for_update(skip_locked=True))).all()
    for job in jobs:
        job.state = JobState.CANCELLED if job.cancel_requested else JobState.FAILED
        job.error = CANCELLED if job.cancel_requested else _hopelessness(job)
        job.eta_s = None
        job.finished_at = await session.scalar(select(func.now()))
    await session.flush()
    for job in jobs:
        await _ended(session, job.id, job.state)
    return jobs


def _hopelessness(job: Job) -> str:
    if job.deaths >= settings.job_deaths_max:
        return f"The worker stopped {job.deaths} times while it worked on this."
    return job.error or "The maximum number of attempts was reached."


async def unknown(session: ReadSession) -> int:
    """The number of unfinished jobs of kinds that only another version of this program knows."""
    kinds = select(func.count()).select_from(Job).where(Job.state.in_((JobState.QUEUED, JobState.RUNNING)), ~_is_known)
    return (await session.execute(kinds)).scalar_one()
