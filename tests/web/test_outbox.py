"""What is said on a socket waits for a client that reads slowly, up to a bound, and for nobody who does not read."""

import asyncio

from app.settings import settings
from tests.silence import PATIENCE_S


async def test_a_reader_that_does_not_read_is_waited_for_and_then_closed(connect, served, monkeypatch):
    monkeypatch.setattr(settings, "socket_send_s_max", 0.3)
    async with connect(max_queue=1) as talk:
        await talk.init()
        await talk.subscribe("1", "subscription { large(bytes: 1000000) }")
        await asyncio.wait_for(served.journal.ended.wait(), PATIENCE_S)
        # It was not fed what it did not read: the events stayed where they come from.
        assert served.journal.asked < 20
        assert (await talk.closing())[0] == 4008


async def test_a_client_that_leaves_without_reading_leaves_nothing_behind(connect, served, eventually, monkeypatch):
    monkeypatch.setattr(settings, "socket_send_s_max", 600)
    before = asyncio.all_tasks()
    async with connect(max_queue=1) as talk:
        await talk.init()
        for id in ("1", "2", "3"):
            await talk.subscribe(id, "subscription { large(bytes: 1000000) }")
        await eventually(lambda: served.journal.opened == 3)
        begun = asyncio.all_tasks() - before
        [connection] = served.server.server_state.connections
        async with asyncio.timeout(PATIENCE_S):
            while not connection.outbox._waiting:
                # What answers this waits behind what was not read, once the kernel takes no more of it.
                await talk.say({"type": "ping"})
                await asyncio.sleep(0.01)
        talk.connection.transport.abort()
    await eventually(lambda: served.journal.closed == 3)
    await eventually(lambda: all(task.done() for task in begun))


async def test_a_connection_that_breaks_ends_what_never_waits(connect, served, eventually):
    async with connect(max_queue=1) as talk:
        await talk.init()
        await talk.subscribe("1", "subscription { large(bytes: 1000000) }")
        [connection] = served.server.server_state.connections
        await eventually(lambda: not connection.is_writable)
        connection.transport.abort()
        connection.resume_writing()  # as if the break were noticed while it is written
        await eventually(lambda: served.journal.closed == 1)
        assert served.journal.asked < 100
        talk.connection.transport.abort()  # it does not read, not even the end


async def test_a_burst_of_events_reaches_whoever_reads(connect):
    async with connect() as talk:
        await talk.init()
        await talk.subscribe("1", "subscription { count(to: 2000, everyS: 0) }")
        received = [await talk.receive() for _ in range(2_001)]
    assert [message["payload"]["data"]["count"] for message in received[:-1]] == list(range(2_000))
