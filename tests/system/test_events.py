"""Nothing that happened is lost, doubled or told out of order."""

import asyncio
import random
from base64 import urlsafe_b64encode
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from sqlalchemy import delete, func, select, text

from app import events
from app.database import Database
from app.errors import BadRequest, Busy, LimitReached
from app.events.dispatcher import EventDispatcher
from app.events.positions import CursorOutdated, Position
from app.models.system import Event
from app.operations.processes.servers import private_servers
from app.services.system import pruning
from app.settings import settings

TOPIC = "training:1"
WRITERS, TRANSACTIONS, TOGETHER = 20, 25, 4
TOTAL = WRITERS * TRANSACTIONS * TOGETHER


@pytest.fixture
async def feed(database, redis_url):
    """The events of a process that has just started."""
    async with running(database, redis_url) as feed:
        yield feed


async def beginning(feed):
    """Before all events."""
    return Position(0, 0, (await feed.now()).epoch)


@asynccontextmanager
async def running(database, redis_url):
    feed = EventDispatcher(database.engine, database.reader, redis_url)
    await feed.start()
    try:
        yield feed
    finally:
        await feed.stop()


@pytest.fixture
def say(database):
    """Notes what happens, each in a transaction of its own."""

    async def say(*numbers, topic=TOPIC):
        for number in numbers:
            async with database.writing() as session:
                events.record(session, topic, {"number": number})

    return say


@pytest.fixture
async def crowd(database_url, redis_url, monkeypatch):
    """Twenty who write at once, a hundred events each, and let their transactions wait before the commit."""
    monkeypatch.setattr(settings, "database_pool", WRITERS)
    database = Database(database_url, redis_url)

    async def write(writer):
        for number in range(TRANSACTIONS):
            async with database.writing() as session:
                for part in range(TOGETHER):
                    events.record(session, TOPIC, {"said": [writer, number, part]})
                await session.flush()
                await asyncio.sleep(random.uniform(0, 0.01))

    async def crowd():
        await asyncio.gather(*(write(writer) for writer in range(WRITERS)))

    yield crowd
    await database.close()


@pytest.fixture
def patient(monkeypatch):
    """Readers that may fall far behind: for tests of something else."""
    monkeypatch.setattr(settings, "socket_outbox_events_max", 10 * TOTAL)


@pytest.fixture
def written(database):
    """Every position there is, in order."""

    async def written():
        async with database.reading() as session:
            epoch = await session.scalar(text("SELECT epoch FROM event_epochs"))
            rows = await session.execute(select(Event.xid, Event.id).order_by(Event.xid, Event.id))
            return [Position(*row, epoch) for row in rows]

    return written


async def received(feed, after, count, topic=TOPIC):
    """So many events after a place."""
    events = []
    async with asyncio.timeout(60), aclosing(feed.follow(topic, after)) as following:
        async for event in following:
            events.append(event)
            if len(events) == count:
                return events
    return events


async def rest(feed, after, topic=TOPIC):
    """What has happened after a place by now."""
    return [event async for event in feed.follow(topic, after, live=False)]


def numbers(events):
    return [event.payload["number"] for event in events]


def positions(events):
    return [event.position for event in events]


async def test_of_many_writers_at_once_none_is_lost_doubled_or_overtaken(feed, crowd, written, patient):
    following = asyncio.create_task(received(feed, await feed.now(), TOTAL))
    await crowd()
    assert positions(await following) == await written()


async def test_who_joins_in_the_middle_receives_everything_once(feed, crowd, written, patient):
    async def join():
        await asyncio.sleep(random.uniform(0, 0.5))
        return positions(await received(feed, await beginning(feed), TOTAL))

    joining = [asyncio.create_task(join()) for _ in range(8)]
    await crowd()
    everything = await written()
    assert len(everything) == TOTAL
    for joined in joining:
        assert await joined == everything


async def test_who_comes_and_goes_receives_everything_once(feed, crowd, written, patient):
    writing = asyncio.create_task(crowd())
    received_so_far, after = [], await beginning(feed)
    while len(received_so_far) < TOTAL:
        part = await received(feed, after, min(random.randint(1, 200), TOTAL - len(received_so_far)))
        received_so_far += positions(part)
        after = Position.parse(part[-1].position.cursor)
    await writing
    assert received_so_far == await written()


async def test_a_cursor_gives_exactly_the_rest(feed, say):
    await say(*range(10))
    everything = await rest(feed, await beginning(feed))
    assert numbers(everything) == list(range(10))
    for number, event in enumerate(everything):
        assert numbers(await rest(feed, event.position)) == list(range(number + 1, 10))


