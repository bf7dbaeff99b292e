"""Who asks the same is told the same: once executed, once encoded, and nobody is disturbed by the others."""

import asyncio
import json
import random
from contextlib import AsyncExitStack, suppress

import pytest
import websockets
from structlog.testing import capture_logs

from app.settings import settings
from app.web.routes import metrics

NEWS = "subscription ($topic: String!, $after: String) { news(topic: $topic, after: $after) { cursor text } }"
NAMED = "subscription Other($topic: String!) { news(topic: $topic) { cursor text } }"
TOPIC = "village"


@pytest.fixture
async def listen(connect):
    """Open a socket that listens to the news; it stays until the test ends."""
    async with AsyncExitStack() as stack:

        async def listen(query=NEWS, topic=TOPIC, *, token=None, **variables):
            talk = await stack.enter_async_context(connect())
            await talk.init(**({"token": token} if token else {}))
            await talk.subscribe("1", query, topic=topic, **variables)
            return talk

        yield listen


@pytest.fixture
def wire(served):
    return served.journal.wire


async def news(talk):
    message = await talk.receive()
    assert message["type"] == "next", message
    assert "errors" not in message["payload"], message
    return message["payload"]["data"]["news"]


async def texts(talk, count):
    return [(await news(talk))["text"].removesuffix(" for None") for _ in range(count)]


async def test_one_event_to_many_is_executed_once(listen, wire):
    talks = [await listen() for _ in range(5)]
    for talk in talks:
        assert await texts(talk, 1) == ["how things stand"]
    wire.executed = 0
    wire.say(TOPIC, "one")
    for talk in talks:
        assert await texts(talk, 1) == ["one"]
    assert (wire.executed, wire.followed) == (1, 1)


async def test_who_asks_while_others_begin_begins_together(listen, wire, eventually):
    wire.gate.clear()
    first = await listen()
    await eventually(lambda: wire.runs == 1)
    others = [await listen() for _ in range(4)]
    for talk in others:
        await talk.say({"type": "ping"})
        assert (await talk.receive())["type"] == "pong"
    wire.gate.set()
    for talk in (first, *others):
        assert await texts(talk, 1) == ["how things stand"]
    assert wire.runs == 2


async def test_the_longer_a_beginning_takes_the_longer_the_next_waits_for_more(connect, listen, wire):
    wire.beginning_s = 0.2
    first, second = await listen(), await listen()
    async with connect() as third:
        await third.init()
        assert await texts(first, 1) == ["how things stand"]
        await asyncio.sleep(0.1)  # the second is not begun for twice as long as the first took
        await third.subscribe("1", NEWS, topic=TOPIC)
        for talk in (second, third):
            assert await texts(talk, 1) == ["how things stand"]
    assert wire.runs == 2


@pytest.mark.parametrize(
    "other",
    [{"topic": "town"}, {"query": NAMED}, {"token": "viewer-2"}, {"query": NEWS + "  "}],
    ids=["variables", "operation", "viewer", "document"],
)
async def test_who_asks_something_else_is_told_by_itself(listen, wire, other):
    first, second = await listen(token="viewer-1"), await listen(**{"token": "viewer-1", **other})
    assert (await news(first))["text"] == "how things stand for 1"
    mine = other.get("token", "viewer-1").removeprefix("viewer-")
    assert (await news(second))["text"] == f"how things stand for {mine}"
    wire.executed = 0
    for topic in {TOPIC, other.get("topic", TOPIC)}:
        wire.say(topic, f"of the {topic}")
    assert (await news(first))["text"] == "of the village for 1"
    assert (await news(second))["text"] == f"of the {other.get('topic', TOPIC)} for {mine}"
    assert (wire.executed, wire.followed) == (2, 2)


