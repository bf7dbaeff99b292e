"""However an attempt at a job ends, it is written once, and in words."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, literal_column, select

from app import events
from app.errors import Busy, Conflict
from app.gateways.outside import Outage
from app.models.accounts import User
from app.models.kinds.mapping import MappingJob
from app.models.system import Event, Job, JobState
from app.services.system import jobs
from app.services.system.jobs import Progress
from app.settings import settings
from jobs import run as running
from jobs.run import JobRun, Work, attempt
from tests import factories

SUBJECT = 7
WAIT_S_MAX = 120


async def failed(session, subject_id, reason):
    """What a failure leaves at the subject: here, an event."""
    events.record(session, "failed", {"subject": subject_id, "reason": reason})


def work(do, failed=failed):
    return Work(MappingJob.FETCH_LABELS, do, failed)


def raising(error):
    async def do(run):
        raise error

    return work(do)


class Held:
    """Work that says when it has begun, and ends when it is let go."""

    def __init__(self):
        self.begun = asyncio.Event()
        self.let_go = asyncio.Event()
        self.undone = 0

    async def __call__(self, run: JobRun):
        self.begun.set()
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.undone += 1
            raise
        async with run.ending() as session:
            events.record(session, "done")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(running, "BEAT_S", 0.05)
    monkeypatch.setattr(running, "LOOK_S", 0.02)


@pytest.fixture
async def job(database):
    return await factories.job(database, kind=MappingJob.FETCH_LABELS, subject_id=SUBJECT, attempts_max=3)


@pytest.fixture
def leaving():
    return asyncio.Event()


@pytest.fixture
def told(database):
    """The events there are: topics and payloads."""

    async def told():
        async with database.reading() as session:
            return [tuple(row) for row in await session.execute(select(Event.topic, Event.payload).order_by(Event.id))]

    return told


@pytest.fixture
async def held(database, job, leaving):
    """The work of a job, in the middle of it, and the end of that attempt."""
    do = Held()
    task = asyncio.create_task(attempt(database, work(do), job.id, leaving))
    await do.begun.wait()
    yield do, asyncio.wait_for(asyncio.shield(task), WAIT_S_MAX)
    do.let_go.set()
    await task


async def test_the_result_and_the_end_are_written_together(database, job, leaving, found):
    async def do(run):
        async with run.ending() as session:
            events.record(session, "done")

    await attempt(database, work(do), job.id, leaving)
    assert (await found(job)).state is JobState.DONE
    assert await transactions(database, job) == 1


async def transactions(database, job):
    """How many transactions wrote the job's end and the events."""
    xmin = literal_column("jobs.xmin::text::bigint")
    async with database.reading() as session:
        ended = await session.scalar(select(xmin).where(Job.id == job.id))
        return len({ended, *await session.scalars(select(Event.xid))})


async def test_a_result_that_cannot_be_written_leaves_nothing_of_itself(database, job, leaving, found, told):
    async def do(run):
        async with run.ending() as session:
            events.record(session, "done")
            raise Conflict("There is another one already.")

    await attempt(database, work(do), job.id, leaving)
    assert (await found(job)).error == "There is another one already."
    assert [topic for topic, _ in await told()] == ["failed"]


async def test_what_nobody_foresaw_is_tried_again_and_then_fails_in_readable_words(
    database, job, leaving, found, told, change_job
):
    for number in (1, 2, 3):
        assert ((await found(job)).state, await told()) == (JobState.QUEUED, [])
        await change_job(job, available_at=Job.created_at)
        await attempt(database, raising(KeyError("the secret is 42")), job.id, leaving)
        assert (await found(job)).attempt == number
    ended = await found(job)
    assert ended.state is JobState.FAILED
    assert ended.error == f"Internal error (job {job.id}). Try again, or report this number."
    assert await told() == [("failed", {"subject": SUBJECT, "reason": ended.error})]
    assert await transactions(database, job) == 1


async def test_a_mistake_in_telling_the_failure_does_not_keep_the_job(database, job, leaving, found, told):
    async def mistaken(session, subject_id, reason):
        events.record(session, "half told")
        await session.get_one(User, subject_id)

    async def do(run):
        raise Conflict("It does not fit.")

    await attempt(database, work(do, mistaken), job.id, leaving)
    ended = await found(job)
    assert (ended.state, ended.error) == (JobState.FAILED, "It does not fit.")
    assert await told() == []


async def wait_of(database, job):
    """How long a job has to wait until it may be begun again."""
    async with database.reading() as session:
        return await session.scalar(select(Job.available_at - func.now()).where(Job.id == job.id))


