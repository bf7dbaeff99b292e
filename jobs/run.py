"""One attempt at a job: its lease renewed, its progress published, its end written once."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app import events
from app.database import Database, WriteSession, part
from app.errors import DomainError
from app.models.kinds import JobKind
from app.models.system import JobState
from app.services.system import jobs
from app.services.system.jobs import CANCELLED, Claim, LeaseLost, Progress
from app.settings import settings
from app.supervision import within
from app.telemetry import tracing
from jobs.faults import Fault, fault_of

log = structlog.get_logger()
# Whoever cancels waits for a beat and a look at most: less than a second.
BEAT_S = 0.5
LOOK_S = 0.2
RETRY_S = 5.0
ASKED_S_MAX = 3_600.0
SUSPECT_DEATHS_MIN = 2


class Stopped(Exception):
    """The attempt ends early: somebody cancelled the job, or the worker leaves."""


@dataclass(frozen=True)
class Work:
    """What is to be done for a kind of job, and what to write when it fails for good."""

    kind: JobKind
    do: Callable[["JobRun"], Awaitable[None]]
    failed: Callable[[WriteSession, int, str], Awaitable[None]]

    async def give_up(self, session: WriteSession, subject_id: int, reason: str) -> None:
        """Writes what the subject becomes. One that is gone, or a mistake in `failed`, does not keep the job alive."""
        try:
            async with part(session):
                await self.failed(session, subject_id, reason)
        except Exception as error:
            if fault_of(error) is Fault.MACHINE:
                raise
            log.exception("failure not reported", kind=self.kind.value, subject=subject_id)


@dataclass
class JobRun:
    """An attempt, as the job's own code sees it."""

    database: Database
    claim: Claim
    leaving: asyncio.Event
    is_cancelled: bool = False
    is_lost: bool = False
    _reported: float = field(default=-math.inf, init=False)

    @property
    def is_over(self) -> bool:
        """Whether to stop: cancelled, given to another, or the worker leaves."""
        return self.is_cancelled or self.is_lost or self.leaving.is_set()

    def go_on(self) -> None:
        """Passes while there is reason to continue."""
        if self.is_over:
            raise Stopped

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[WriteSession]:
        """A transaction that commits only while this attempt holds the job."""
        async with self.database.writing() as session:
            await jobs.hold(session, self.claim)
            yield session

    @asynccontextmanager
    async def ending(self) -> AsyncIterator[WriteSession]:
        """The transaction that writes the result and with it the job's end."""
        async with self.writing() as session:
            yield session
            await jobs.end(session, self.claim, JobState.DONE)

    @asynccontextmanager
    async def ending_slowly(self) -> AsyncIterator[WriteSession]:
        """The same for what may take minutes: the job is locked only at its end, or its lease could not be renewed."""
        async with self.database.writing(s_max=settings.long_transaction_s_max) as session:
            yield session
            await jobs.end(session, self.claim, JobState.DONE)

    async def hold(self, session: WriteSession) -> None:
        """Locks the job for the rest of a transaction that ends it slowly, before rows that are locked after it."""
        await jobs.hold(session, self.claim)

    @asynccontextmanager
    async def resting(self) -> AsyncIterator[WriteSession]:
        """The transaction that writes a part of the result; the rest is for later, when others had their turn."""
        async with self.writing() as session:
            yield session
            await jobs.rest(session, self.claim)

    async def got_on(self) -> None:
        """Notes that a part of the work is safe, whatever becomes of this attempt."""
        async with self.database.writing() as session:
            self.claim = await jobs.got_on(session, self.claim)

    async def report(self, progress: Progress, *, topic: str, epoch: dict[str, object] | None = None) -> None:
        """Tells how far it is; what comes too fast for the eye is left out, but never an epoch."""
        now = time.monotonic()
        if epoch is None and now - self._reported < settings.job_progress_s:
            return
        self._reported = now
        async with self.writing() as session:
            await jobs.report(session, self.claim, progress)
            events.record(session, topic, {**asdict(progress), **({"epoch": epoch} if epoch else {})})

    async def keep_lease(self) -> None:
        """Renews the lease until cancelled; a lease that cannot be renewed in time is lost."""
        renewed = time.monotonic()
        while not self.is_lost:
            await asyncio.sleep(min(BEAT_S, settings.job_lease_s / 4))
            # The lease ends so long after it was asked for, whenever the answer comes.
            begun, left_s = time.monotonic(), settings.job_lease_s - (time.monotonic() - renewed)
            try:
                self.is_cancelled = await within(max(0, min(left_s, settings.background_silence_s_max)), self._beat())
                renewed = begun
            except LeaseLost:
                self.is_lost = True
            except (SQLAlchemyError, DomainError, OSError) as error:
                log.warning("lease not renewed", job=self.claim.job_id, error=str(error))
                self.is_lost = time.monotonic() - renewed > settings.job_lease_s

    async def _beat(self) -> bool:
        async with self.database.writing() as session:
            return await jobs.beat(session, self.claim)


