"""A proxy that falls silent before PostgreSQL or Redis: a failure in words by our deadline, and then all goes on."""

import asyncio
from contextlib import aclosing, asynccontextmanager

import httpx
import pytest
from redis import Redis
from sqlalchemy import select

from app import events, queue
from app.database import Database
from app.errors import Busy, OutcomeUnknown
from app.events.dispatcher import EventDispatcher
from app.events.signals import Signals
from app.main import build
from app.models.accounts import User
from app.models.kinds.mapping import MappingJob
from app.models.system import JobState
from app.postgres.reader import Reader
from app.settings import settings
from jobs import broker
from jobs.run import JobRun, Work
from jobs.schedule import clockwork, sweep
from tests import factories
from tests.proxy import before_database, before_redis
from tests.silence import PATIENCE_S, in_time, shorten_deadlines


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Deadlines that a test can wait for."""
    shorten_deadlines(monkeypatch)


@pytest.fixture
async def far(database_url, redis_url):
    """The database at the other end of a proxy, with the deadline of a second and a half; and the proxy."""
    async with before_database(database_url) as (proxy, url):
        far = Database(url, redis_url, statement_s_max=1)
        yield far, proxy
        proxy.speak()
        await far.close()


@asynccontextmanager
async def started(part):
    await part.start()
    try:
        yield part
    finally:
        await part.stop()


async def usernames(database):
    async with database.reading() as session:
        return list(await session.scalars(select(User.username)))


# PostgreSQL


async def test_a_read_through_a_silent_connection_fails_and_the_next_is_answered(far, owner):
    database, proxy = far
    assert await usernames(database) == ["owner"]
    proxy.silence()
    with pytest.raises(Busy):
        await in_time(usernames(database))
    proxy.speak()
    assert await in_time(usernames(database)) == ["owner"]


@pytest.mark.parametrize("answers_only", [False, True], ids=["both ways", "answers only"])
async def test_a_commit_that_is_not_answered_ends_in_time(far, owner, answers_only):
    database, proxy = far
    with pytest.raises(OutcomeUnknown):
        await in_time(renamed(database, owner, proxy, answers_only=answers_only))
    proxy.speak()
    # What was kept back arrives now: the change was made or it was not, but nothing hangs on it.
    assert len(await in_time(usernames(database))) == 1


async def renamed(database, person, proxy, *, answers_only):
    async with database.writing() as session:
        user = await session.get_one(User, person.id)
        user.first_name = "Somebody"
        await session.flush()
        proxy.silence(answers_only=answers_only)


async def test_every_connection_of_the_pool_may_be_silent_at_once(far, owner):
    database, proxy = far
    await asyncio.gather(*(usernames(database) for _ in range(8)))
    proxy.silence()
    told = await in_time(asyncio.gather(*(usernames(database) for _ in range(12)), return_exceptions=True))
    assert [type(each) for each in told] == [Busy] * 12
    proxy.speak()
    assert await in_time(asyncio.gather(*(usernames(database) for _ in range(8)))) == [["owner"]] * 8


async def test_a_reader_gives_a_silent_connection_up_and_goes_on(database_url):
    async with before_database(database_url) as (proxy, url):
        reader = Reader(url, statement_s_max=1)
        assert await reader.rows(b"SELECT $1::text", [b"before"]) == [("before",)]
        proxy.silence()
        going = [asyncio.create_task(reader.rows(b"SELECT $1::text", [b"%d" % number])) for number in range(12)]
        told = await in_time(asyncio.gather(*going, return_exceptions=True))
        assert [type(each) for each in told] == [Busy] * 12
        proxy.speak()
        assert await in_time(reader.rows(b"SELECT $1::text", [b"after"])) == [("after",)]
        await in_time(reader.close())


async def test_a_reader_asks_again_where_only_old_connections_are_silent(database_url):
    # As after a network forgot them: what is open says nothing, and whoever connects anew is answered.
    async with before_database(database_url) as (proxy, url):
        reader = Reader(url, statement_s_max=1)
        assert await reader.rows(b"SELECT $1::text", [b"before"]) == [("before",)]
        proxy.forget()
        assert await in_time(reader.rows(b"SELECT $1::text", [b"after"])) == [("after",)]
        await in_time(reader.close())


@pytest.mark.parametrize("forgotten", [False, True], ids=["silent", "old connections silent"])
async def test_no_event_is_missed_and_none_is_doubled(far, database, redis_url, forgotten):
    near, proxy = database, far[1]
    async with (
        started(EventDispatcher(far[0].engine, far[0].reader, redis_url)) as feed,
        followed(feed, "topic") as following,
    ):
        await noted(near, 0)
        received = [await anext(following)]
        proxy.forget() if forgotten else proxy.silence()
        for number in range(1, 365):
            await noted(near, number)
        if not forgotten:
            await until(lambda: any(task.trouble for task in feed.background))
            proxy.speak()
        received += [await anext(following) for _ in range(1, 365)]
        assert [event.payload["number"] for event in received] == list(range(365))
        await until(lambda: not any(task.trouble for task in feed.background))


@asynccontextmanager
async def followed(source, topic):
    """What happens on a topic from now on."""
    after = source.now()
    if asyncio.iscoroutine(after):
        after = await after
    async with asyncio.timeout(PATIENCE_S), aclosing(source.follow(topic, after)) as following:
        yield following


async def noted(database, number):
    async with database.writing() as session:
        events.record(session, "topic", {"number": number})


async def until(holds):
    async def asked():
        return holds()

    await until_told(asked)


async def until_told(holds):
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.05)


async def test_a_silent_database_makes_the_process_unready_and_it_recovers(database_url, redis_url, monkeypatch):
    async with before_database(database_url) as (proxy, url):
        monkeypatch.setattr(settings, "database_url", url)
        app = build().app
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://api") as http,
        ):

            async def is_ready():
                return (await in_time(http.get("/readyz"))).status_code == 200

            assert await is_ready()
            proxy.silence()
            assert not await is_ready()
            await asyncio.sleep(settings.background_silence_s_max + 1)
            assert not (await in_time(http.get("/readyz"))).json()["checks"]["background"]
            proxy.speak()
            await until_told(is_ready)


# Jobs


@pytest.fixture
def sleeper(monkeypatch):
    """Work that ends when its attempt does, and what it saw."""
    seen = []

    async def do(run: JobRun):
        seen.append(run.claim.attempt)
        try:
            await asyncio.sleep(PATIENCE_S if len(seen) == 1 else 0)
            async with run.ending():
                pass
        finally:
            seen.append("over")

    async def failed(*_):
        seen.append("failed")

    monkeypatch.setattr(broker, "WORKS", {MappingJob.TRAIN: Work(MappingJob.TRAIN, do, failed)})
    monkeypatch.setattr(settings, "job_lease_s", 2)
    return seen


async def test_a_silent_database_costs_a_job_its_lease_and_nobody_the_job(far, database, sleeper):
    job = await factories.job(database)
    runner = broker.Runner(far[0])
    await runner.look()
    await until(lambda: sleeper == [1])
    far[1].silence()
    # The worker stops before the lease that it could not renew is another's.
    await until(lambda: sleeper == [1, "over"])
    other = broker.Runner(database)

    async def is_done():
        await sweep(other)
        async with database.reading() as session:
            return (await session.get_one(type(job), job.id)).state is JobState.DONE

    await until_told(is_done)
    # A lost lease is not the fault of the job, and costs it no attempt.
    assert sleeper == [1, "over", 1, "over"]
    far[1].speak()
    await in_time(runner.left())


async def test_a_worker_finds_jobs_again_after_its_database_was_silent(far, database, sleeper, redis_url):
    sleeper.append("so that no work sleeps")
    runner = broker.Runner(far[0])
    search, *_ = [task for task in clockwork(runner) if task.name == "job search"]
    search.start()
    far[1].silence()
    job = await factories.job(database)
    await until(lambda: search.trouble)
    far[1].speak()

    async def is_done():
        async with database.reading() as session:
            return (await session.get_one(type(job), job.id)).state is JobState.DONE

    await until_told(is_done)
    await until(lambda: not search.trouble)
    await search.stop()
    await in_time(runner.left())


# Redis


async def test_what_listens_to_redis_receives_again_after_a_silence(redis_url):
    async with (
        before_redis(redis_url) as (proxy, url),
        started(Signals(url)) as signals,
        followed(signals, "a") as following,
    ):
        first = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0)
        proxy.silence()
        await until(lambda: signals.background[0].trouble)
        # What is sent meanwhile is lost, in time, and told of.
        await in_time(signals.send("a", {"number": 0}))
        proxy.speak()
        await until(lambda: not signals.background[0].trouble)
        with Redis.from_url(redis_url) as redis:
            redis.publish("fieldgraph:signals", b'["a", {"number": 1}]')
        assert (await first).payload["number"] in {0, 1}


async def test_events_come_by_polling_while_redis_is_silent(database, redis_url):
    async with (
        before_redis(redis_url) as (proxy, url),
        started(EventDispatcher(database.engine, database.reader, url)) as feed,
        followed(feed, "topic") as following,
    ):
        first = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0)
        proxy.silence()
        await until(lambda: feed.background[0].trouble)
        await noted(database, 7)
        assert (await first).payload == {"number": 7}


async def test_a_job_is_asked_for_though_redis_is_silent(database, redis_url, monkeypatch):
    async with before_redis(redis_url) as (proxy, url):
        monkeypatch.setattr(settings, "redis_url", url)
        proxy.silence()
        async with asyncio.timeout(PATIENCE_S):
            async with database.writing() as session:
                job = await queue.enqueue(session, MappingJob.TRAIN, subject_id=1, user_id=None)
        async with database.reading() as session:
            assert (await session.get_one(type(job), job.id)).state is JobState.QUEUED
