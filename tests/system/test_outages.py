"""Live subscriptions outlive the database: they stay open, go on from their last place, lose and double nothing."""

import asyncio
from contextlib import aclosing, asynccontextmanager

import httpx
import pytest

from app import events
from app.errors import Busy
from app.events.dispatcher import EventDispatcher
from app.events.streams import SourceStream
from app.main import build
from app.services.system import notifications
from app.settings import settings
from tests.proxy import before_database
from tests.servers import serving_aside
from tests.system.clients import connected

TOLD = "subscription ($after: String) { notificationReceived(after: $after) { cursor notification { message } } }"
EVENTS = {"accept": "text/event-stream"}


@pytest.fixture
def quick(monkeypatch):
    """Deadlines that a test can wait for."""
    monkeypatch.setattr(settings, "database_silence_s_max", 1)
    monkeypatch.setattr(settings, "database_connect_s_max", 2)
    monkeypatch.setattr(settings, "statement_s_max", 1)
    monkeypatch.setattr(settings, "background_silence_s_max", 2)


@pytest.fixture
async def far(database_url, redis_url, quick, monkeypatch):
    """An API whose database is at the other end of a proxy; and the proxy."""
    async with before_database(database_url) as (proxy, url):
        monkeypatch.setattr(settings, "database_url", url)
        async with serving_aside(build().app) as api:
            yield api, proxy


@pytest.fixture
def notify(database, owner):
    """Tells the owner something, by a way to the database of its own."""

    async def notify(*messages):
        for message in messages:
            async with database.writing() as session:
                notifications.notify(session, owner.id, message, about=owner.user)

    return notify


async def told(client):
    return (await client.next())["notification"]["message"]


async def cut(proxy):
    await proxy.cut()
    await asyncio.sleep(1)
    await proxy.mend()


async def silence(proxy):
    proxy.silence()
    await asyncio.sleep(4)
    proxy.speak()


@pytest.mark.parametrize("away", [cut, silence])
async def test_a_subscription_stays_open_while_the_database_is_away(far, notify, owner, away):
    api, proxy = far
    async with connected(api, owner) as client:
        await client.subscribe(TOLD)
        await client.begun()
        await notify("before")
        assert await told(client) == "before"
        going = asyncio.create_task(away(proxy))
        await asyncio.sleep(0.3)
        await notify(*(f"meanwhile {number}" for number in range(20)))
        await going
        await notify("after")
        expected = [*(f"meanwhile {number}" for number in range(20)), "after"]
        assert [await told(client) for _ in expected] == expected


async def test_more_than_a_reader_holds_may_happen_meanwhile(far, notify, owner, monkeypatch):
    monkeypatch.setattr(settings, "socket_outbox_events_max", 5)
    api, proxy = far
    async with connected(api, owner) as client:
        await client.subscribe(TOLD)
        await client.begun()
        going = asyncio.create_task(cut(proxy))
        await asyncio.sleep(0.3)
        await notify(*map(str, range(30)))
        await going
        assert [await told(client) for _ in range(30)] == [*map(str, range(30))]


async def test_what_happens_before_the_first_event_is_not_lost(live, notify, owner):
    async with connected(live, owner) as client:
        await client.subscribe(TOLD)
        cursor = await client.begun()
    await notify("between two sockets")
    async with connected(live, owner) as client:
        await client.subscribe(TOLD, after=cursor)
        assert await told(client) == "between two sockets"


async def test_every_event_says_how_to_go_on(live, notify, owner):
    async with connected(live, owner) as client:
        await client.subscribe(TOLD)
        await client.begun()
        await notify("one")
        payload = (await client.receive())["payload"]
        assert payload["extensions"]["cursor"] == payload["data"]["notificationReceived"]["cursor"]


async def test_who_resumes_begins_where_it_stands_when_all_it_missed_is_told(live, notify, owner):
    async with connected(live, owner) as client:
        await client.subscribe(TOLD)
        first = await client.begun()
    async with connected(live, owner) as client:
        await client.subscribe(TOLD, after=first)
        assert await client.begun() == first


async def test_what_is_kept_nowhere_has_no_cursor(live, owner):
    async with connected(live, owner) as client:
        await client.subscribe("subscription { typing { seconds } }")
        await client.say({"type": "ping"})
        # A ping with a cursor would come first.
        assert (await client.receive_all())["type"] == "pong"


async def test_a_stream_of_events_begins_with_an_id_and_each_event_has_one(live, notify, owner):
    headers = EVENTS | {"authorization": f"Bearer {owner.token}"}
    body = {"query": TOLD}
    async with (
        httpx.AsyncClient(base_url=live.url, timeout=60) as http,
        http.stream("POST", "/graphql", json=body, headers=headers) as answer,
    ):
        lines = answer.aiter_lines()
        assert (await anext(lines)).startswith("id: ")
        # No data: so a browser shows it to nobody, and yet resumes from there.
        assert await anext(lines) == ""
        await notify("one")
        place, event, data = [await anext(lines) for _ in range(3)]
        assert (place[:4], event, data[:6]) == ("id: ", "event: next", "data: ")
        assert f'"cursor":"{place[4:]}"' in data


# The mechanism, whatever a resolver asks of the database


@asynccontextmanager
async def feeding(database, redis_url):
    feed = EventDispatcher(database.engine, database.reader, redis_url)
    await feed.start()
    try:
        yield feed
    finally:
        await feed.stop()


async def test_an_event_that_cannot_be_read_now_is_read_later(database, redis_url):
    failures = [Busy(), Busy()]

    async def read(event):
        if failures:
            raise failures.pop()
        return event.payload["number"]

    async with feeding(database, redis_url) as feed:
        stream = await SourceStream.since(None, feed, "topic", read)
        async with database.writing() as session:
            for number in range(3):
                events.record(session, "topic", {"number": number})
        async with asyncio.timeout(120), aclosing(stream.values(lambda _: False)) as values:
            assert [(await anext(values))[1] for _ in range(3)] == [0, 1, 2]


async def test_an_outage_without_an_end_ends_the_subscription(database, redis_url, monkeypatch):
    monkeypatch.setattr(settings, "subscription_outage_s_max", 0.3)

    async def read(_happening):
        raise Busy

    async with feeding(database, redis_url) as feed:
        stream = await SourceStream.since(None, feed, "topic", read)
        async with database.writing() as session:
            events.record(session, "topic", {})
        async with asyncio.timeout(120), aclosing(stream.values(lambda _: False)) as values:
            with pytest.raises(Busy):
                await anext(values)
