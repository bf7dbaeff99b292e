"""Events wait for the writers of their own database, and for no stranger's."""

import asyncio

import psycopg
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app import events
from app.events import watermark
from app.events.dispatcher import EventDispatcher
from app.events.positions import Position
from app.settings import settings

WAIT_S_MAX = 120


@pytest.fixture(scope="module")
def elsewhere(clone_database):
    """Another database of the same server."""
    return clone_database("elsewhere").replace("+psycopg", "")


@pytest.fixture
def open_write():
    """Begins a write that stays open."""
    held = []

    def open_write(url):
        connection = psycopg.connect(url, application_name="stranger")
        connection.execute("SELECT pg_current_xact_id()")
        held.append(connection)
        return connection

    yield open_write
    for connection in held:
        connection.close()


@pytest.fixture
async def feed(database, redis_url):
    feed = EventDispatcher(database.engine, database.reader, redis_url)
    await feed.start()
    yield feed
    await feed.stop()


async def say(database, number):
    async with database.writing() as session:
        events.record(session, "t", {"number": number})


async def told(feed, after):
    async with asyncio.timeout(WAIT_S_MAX):
        return (await anext(feed.follow("t", after))).payload["number"]


async def test_a_strangers_open_write_holds_nobody_up(database, feed, open_write, elsewhere):
    stranger = open_write(elsewhere)
    after = await feed.now()
    await say(database, 1)
    assert await told(feed, after) == 1
    assert [each.payload async for each in feed.follow("t", after, live=False)] == [{"number": 1}]
    async with database.engine.connect() as connection:
        oldest = await connection.scalar(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
    xid = stranger.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()[0]
    assert oldest <= xid < (await feed.now()).xid


async def test_who_subscribes_behind_a_stranger_receives_nothing_old(database, feed, open_write, elsewhere):
    open_write(elsewhere)
    await say(database, 1)
    after = await feed.now()
    await say(database, 2)
    assert await told(feed, after) == 2


async def test_an_open_write_here_is_waited_for(database, feed, open_write, database_url):
    after = await feed.now()
    here = open_write(database_url.replace("+psycopg", ""))
    here.execute("INSERT INTO events (topic, payload) VALUES ('t', '{\"number\": 1}')")
    await say(database, 2)
    receiving = asyncio.create_task(told(feed, after))
    done, _ = await asyncio.wait({receiving}, timeout=1.5)
    assert not done
    here.commit()
    assert await receiving == 1  # it began first


async def test_a_prepared_write_elsewhere_is_no_exception(database):
    async with database.engine.connect() as connection:
        assert (await connection.execute(text(f"SELECT {watermark.OLDEST_OPEN}"))).scalar_one() > 0


async def test_many_writers_here_and_elsewhere_lose_no_event_and_tell_none_twice(
    database, feed, elsewhere, clone_database
):
    """Strangers come and go all the while, some with connections of their own, so that places are taken over."""
    after, stop = await feed.now(), asyncio.Event()

    async def stranger():
        while not stop.is_set():
            async with await psycopg.AsyncConnection.connect(elsewhere) as connection:
                await connection.execute("SELECT pg_current_xact_id()")
                await asyncio.sleep(0.01)

    async def writer(number):
        for index in range(30):
            await say(database, 100 * number + index)

    strangers = [asyncio.create_task(stranger()) for _ in range(4)]
    received = []

    async def receive():
        async for event in feed.follow("t", after):
            received.append((event.position, event.payload["number"]))
            if len(received) == 240:
                return

    receiving = asyncio.create_task(receive())
    await asyncio.gather(*(writer(number) for number in range(8)))
    async with asyncio.timeout(WAIT_S_MAX):
        await receiving
    stop.set()
    await asyncio.gather(*strangers)
    assert sorted(number for _, number in received) == sorted(100 * n + i for n in range(8) for i in range(30))
    assert [place for place, _ in received] == sorted(place for place, _ in received)


async def test_the_log_says_who_holds_readers_up(database, feed, open_write, database_url, monkeypatch, eventually):
    monkeypatch.setattr(settings, "event_lag_s_max", 0.2)
    here = open_write(database_url.replace("+psycopg", ""))
    await say(database, 1)
    with capture_logs() as logs:

        async def said():
            return [line for line in logs if line["event"] == "events wait for an open transaction"]

        [line, *_] = await eventually(said)
    assert f"process {here.info.backend_pid} (" in line["holder"]
    assert "stranger" in line["holder"]
    assert line["lag_s"] >= 0.2
    async with database.engine.connect() as connection:
        found = await watermark.holder(connection)
    assert (found.pid, found.application, found.state) == (here.info.backend_pid, "stranger", "idle in transaction")
    here.rollback()


async def test_nobody_holds_up_readers_who_wait_for_nothing(database):
    async with database.engine.connect() as connection:
        assert await watermark.lag_s(connection) == 0
    async with database.engine.connect() as connection:
        assert await watermark.holder(connection) is None


def test_positions_come_in_order():
    assert Position(1, 2) < Position(2, 1)