async def test_the_same_viewer_shares_over_their_sockets_and_streams(listen, wire, http):
    first, second = await listen(token="viewer-1"), await listen(token="viewer-1")
    body = {"query": NEWS, "variables": {"topic": TOPIC}}
    headers = {"accept": "text/event-stream", "authorization": "Bearer viewer-1"}
    async with http.stream("POST", "/graphql", json=body, headers=headers) as response:
        lines = response.aiter_lines()
        assert "how things stand" in await anext(line async for line in lines if line.startswith("data: "))
        for talk in (first, second):
            assert (await news(talk))["text"] == "how things stand for 1"
        wire.executed = 0
        wire.say(TOPIC, "one")
        received = json.loads((await anext(line async for line in lines if line.startswith("data: ")))[6:])
        assert received["data"]["news"]["text"] == "one for 1"
        for talk in (first, second):
            assert (await news(talk))["text"] == "one for 1"
        assert (wire.executed, wire.followed) == (1, 1)


async def test_who_resumes_is_told_what_it_missed_and_then_shares(listen, wire):
    fresh = await listen()
    cursor = (await news(fresh))["cursor"]
    wire.say(TOPIC, "one")
    wire.say(TOPIC, "two")
    assert await texts(fresh, 2) == ["one", "two"]
    resumed = await listen(after=cursor)
    assert await texts(resumed, 2) == ["one", "two"]
    wire.executed = 0
    wire.say(TOPIC, "three")
    assert await texts(fresh, 1) == await texts(resumed, 1) == ["three"]
    assert (wire.executed, wire.followed) == (1, 1)


async def test_who_resumes_elsewhere_is_told_by_itself_what_hangs_on_that(listen, wire):
    query = (
        "subscription ($topic: String!, $after: String) { news(topic: $topic, after: $after) { text(suffix: $after) } }"
    )
    start, later = wire.now().cursor, wire.say(TOPIC, "one")
    talks = {cursor: await listen(query, after=cursor) for cursor in (start, later)}
    assert await texts(talks[start], 1) == [f"one for None{start}"]
    wire.say(TOPIC, "two")
    for cursor, talk in talks.items():
        assert await texts(talk, 1) == [f"two for None{cursor}"]


async def test_whoever_comes_when_and_however_misses_and_doubles_nothing(listen, wire, eventually):
    # So slow that others are further on when it has begun.
    wire.beginning_s = 0.02
    begun = []

    async def say():
        while len(begun) < 25:
            wire.say(TOPIC, "one more")
            await asyncio.sleep(random.choice((0, 0, 0.001, 0.005)))
        wire.say(TOPIC, "last")

    async def receive():
        await asyncio.sleep(random.uniform(0, 0.3))
        resumed = random.random() < 0.5
        start = wire.now().cursor if resumed else None
        talk = await listen(**({"after": start} if resumed else {}))
        start = start or (await news(talk))["cursor"]
        begun.append(start)
        received = [await news(talk)]
        while received[-1]["text"] != "last for None":
            received.append(await news(talk))
        return start, [event["cursor"] for event in received]

    saying = asyncio.create_task(say())
    everybody = await asyncio.gather(*(receive() for _ in range(25)))
    await saying
    cursors = [said.position.cursor for said in wire._said]
    for start, received in everybody:
        assert received == (cursors[cursors.index(start) + 1 :] if start in cursors else cursors)
    await eventually(lambda: wire.followed == 1)


@pytest.mark.parametrize("leave", ["complete", "close", "abort"])
async def test_who_leaves_disturbs_nobody_and_the_last_ends_it(listen, wire, leave, eventually):
    talks = [await listen() for _ in range(3)]
    for talk in talks:
        assert await texts(talk, 1) == ["how things stand"]
    while talks:
        leaving = talks.pop()
        if leave == "complete":
            await leaving.say({"type": "complete", "id": "1"})
        elif leave == "close":
            await leaving.connection.close()
        else:
            leaving.connection.transport.abort()
        wire.say(TOPIC, f"to {len(talks)}")
        for talk in talks:
            assert await texts(talk, 1) == [f"to {len(talks)}"]
    await eventually(lambda: wire.followed == 0)
    again = await listen()
    assert await texts(again, 1) == ["how things stand"]