async def test_an_event_that_commits_late_is_not_overtaken(feed, database, say, eventually):
    following = asyncio.create_task(received(feed, await feed.now(), 2))
    async with database.writing() as session:
        await session.execute(select(func.pg_current_xact_id()))  # a change, which comes before its event is written
        events.record(session, TOPIC, {"number": 1})
        await say(2)
        ending = asyncio.create_task(rest(feed, await beginning(feed)))
        await asyncio.sleep(0.2)
        assert not following.done()
        assert not ending.done()
    assert numbers(await following) == [1, 2]
    # Who asks what has happened by now is told all of it, though it had to wait for an older transaction.
    assert numbers(await ending) == [1, 2]


async def test_what_was_undone_never_happened(feed, database, say):
    with pytest.raises(ZeroDivisionError):
        await undone(database)
    await say(1)
    assert numbers(await rest(feed, await beginning(feed))) == [1]


async def undone(database):
    async with database.writing() as session:
        events.record(session, TOPIC, {"number": 1 / 0})


async def test_a_topic_receives_nothing_of_another(feed, say):
    following = asyncio.create_task(received(feed, await feed.now(), 1))
    await say(1, topic="training:10")
    await say(2)
    assert numbers(await following) == [2]
    assert numbers(await rest(feed, await beginning(feed))) == [2]


async def test_a_new_process_goes_on_where_the_old_one_stopped(database, redis_url, say):
    async with running(database, redis_url) as old:
        following = asyncio.create_task(received(old, await old.now(), 3))
        await say(1, 2, 3)
        last = (await following)[-1].position.cursor
    await say(4, 5)
    async with running(database, redis_url) as new:
        following = asyncio.create_task(received(new, Position.parse(last), 4))
        await say(6, 7)
        assert numbers(await following) == [4, 5, 6, 7]


async def test_a_feed_that_stops_ends_its_subscriptions_where_they_stand(database, redis_url, say):
    async with running(database, redis_url) as feed:
        following = feed.follow(TOPIC, await beginning(feed))
        await say(1)
        first = await anext(following)
    await say(2)
    assert numbers([first, *[event async for event in following]]) == [1]


async def test_dropped_connections_to_redis_lose_nothing(feed, crowd, written, redis_url, patient):
    following = asyncio.create_task(received(feed, await feed.now(), TOTAL))
    writing = asyncio.create_task(crowd())
    with Redis.from_url(redis_url) as redis:
        while not writing.done():
            for kind in ("pubsub", "normal"):
                redis.client_kill_filter(_type=kind, skipme=True)
            await asyncio.sleep(0.1)
    assert positions(await following) == await written()


async def test_a_redis_that_is_away_and_comes_back_loses_nothing(database_url, tmp_path_factory):
    home = tmp_path_factory.mktemp("redis")
    with private_servers(home, durable=False) as servers:
        servers.start(database=False)
        database = Database(database_url, servers.redis_url)
        async with running(database, servers.redis_url) as feed:
            following = asyncio.create_task(received(feed, await feed.now(), 6))
            await noted(database, 1, 2)
            redis = servers.processes["redis"]
            redis.kill()
            redis.wait()
            servers.children.forget(redis)
            await noted(database, 3, 4)
            servers.start(database=False)
            await noted(database, 5, 6)
            assert numbers(await following) == [1, 2, 3, 4, 5, 6]
        await database.close()


async def noted(database, *numbers):
    for number in numbers:
        async with database.writing() as session:
            events.record(session, TOPIC, {"number": number})


async def test_a_database_that_drops_every_connection_loses_nothing(feed, say, database_owner):
    async with asyncio.timeout(60), aclosing(feed.follow(TOPIC, await beginning(feed))) as following:
        await say(1)
        events = [await anext(following)]
        database_owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid != pg_backend_pid()"
        )
        await say(2, 3)
        events += [await anext(following), await anext(following)]
    assert numbers(events) == [1, 2, 3]


async def test_who_comes_while_the_database_is_away_is_told_to_come_again(redis_url):
    nowhere = Database("postgresql+psycopg://nobody@/nothing?host=/nowhere", redis_url)
    feed = EventDispatcher(nowhere.engine, nowhere.reader, redis_url)
    with pytest.raises(Busy):
        await feed.now()
    with pytest.raises(Busy):
        await rest(feed, await beginning(feed))
    await nowhere.close()


