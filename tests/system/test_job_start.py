"""How jobs come to be begun: by a message, or by the sweep when the message was lost; heavy ones few at a time."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from unittest.mock import AsyncMock

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from sqlalchemy import func, select

from app import events, queue, supervision
from app.models.accounts import Session as SignIn
from app.models.accounts import User
from app.models.kinds import Lane
from app.models.kinds.mapping import MappingJob
from app.models.system import Event, Job, JobState
from app.settings import settings
from jobs import broker, schedule
from jobs.broker import Runner
from jobs.housekeeping import run_housekeeping
from jobs.run import Work
from jobs.schedule import beat, every, sweep
from jobs.watch import Watch
from tests import factories

LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


async def failed(session, subject_id, reason):
    events.record(session, "failed", {"subject": subject_id, "reason": reason})


async def mistaken(session, subject_id, reason):
    await session.get_one(User, subject_id)


class Counted:
    """Work that waits to be let go, and counts how many do it at once."""

    def __init__(self):
        self.at_once = self.at_once_max = 0
        self.let_go = asyncio.Event()

    async def __call__(self, run):
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        await self.let_go.wait()
        self.at_once -= 1
        async with run.ending():
            pass


@pytest.fixture
def works(monkeypatch):
    """The works there are: none yet."""
    works = {}
    monkeypatch.setattr(broker, "WORKS", works)
    monkeypatch.setattr(schedule, "WORKS", works)
    return works


@pytest.fixture
def heavy(works):
    """The only work there is: trainings, heavy ones."""
    do = Counted()
    works[MappingJob.TRAIN] = Work(MappingJob.TRAIN, do, failed)
    return do


@pytest.fixture
def redis(redis_url, monkeypatch):
    """Redis, and a way to the workers on which no actor has been declared yet."""
    fresh = RedisBroker(url=redis_url, middleware=[])
    monkeypatch.setattr(queue, "broker", lambda: fresh)
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
async def runner(database):
    return Runner(database)


@pytest.fixture
async def worker(runner, heavy, redis):
    """Dramatiq's worker, in this process."""
    runner.declare(queue.broker())
    worker = dramatiq.Worker(queue.broker(), worker_threads=4, worker_timeout=50)
    worker.start()
    yield worker
    heavy.let_go.set()
    runner.leaving.set()
    await asyncio.to_thread(worker.stop)


@pytest.fixture
def states(database):
    """How many jobs are in each state."""

    async def states():
        async with database.reading() as session:
            return dict((await session.execute(select(Job.state, func.count()).group_by(Job.state))).all())

    return states


async def enqueued(database, count):
    async with database.writing() as session:
        for number in range(count):
            await queue.enqueue(session, MappingJob.TRAIN, subject_id=number + 1, user_id=None, account_key=number)


async def test_a_heavy_job_waits_for_room_and_begins_when_there_is(database, worker, heavy, states, eventually, redis):
    async def one_runs_and_nobody_is_called():
        return await states() == {JobState.RUNNING: 1, JobState.QUEUED: 3} and not redis.llen("dramatiq:heavy")

    await enqueued(database, 4)
    await eventually(one_runs_and_nobody_is_called)
    heavy.let_go.set()

    async def all_are_done():
        return await states() == {JobState.DONE: 4}

    await eventually(all_are_done)
    assert heavy.at_once_max == 1


async def test_as_many_heavy_jobs_run_at_once_as_may(database, worker, heavy, states, eventually, monkeypatch):
    monkeypatch.setattr(settings, "job_heavy_at_once", 2)
    await enqueued(database, 3)

    async def two_run():
        return await states() == {JobState.RUNNING: 2, JobState.QUEUED: 1}

    await eventually(two_run)
    heavy.let_go.set()

    async def all_are_done():
        return await states() == {JobState.DONE: 3}

    await eventually(all_are_done)
    assert heavy.at_once_max == 2


async def test_a_worker_that_leaves_begins_nothing(database, runner, heavy, states):
    await factories.job(database)
    runner.leaving.set()
    await runner.work_off(Lane.HEAVY)
    assert await states() == {JobState.QUEUED: 1}


async def test_the_sweep_begins_what_nobody_was_told_of(database, runner, heavy, states, monkeypatch):
    monkeypatch.setattr(settings, "job_heavy_at_once", 4)
    await factories.job(database)
    await factories.job(database, state=JobState.RUNNING, attempt=1, lease_until=LONG_AGO)
    later = datetime.now(UTC) + timedelta(minutes=10)
    await factories.job(database, available_at=later, error="The map was away.")
    runner.watch = Watch(itertools.count(step=settings.job_lease_s + 1).__next__)
    await sweep(runner)
    heavy.let_go.set()
    await sweep(runner)
    await runner.left()
    assert await states() == {JobState.DONE: 2, JobState.QUEUED: 1}