async def test_who_leaves_before_it_began_leaves_nothing_behind(listen, wire, eventually):
    wire.gate.clear()
    first, second = await listen(), await listen()
    await eventually(lambda: wire.runs == 1)
    for talk in (second, first):
        await talk.connection.close()
    third = await listen()
    await eventually(lambda: wire.runs == 2)
    wire.gate.set()
    assert await texts(third, 1) == ["how things stand"]
    assert wire.followed == 1


async def test_a_failure_ends_it_for_all_and_tells_no_secrets(listen, wire):
    talks = [await listen() for _ in range(3)]
    for talk in talks:
        assert await texts(talk, 1) == ["how things stand"]
    wire.say(TOPIC, "a bug")
    for talk in talks:
        failed = await talk.receive()
        assert failed["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert "secret" not in json.dumps(failed)
        assert await talk.receive() == {"type": "complete", "id": "1"}
    assert wire.followed == 0
    await talks[0].subscribe("1", NEWS, topic=TOPIC)
    assert await texts(talks[0], 1) == ["how things stand"]


async def test_the_end_completes_it_for_all(listen, wire):
    talks = [await listen() for _ in range(3)]
    for talk in talks:
        assert await texts(talk, 1) == ["how things stand"]
    wire.say(TOPIC, "the end")
    for talk in talks:
        assert await texts(talk, 1) == ["the end"]
        assert await talk.receive() == {"type": "complete", "id": "1"}
    assert wire.followed == 0


@pytest.mark.parametrize(
    "limit", [("socket_outbox_events_max", 5), ("socket_outbox_bytes_max", 1_000_000), ("socket_send_s_max", 0.2)]
)
async def test_a_slow_socket_is_ended_with_its_cursor_while_others_go_on(
    listen, connect, wire, monkeypatch, eventually, limit
):
    monkeypatch.setattr(settings, "socket_outbox_bytes_max", 100_000_000)
    monkeypatch.setattr(settings, *limit)
    ended = metrics.closes.labels(4008)._value
    before = ended.get()
    fast = await listen()
    assert await texts(fast, 1) == ["how things stand"]
    large = "x" * 500_000
    async with connect(max_queue=1) as slow:
        await slow.init()
        await slow.subscribe("1", NEWS, topic=TOPIC)
        assert await texts(slow, 1) == ["how things stand"]
        for number in range(40):
            wire.say(TOPIC, f"{number} {large}")
            assert (await texts(fast, 1))[0].startswith(f"{number} ")
        await eventually(lambda: ended.get() > before)
        received = await until_closed(slow)
        code, reason = await slow.closing()
    assert (code, reason) == (4008, f"Too slow: the messages were not read. Last cursor: {received[-1]['cursor']}")
    assert len(received) < 40
    monkeypatch.undo()
    resumed = await listen(after=received[-1]["cursor"])
    rest = [await news(resumed) for _ in range(40 - len(received))]
    assert [int(event["text"].split()[0]) for event in received + rest] == list(range(40))


async def until_closed(talk):
    received = []
    with suppress(websockets.ConnectionClosed):
        while True:
            received.append(await news(talk))
    return received


async def test_each_subscriber_is_counted_and_logged(listen, wire):
    before = metrics.events._value.get()
    with capture_logs() as logs:
        talks = [await listen() for _ in range(3)]
        for talk in talks:
            assert await texts(talk, 1) == ["how things stand"]
        wire.say(TOPIC, "the end")
        for talk in talks:
            while (await talk.receive())["type"] != "complete":
                pass
    ended = [line for line in logs if line["event"] == "operation"]
    assert [line["events"] for line in ended] == [2, 2, 2]
    assert len({line["request_id"] for line in ended}) == 3
    assert metrics.events._value.get() - before == 6


async def test_leaving_ends_what_is_shared_so_that_clients_come_again(serve, connect):
    async with serve() as served, connect(served.socket_url) as first, connect(served.socket_url) as second:
        for talk in (first, second):
            await talk.init()
            await talk.subscribe("1", NEWS, topic=TOPIC)
            assert await texts(talk, 1) == ["how things stand"]
        served.server.should_exit = True
        for talk in (first, second):
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await talk.receive()
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "The server restarts: connect again")
    assert served.journal.wire.followed == 0