async def test_who_falls_behind_reads_on_in_the_table_and_misses_nothing(feed, say, eventually, monkeypatch):
    monkeypatch.setattr(settings, "socket_outbox_events_max", 3)

    async def everything_is_handed_out():
        return not await feed._events.after(feed._position, 1)

    async with asyncio.timeout(60), aclosing(feed.follow(TOPIC, await feed.now())) as following:
        first = asyncio.create_task(anext(following))
        await say(0)
        slow = [await first]
        for part in (range(1, 7), range(7, 14)):
            await say(*part)
            await eventually(everything_is_handed_out)
            slow += [await anext(following) for _ in part]
    assert numbers(slow) == list(range(14))


def cursor(text):
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


NOT_CURSORS = {
    "nothing": "",
    "garbage": "%%%",
    "words": "the last one, please",
    "another script": "курсор",
    "a lone surrogate": "\ud800",
    "bytes": cursor("\x00\xff"),
    "one number": cursor("7"),
    "four numbers": cursor("1.2.3.4"),
    "no numbers": cursor("a.b"),
    "a fraction": cursor("1.5e3"),
    "negative": cursor("-1.5"),
    "beyond all numbers": cursor(f"{2**63}.1"),
    "endless": cursor("9" * 10_000 + ".1"),
    "digits of another script": cursor("\u0661.\u0662"),
    "a page's cursor": cursor('["2026-01-01T00:00:00+00:00",7]'),
}


@pytest.mark.parametrize("text", NOT_CURSORS.values(), ids=NOT_CURSORS)
def test_what_is_no_cursor_is_refused(text):
    with pytest.raises(BadRequest) as refused:
        Position.parse(text)
    assert refused.value.message == "`after` is not a cursor from this API."


@pytest.mark.parametrize("text", ["1.2", "99999999999.1.2"], ids=["before there were epochs", "of another epoch"])
async def test_a_cursor_of_another_order_is_refused_in_words(feed, text):
    with pytest.raises(BadRequest) as refused:
        await feed.beginning(cursor(text))
    assert refused.value.message.startswith("This cursor is from before the database was restored, moved or upgraded.")


async def test_nobody_follows_from_a_position_in_another_order(feed, say):
    """As a subscription would that waited while the database was restored."""
    await say(1)
    before = await beginning(feed)
    with pytest.raises(CursorOutdated):
        await rest(feed, before._replace(epoch=before.epoch + 1))
    assert numbers(await rest(feed, before)) == [1]


async def test_a_cursor_that_no_event_has_reached_is_refused(feed):
    now = await feed.now()
    assert await rest(feed, now) == []
    for future in (Position(now.xid + 1_000, 1, now.epoch), Position(2**63 - 1, 2**63 - 1, now.epoch)):
        assert Position.parse(future.cursor) == future
        with pytest.raises(BadRequest):
            await rest(feed, future)


async def test_too_much_to_replay_is_refused_in_words(feed, say, monkeypatch):
    monkeypatch.setattr(settings, "replay_events_max", 3)
    await say(1, 2, 3)
    assert numbers(await rest(feed, await beginning(feed))) == [1, 2, 3]
    await say(4)
    with pytest.raises(LimitReached) as refused:
        await rest(feed, await beginning(feed))
    assert (refused.value.limit, refused.value.message) == (
        3,
        "Too many events happened since this cursor. Subscribe without `after`.",
    )


async def test_a_cursor_from_before_the_pruning_is_refused_and_a_later_one_is_not(feed, database, say):
    await say(1, 2, 3, 4)
    first, second, third, _ = positions(await rest(feed, await beginning(feed)))
    async with database.writing() as session:
        old = datetime.now(UTC) - timedelta(days=settings.events_kept_days, seconds=1)
        await session.execute(text("UPDATE events SET created_at = :old WHERE id <= :id"), {"old": old, "id": third.id})
    await pruning.prune(database, "events")
    for place in (await beginning(feed), first, second):
        with pytest.raises(LimitReached) as refused:
            await rest(feed, place)
        assert refused.value.message == (
            "This cursor is too old: events are kept for 7 days. Subscribe without `after`."
        )
    assert numbers(await rest(feed, third)) == [4]


async def test_pruning_leaves_a_table_without_old_events_alone(feed, database, say):
    await say(1, 2)
    await pruning.prune(database, "events")
    assert numbers(await rest(feed, await beginning(feed))) == [1, 2]
    async with database.writing() as session:
        await session.execute(delete(Event))
    await pruning.prune(database, "events")
