"""A job goes on unless what it was given is at fault; whose fault an error is follows from what the system says."""

import asyncio
import errno

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, InternalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import Busy, Conflict, Invalid, LimitReached, NotFound, RateLimited, TimedOut, Unavailable
from app.gateways import storage
from app.gateways.outside import Outage
from app.models.kinds import JobKind
from app.models.kinds.mapping import MappingJob
from app.models.system import JobState
from app.services.system import jobs as jobs_service
from app.settings import settings
from jobs import worker  # noqa: F401 -- registers all jobs
from jobs.broker import WORKS
from jobs.engine import EngineDied, EngineFailure
from jobs.faults import Fault, fault_of
from jobs.run import Work, attempt, carry_out
from tests import factories


def said(state: str) -> DBAPIError:
    """What SQLAlchemy raises for a SQLSTATE."""
    return InternalError("SELECT 1", {}, psycopg.errors.lookup(state)("it says"))


def numbered(number: int) -> OSError:
    return OSError(number, "it says")


TRANSIENT = {
    "08006": "the connection failed",
    "25006": "read-only",
    "25P03": "idle in transaction",
    "25P02": None,
    "40001": "serialization",
    "40P01": "deadlock",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "55P03": "lock not available",
    "57P01": "admin shutdown",
    "57P02": "crash shutdown",
    "57P03": "cannot connect now",
    "58030": "I/O error",
}
MACHINE = [
    *(said(state) for state, why in TRANSIENT.items() if why),
    *(numbered(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENOMEM)),
    *(Busy(), PoolTimeout(), MemoryError(), Unavailable("The file storage is not available now. Try again later.")),
    psycopg.OperationalError("the connection is closed"),
]
UNKNOWN = [
    *(Outage("The map", "answered 503", heals=True), TimedOut("slow"), RateLimited("often", retry_after=1)),
    *(EngineDied(), KeyError("a mistake of ours"), said("57014"), said("25P02"), said("42P01"), said("54001")),
    OSError("cannot identify image file"),
]
INPUT = [
    Outage("The map", "answered 404", heals=False),
    *(EngineFailure("No label lies on the imagery."), Invalid("file", "No."), NotFound("No."), Conflict("No.")),
    LimitReached("No.", limit=1),
    ExceptionGroup("several", [Busy(), Invalid("file", "No.")]),
]
CASES = [(error, Fault.MACHINE) for error in MACHINE]
CASES += [(error, Fault.UNKNOWN) for error in UNKNOWN] + [(error, Fault.INPUT) for error in INPUT]


@pytest.mark.parametrize(("error", "fault"), CASES, ids=lambda case: repr(case)[:60])
def test_whose_fault_it_is(error, fault):
    assert fault_of(error) is fault


async def failed(session, subject_id, reason):
    """Nobody has to know."""


async def outcomes(database, error, kind, found):
    """The job after an attempt that ended so."""

    async def do(run):
        raise error

    job = await factories.job(database, kind=kind)
    await attempt(database, Work(kind, do, failed), job.id, asyncio.Event())
    return await found(job)


@pytest.mark.parametrize("kind", JobKind)
async def test_every_kind_of_job_goes_on_unless_its_input_is_at_fault(kind, database, found):
    assert kind in WORKS
    cases = ((Busy(), Fault.MACHINE), (KeyError("ours"), Fault.UNKNOWN), (Invalid("file", "No."), Fault.INPUT))
    for error, fault in cases:
        after = await outcomes(database, error, kind, found)
        expected = {
            Fault.MACHINE: (JobState.QUEUED, 0, 1),
            Fault.UNKNOWN: (JobState.QUEUED, 1, 0),
            Fault.INPUT: (JobState.FAILED, 1, 0),
        }
        assert (after.state, after.attempt, after.setbacks) == expected[fault]


async def test_a_machine_that_never_recovers_ends_the_job_at_last(database, found):
    async def do(run):
        raise numbered(errno.ENOSPC)

    job = await factories.job(database, setbacks=settings.job_setbacks_max)
    await attempt(database, Work(MappingJob.TRAIN, do, failed), job.id, asyncio.Event())
    assert (await found(job)).state is JobState.FAILED


async def test_a_session_that_the_server_ended_puts_the_job_off(database, found):
    async def do(run):
        async with run.database.writing() as session:
            connection = await session.connection()
            await connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
            await asyncio.sleep(0.3)
            await connection.exec_driver_sql("SELECT 1")

    job = await factories.job(database)
    await attempt(database, Work(MappingJob.TRAIN, do, failed), job.id, asyncio.Event())
    after = await found(job)
    assert (after.state, after.attempt, after.setbacks) == (JobState.QUEUED, 0, 1)


async def test_storage_that_is_away_puts_the_job_off(database, found, monkeypatch, tmp_path):
    (tmp_path / "files").write_text("no folder")
    monkeypatch.setattr(settings, "home", tmp_path)

    async def do(run):
        await storage.put("here/there", b"content")

    job = await factories.job(database)
    await attempt(database, Work(MappingJob.TRAIN, do, failed), job.id, asyncio.Event())
    assert ((await found(job)).state, (await found(job)).setbacks) == (JobState.QUEUED, 1)


async def test_the_outcome_is_written_though_the_database_is_away_for_a_moment(database, found, monkeypatch):
    begun, away = database.writing, 2

    def writing():
        nonlocal away
        if away:
            away -= 1
            raise Busy
        return begun()

    async def do(run):
        monkeypatch.setattr(database, "writing", writing)
        raise Invalid("file", "There is nothing in it.")

    job = await factories.job(database)
    await attempt(database, Work(MappingJob.TRAIN, do, failed), job.id, asyncio.Event())
    assert ((await found(job)).state, (await found(job)).error) == (JobState.FAILED, "There is nothing in it.")


async def test_jobs_during_which_workers_died_go_one_at_a_time(database, found):
    inside, most = 0, 0

    async def do(run):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.3)
        inside -= 1
        async with run.ending():
            pass

    suspects, work = asyncio.Lock(), Work(MappingJob.TRAIN, do, failed)
    jobs = [await factories.job(database, deaths=2) for _ in range(3)]

    async def once(job):
        async with database.writing() as session:
            claim = await jobs_service.begin(session, job.id)
        await carry_out(database, work, claim, asyncio.Event(), suspects)

    await asyncio.gather(*(once(job) for job in jobs))
    states = [(await found(job)).state for job in jobs]
    assert (most, states.count(JobState.DONE), states.count(JobState.QUEUED)) == (1, 1, 2)
    assert {(await found(job)).attempt for job in jobs} == {0, 1}