async def attempt(database: Database, work: Work, job_id: int, leaving: asyncio.Event) -> None:
    """Works on a job, if it is there to be worked on, and writes how that ended."""
    async with database.writing() as session:
        claim = await jobs.begin(session, job_id)
    if claim is not None:
        await carry_out(database, work, claim, leaving)


async def carry_out(
    database: Database, work: Work, claim: Claim, leaving: asyncio.Event, suspects: asyncio.Lock | None = None
) -> None:
    """Works on a job that was begun, and writes how that ended.

    Jobs during which several workers died go one at a time, under the lock that is given: so the one that kills meets
    the others no more.
    """
    run = JobRun(database, claim, leaving)
    if suspects is None or claim.deaths < SUSPECT_DEATHS_MIN:
        await _attempt(run, work)
    elif suspects.locked():
        async with database.writing() as session:
            await jobs.return_unfinished(session, claim, after_s=RETRY_S)
    else:
        async with suspects:
            await _attempt(run, work)


async def _attempt(run: JobRun, work: Work) -> None:
    claim = run.claim
    lease = asyncio.create_task(run.keep_lease())
    structlog.contextvars.bind_contextvars(job=claim.job_id, kind=work.kind.value, attempt=claim.attempt)
    started = time.monotonic()
    try:
        with tracing.span(f"job {work.kind.value}", job=claim.job_id, attempt=claim.attempt):
            if trace_id := tracing.trace_id():
                structlog.contextvars.bind_contextvars(trace_id=trace_id)
            outcome = await _outcome(run, work)
    finally:
        lease.cancel()
        await asyncio.gather(lease, return_exceptions=True)
    log.info("job attempted", outcome=outcome, duration_s=round(time.monotonic() - started, 3))


async def _outcome(run: JobRun, work: Work) -> str:
    try:
        await _do(run, work)
    except LeaseLost:
        return "lost to another worker"
    except Stopped:
        return await _written(run, _stopped(run, work))
    except Exception as error:
        if not isinstance(error, DomainError):
            log.exception("job broke")
        return await _written(run, _broken(run, work, error))
    return "done"


async def _written(run: JobRun, outcome: Callable[[], Awaitable[str]]) -> str:
    """Writes how the attempt ended, also when the database was what ended it: as long as the lease is held."""
    while not run.is_lost:
        try:
            return await outcome()
        except LeaseLost:
            break
        except Exception as error:
            if fault_of(error) is not Fault.MACHINE:
                raise
            log.warning("outcome not written yet", job=run.claim.job_id, error=str(error))
        await asyncio.sleep(BEAT_S)
    return "lost to another worker"


async def _do(run: JobRun, work: Work) -> None:
    """Does the work; stops it where it stands when there is no reason to go on."""
    doing = asyncio.ensure_future(work.do(run))
    try:
        while not (run.is_over or doing.done()):
            await asyncio.wait({doing}, timeout=LOOK_S)
    finally:
        doing.cancel()
    try:
        await doing
    except asyncio.CancelledError:
        run.go_on()
        raise


def _stopped(run: JobRun, work: Work) -> Callable[[], Awaitable[str]]:
    if run.is_cancelled:
        return partial(_failed, run, work, CANCELLED, JobState.CANCELLED)
    return partial(_handed_back, run)


def _broken(run: JobRun, work: Work, error: Exception) -> Callable[[], Awaitable[str]]:
    """What becomes of a job after an error: it goes on unless the input is at fault, or it was tried often enough."""
    claim, fault = run.claim, fault_of(error)
    ours = f"Internal error (job {claim.job_id}). Try again, or report this number."
    reason = error.message if isinstance(error, DomainError) else ours
    if fault is Fault.MACHINE and claim.setbacks < settings.job_setbacks_max:
        return partial(_set_back, run, reason)
    if fault is Fault.UNKNOWN and claim.attempt < claim.attempts_max:
        return partial(_later, run, reason, getattr(error, "retry_after_s", None) or 0.0)
    return partial(_failed, run, work, reason)


async def _handed_back(run: JobRun) -> str:
    async with run.database.writing() as session:
        await jobs.return_unfinished(session, run.claim)
    return "handed back"


async def _set_back(run: JobRun, reason: str) -> str:
    async with run.database.writing() as session:
        await jobs.set_back(session, run.claim, error=reason)
    return "to be tried again when the machine can"


async def _later(run: JobRun, reason: str, asked_s: float) -> str:
    # Another server may ask for a longer pause than ours.
    after_s = max(RETRY_S * 2**run.claim.attempt, min(asked_s, ASKED_S_MAX))
    async with run.database.writing() as session:
        await jobs.try_later(session, run.claim, after_s=after_s, error=reason)
    return "to be tried again"


async def _failed(run: JobRun, work: Work, reason: str, state: JobState = JobState.FAILED) -> str:
    async with run.writing() as session:
        await work.give_up(session, run.claim.subject_id, reason)
        await jobs.end(session, run.claim, state, reason)
    return "cancelled" if state is JobState.CANCELLED else f"failed: {reason}"