async def test_a_search_that_finds_nothing_is_one_statement(runner, heavy, statements):
    await runner.look()
    assert len(statements) == 1, statements


def test_where_nothing_ever_is_a_worker_looks_seldom():
    timeouts = [queue.broker().consume(name, timeout=50).timeout for name in ("heavy", "heavy.DQ")]
    assert timeouts == [50, queue.LATER_MS]


async def test_sweeps_begin_no_more_than_there_are_places_for(database, runner, heavy, states, eventually):
    for _ in range(3):
        await factories.job(database)
    for _ in range(3):
        await sweep(runner)

    async def one_runs():
        return await states() == {JobState.RUNNING: 1, JobState.QUEUED: 2}

    await eventually(one_runs)
    heavy.let_go.set()
    await runner.left()
    assert await states() == {JobState.DONE: 3}
    assert heavy.at_once_max == 1


async def test_the_sweep_ends_what_nobody_may_begin_again_and_tells_its_subject(database, runner, heavy, redis, found):
    lost = {"state": JobState.RUNNING, "attempt": 1, "lease_until": LONG_AGO}
    poison = await factories.job(database, **lost, subject_id=7, deaths=settings.job_deaths_max - 1)
    cancelled = await factories.job(database, **lost, subject_id=8, cancel_requested=True)
    runner.watch = Watch(itertools.count(step=settings.job_lease_s + 1).__next__)
    await sweep(runner)
    await sweep(runner)
    assert [(await found(job)).state for job in (poison, cancelled)] == [JobState.FAILED, JobState.CANCELLED]
    async with database.reading() as session:
        told = (await session.scalars(select(Event.payload).order_by(Event.id))).all()
    assert sorted(told, key=lambda payload: payload["subject"]) == [
        {"subject": 7, "reason": "The worker stopped 6 times while it worked on this."},
        {"subject": 8, "reason": "Cancelled."},
    ]


async def test_a_job_whose_subject_is_gone_does_not_stop_the_sweep(database, runner, works, redis, found):
    do = Counted()
    do.let_go.set()
    works[MappingJob.TRAIN] = Work(MappingJob.TRAIN, do, mistaken)
    poison = await factories.job(database, attempt=3)
    other = await factories.job(database)
    await sweep(runner)
    await runner.left()
    assert (await found(poison)).state is JobState.FAILED
    assert (await found(other)).state is JobState.DONE


async def test_pruning_forgets_old_events_and_ended_sessions(database, owner):
    async with database.writing() as session:
        for age in (9, 8, 6):
            session.add(Event(topic="t", payload={"age": age}, created_at=datetime.now(UTC) - timedelta(days=age)))
            await session.flush()
        session.add(SignIn(user_id=owner.id, token_hash=b"ended", expires_at=LONG_AGO, last_used_at=LONG_AGO))
    await run_housekeeping(database)
    async with database.reading() as session:
        # The last old one stays, as a witness that there were others.
        assert [payload["age"] for payload in await session.scalars(select(Event.payload).order_by(Event.id))] == [8, 6]
        assert await session.scalar(select(func.count(SignIn.id))) == 1


async def test_a_worker_says_that_it_lives_while_all_of_it_gets_things_done(redis_url, eventually):
    async with AsyncRedis.from_url(redis_url) as client:
        await client.delete(schedule.HEARTBEAT_KEY)
        ill = every(60, AsyncMock(side_effect=KeyError), name="ill", s_max=60)
        ill.start()
        await eventually(AsyncMock(side_effect=lambda: ill.trouble))
        await beat([ill])
        assert not await client.exists(schedule.HEARTBEAT_KEY)
        await ill.stop()
        await beat([])
        assert await client.exists(schedule.HEARTBEAT_KEY)
        assert 0 < await client.pttl(schedule.HEARTBEAT_KEY) <= settings.job_sweep_s * 5_000


async def test_no_failure_stops_the_clock(eventually, monkeypatch):
    monkeypatch.setattr(supervision, "PAUSE_S", 0.01)
    deed = AsyncMock(side_effect=KeyError("a mistake of ours"))
    clock = every(0, deed, name="deed", s_max=60)
    clock.start()
    await eventually(AsyncMock(side_effect=lambda: deed.await_count >= 3))
    await clock.stop()


async def test_a_job_is_found_without_redis_and_without_a_sweep(
    database, runner, heavy, states, eventually, monkeypatch
):
    monkeypatch.setattr(settings, "job_sweep_s", 600)
    monkeypatch.setattr(settings, "redis_url", "redis://127.0.0.1:1/0")
    heavy.let_go.set()

    async def one_is_done():
        return await states() == {JobState.DONE: 1}

    clock = asyncio.create_task(schedule.keep_time(runner))
    await asyncio.sleep(0.5)  # the first sweep has been
    await factories.job(database)
    await eventually(one_is_done)
    clock.cancel()
    await asyncio.wait({clock})
