"""A change is done, refused or unknown, and whoever asked is told which; what follows a commit does not matter."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from sqlalchemy import select, text

from app import events, queue
from app.database import Database, WriteSession, after_commit, lock, part
from app.errors import Busy, Conflict, OutcomeUnknown
from app.models.accounts import Team
from app.models.kinds.accounts import AccountsMail
from app.models.kinds.mapping import MappingJob
from app.models.system import Job, JobState, Mail
from app.settings import settings
from jobs.run import Work, attempt
from tests import factories
from tests.proxy import Proxy, before_database, before_redis


@pytest.fixture
async def network(database_url: str, redis_url: str):
    """A database behind a network that fails, and the proxy that makes it fail."""
    async with before_database(database_url) as (proxy, url):
        database = Database(url, redis_url)
        yield database, proxy
        proxy.speak()
        await database.close()


@pytest.fixture
def kept(database):
    """What the kept say, as the server has them."""

    async def kept() -> list[str]:
        async with database.reading() as session:
            return list(await session.scalars(select(Mail.address).order_by(Mail.id)))

    return kept


@asynccontextmanager
async def saying(database: Database, message: str):
    async with database.writing() as session:
        session.add(Mail(kind=AccountsMail.SIGN_UP, address=message))
        await session.flush()
        yield session


async def nothing(*_: object) -> None:
    """For whom nothing is to be done."""


async def say(database: Database, message: str, then: Callable[[WriteSession], Awaitable[None]] = nothing) -> None:
    """Change something, and do what follows before it is committed."""
    async with saying(database, message) as session:
        await then(session)


async def test_a_commit_whose_answer_is_lost_is_unknown(network, kept):
    database, proxy = network
    lost = proxy.lose_answer()
    with pytest.raises(OutcomeUnknown) as unknown:
        await say(database, "Done.")
    assert lost.is_set()
    assert unknown.value.code == "OUTCOME_UNKNOWN"
    assert await kept() == ["Done."]
    await say(database, "The next one.")
    assert await kept() == ["Done.", "The next one."]


async def test_a_commit_that_never_arrives_is_unknown(network, kept):
    database, proxy = network
    proxy.drop()
    with pytest.raises(OutcomeUnknown):
        await say(database, "Never.")
    assert await kept() == []


async def test_a_connection_that_was_lost_while_idle_is_replaced(network, kept):
    database, proxy = network
    await say(database, "One.")
    await restart(proxy)
    await say(database, "Two.")
    assert await kept() == ["One.", "Two."]
    assert proxy.opened == 2


@pytest.mark.parametrize("lose", [Proxy.lose_answer, Proxy.drop])
async def test_a_transaction_that_is_lost_as_it_begins_begins_on_another_connection(network, kept, lose):
    database, proxy = network
    await say(database, "One.")
    lost = lose(proxy, b"BEGIN")
    await say(database, "Two.")
    assert lost.is_set()
    assert await kept() == ["One.", "Two."]


async def test_what_was_read_is_read_though_its_transaction_is_lost_as_it_ends(network):
    database, proxy = network
    for _ in range(2):
        lost = proxy.lose_answer()
        async with database.reading() as session:
            assert await session.scalar(text("SELECT 7")) == 7
        assert lost.is_set()


async def test_a_transaction_that_has_only_begun_makes_room_for_other_ways(database):
    for _ in range(2):  # the second takes the connection from the pool, where its transaction begins
        async with database.engine.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            assert await alone.scalar(text("SELECT pg_current_xact_id_if_assigned() IS NULL"))
            await alone.execute(text("DISCARD ALL"))  # refused in a transaction
        async with database.reading() as session:
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            assert await session.scalar(text("SHOW transaction_isolation")) == "repeatable read"


async def undone(session: WriteSession) -> None:
    """A part of a transaction that fails."""
    async with part(session):
        events.record(session, "undone")
        await lock(session, "a lock")
        raise ZeroDivisionError


async def test_events_of_a_part_that_is_undone_are_undone_with_it(database):
    async with database.writing() as session:
        events.record(session, "kept", {"number": 1})
        with pytest.raises(ZeroDivisionError):
            await undone(session)
        async with part(session):
            events.record(session, "kept", {"number": 2})
        async with database.writing() as other:  # it waits for nobody: the lock went with the part
            await lock(other, "a lock")
        await lock(session, "a lock")
        assert await session.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")) == 1
    async with database.reading() as session:
        rows = await session.execute(text("SELECT topic, payload FROM events ORDER BY id"))
        assert [tuple(row) for row in rows] == [("kept", {"number": 1}), ("kept", {"number": 2})]


async def restart(proxy: Proxy) -> None:
    await proxy.cut()
    await proxy.mend()


async def test_a_connection_that_is_lost_before_the_commit_changesnothing(network, kept):
    database, proxy = network
    with pytest.raises(Busy):
        await say(database, "Never.", lambda _: restart(proxy))
    assert await kept() == []


async def test_a_connection_that_the_server_ends_before_the_commit_changesnothing(network, kept, database_owner):
    database, _ = network

    async def terminate(session: WriteSession) -> None:
        pid = await session.scalar(text("SELECT pg_backend_pid()"))
        database_owner.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        await asyncio.sleep(0.1)  # the word of it is on its way through the proxy

    with pytest.raises(Busy):
        await say(database, "Never.", terminate)
    assert await kept() == []


async def test_a_statement_that_loses_its_connection_changesnothing(network, kept):
    database, proxy = network

    async def ask(session: WriteSession) -> None:
        proxy.lose_answer(b"SELECT 7")
        await session.scalar(text("SELECT 7"))

    with pytest.raises(Busy):
        await say(database, "Never.", ask)
    assert await kept() == []


async def test_a_commit_without_an_answer_is_unknown_after_a_while(network, kept, monkeypatch):
    monkeypatch.setattr(settings, "commit_s_max", 0.3)
    database, proxy = network

    async def silence(_: WriteSession) -> None:
        proxy.silence(answers_only=True)

    with pytest.raises(OutcomeUnknown):
        await say(database, "Done.", silence)
    assert await kept() == ["Done."]


async def test_what_the_database_refuses_is_refused_and_not_unknown(network, owner):
    database, _ = network
    with pytest.raises(Conflict):
        async with database.writing() as session:
            session.add_all([Team(name="Twins", admin_user_id=owner.id), Team(name="Twins", admin_user_id=owner.id)])
    async with database.reading() as session:
        assert (await session.scalars(select(Team))).all() == []


async def test_a_commit_under_way_ends_though_nobody_waits_any_more(network, kept):
    database, proxy = network
    ready = asyncio.Event()

    async def change() -> None:
        async with saying(database, "Done."):
            proxy.silence(answers_only=True)
            ready.set()

    task = asyncio.create_task(change())
    await ready.wait()
    await asyncio.sleep(0.1)
    task.cancel()
    proxy.speak()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await kept() == ["Done."]
    await say(database, "The next one.")


async def test_nothing_waits_for_a_redis_that_is_silent(database_url, redis_url, kept, monkeypatch):
    monkeypatch.setattr(settings, "aside_s_max", 60)
    async with before_redis(redis_url) as (proxy, silent_url):
        broker = RedisBroker(url=silent_url, middleware=[])
        monkeypatch.setattr(queue, "broker", lambda: broker)
        database = Database(database_url, silent_url)
        proxy.silence()
        async with saying(database, "Done.") as session, asyncio.timeout(120):
            await queue.enqueue(session, MappingJob.TRAIN, subject_id=1, user_id=None)
            events.record(session, "topic")
        assert await kept() == ["Done."]
        proxy.speak()
        await database.close()
        with Redis.from_url(redis_url) as redis:
            assert redis.llen("dramatiq:heavy") == 1
        broker.close()


async def test_a_redis_that_stays_silent_does_not_hold_the_end_up(database_url, redis_url, monkeypatch):
    monkeypatch.setattr(settings, "aside_s_max", 0.2)
    async with before_redis(redis_url) as (proxy, silent_url):
        database = Database(database_url, silent_url)
        proxy.silence()
        async with saying(database, "Done.") as session:
            events.record(session, "topic")
        async with asyncio.timeout(120):
            await database.close()


async def test_what_follows_a_commit_is_done_only_if_it_was_committed(network, kept):
    database, proxy = network
    done = []

    async def note(what: str) -> None:
        done.append(what)

    async with saying(database, "Done.") as session:
        after_commit(session, lambda: note("committed"))
        assert done == []

    async def refuse(session: WriteSession) -> None:
        after_commit(session, lambda: note("refused"))
        raise Conflict("No.")

    with pytest.raises(Conflict):
        await say(database, "Never.", refuse)

    async def wonder(session: WriteSession) -> None:
        after_commit(session, lambda: note("unknown"))

    proxy.lose_answer()
    with pytest.raises(OutcomeUnknown):
        await say(database, "Who knows.", wonder)
    await database.close()
    assert done == ["committed"]


async def test_a_failure_after_a_commit_changes_no_answer(network, kept):
    database, _ = network

    async def fail() -> None:
        raise RuntimeError("storage is away")

    async with saying(database, "Done.") as session:
        after_commit(session, fail)
    await database.close()
    assert await kept() == ["Done."]


@pytest.mark.parametrize(("is_received", "attempts"), [(True, 1), (False, 2)])
async def test_a_job_whose_end_is_unknown_is_done_once(network, found, change_job, is_received, attempts):
    database, proxy = network
    job = await factories.job(database, kind=MappingJob.INSPECT)
    written = []

    async def do(run) -> None:
        async with run.ending() as session:
            session.add(Mail(kind=AccountsMail.SIGN_UP, address="Done."))
            await session.flush()
            if not written:
                _ = proxy.lose_answer() if is_received else proxy.drop()
            written.append(run.claim.attempt)

    work = Work(MappingJob.INSPECT, do, nothing)
    for _ in range(2):
        await attempt(database, work, job.id, asyncio.Event())
        now: Job = await found(job)
        if now.state is JobState.QUEUED:
            await change_job(job, available_at=job.created_at)
    assert (now.state, len(written)) == (JobState.DONE, attempts)
    async with database.reading() as session:
        assert (await session.scalars(select(Mail.address))).all() == ["Done."]