async def test_an_outage_that_heals_is_tried_again_ever_later_and_then_fails(
    database, job, leaving, found, told, change_job, monkeypatch
):
    monkeypatch.setattr(running, "RETRY_S", 100)
    busy = raising(Outage("The map", "answered 503", heals=True, status=503))
    for number in (1, 2):
        await attempt(database, busy, job.id, leaving)
        waiting = await found(job)
        assert (waiting.state, waiting.attempt, waiting.error) == (JobState.QUEUED, number, "The map answered 503.")
        wait = await wait_of(database, job)
        assert timedelta(seconds=100 * 2**number - 50) < wait <= timedelta(seconds=100 * 2**number)
        assert await told() == []
        await change_job(job, available_at=datetime.now(UTC) - timedelta(seconds=1))
    await attempt(database, busy, job.id, leaving)
    ended = await found(job)
    assert (ended.state, ended.attempt, ended.error) == (JobState.FAILED, 3, "The map answered 503.")
    assert await told() == [("failed", {"subject": SUBJECT, "reason": "The map answered 503."})]


async def test_an_outage_that_does_not_heal_fails_at_once(database, job, leaving, found):
    await attempt(database, raising(Outage("The map", "answered 404", heals=False)), job.id, leaving)
    ended = await found(job)
    assert (ended.state, ended.attempt, ended.error) == (JobState.FAILED, 1, "The map answered 404.")


async def test_a_busy_database_is_no_reason_to_fail(database, job, leaving, found):
    await attempt(database, raising(Busy()), job.id, leaving)
    assert (await found(job)).state is JobState.QUEUED


async def test_a_running_job_that_is_cancelled_stops_and_says_so(database, job, held, found, told):
    do, end = held
    async with database.writing() as session:
        await jobs.cancel(session, job.id)
    await end
    ended = await found(job)
    assert (ended.state, ended.error, do.undone) == (JobState.CANCELLED, "Cancelled.", 1)
    assert await told() == [("failed", {"subject": SUBJECT, "reason": "Cancelled."})]


async def test_a_worker_that_leaves_hands_its_job_back(database, job, leaving, held, found, told):
    do, end = held
    leaving.set()
    await end
    back = await found(job)
    assert (back.state, back.attempt, do.undone) == (JobState.QUEUED, 0, 1)
    assert await told() == []
    leaving.clear()
    again = Held()
    again.let_go.set()
    await attempt(database, work(again), job.id, leaving)
    assert (await found(job)).state is JobState.DONE


async def test_who_was_overtaken_stops_and_writes_nothing(database, job, held, found, told, change_job):
    do, end = held
    await change_job(job, fence=Job.fence + 1)
    await end
    assert do.undone == 1
    assert (await found(job)).state is JobState.RUNNING
    assert await told() == []


async def test_who_is_overtaken_just_before_the_end_writes_nothing(database, job, leaving, found, told, change_job):
    async def do(run):
        await change_job(job, fence=Job.fence + 1)
        async with run.ending() as session:
            events.record(session, "done")

    await attempt(database, work(do), job.id, leaving)
    assert (await found(job)).state is JobState.RUNNING
    assert await told() == []


async def test_a_job_that_is_called_twice_is_done_once(database, job, leaving, found, told):
    do = Held()
    do.let_go.set()
    await asyncio.gather(*(attempt(database, work(do), job.id, leaving) for _ in range(2)))
    await attempt(database, work(do), job.id, leaving)
    assert await told() == [("done", {})]
    assert (await found(job)).attempt == 1


async def test_a_job_that_does_not_exist_is_passed_over(database, leaving, told):
    await attempt(database, raising(KeyError("never")), 4_711, leaving)
    assert await told() == []


async def test_work_longer_than_its_lease_is_not_taken_over(database, job, leaving, found, monkeypatch):
    monkeypatch.setattr(settings, "job_lease_s", 1)

    async def do(run):
        for _ in range(15):
            await asyncio.sleep(0.1)
            async with database.writing() as session:
                assert await jobs.begin(session, job.id) is None
        async with run.ending():
            pass

    await attempt(database, work(do), job.id, leaving)
    assert (await found(job)).state is JobState.DONE


async def test_a_worker_cut_off_from_the_database_stops_by_itself(database, job, held, found, monkeypatch):
    def away():
        raise Busy

    do, end = held
    monkeypatch.setattr(settings, "job_lease_s", 0.2)
    monkeypatch.setattr(database, "writing", away)
    await end
    assert do.undone == 1
    assert (await found(job)).state is JobState.RUNNING


async def test_progress_too_quick_for_the_eye_is_left_out_but_never_an_epoch(
    database, job, leaving, found, told, monkeypatch
):
    monkeypatch.setattr(settings, "job_progress_s", 3_600)

    async def do(run):
        for number in range(1, 4):
            await run.report(Progress(number / 10, "training", "Going on."), topic="t")
        await run.report(Progress(0.5, "training", "An epoch."), topic="t", epoch={"number": 1})
        async with run.ending():
            pass

    await attempt(database, work(do), job.id, leaving)
    shares = [(payload["progress"], payload.get("epoch")) for _, payload in await told()]
    assert shares == [(0.1, None), (0.5, {"number": 1})]
    assert (await found(job)).message == "An epoch."
