"""A socket that is open holds no task, and receives all the same what comes in pieces, early, or not as it should."""

import asyncio

import pytest
from websockets.exceptions import InvalidMessage

from app.web.graphql.websockets.connection import Handshake
from app.web.routes import metrics

PING = {"type": "ping"}
PONG = {"type": "pong"}


def serving() -> list[str]:
    """The tasks of the server that serve a connection."""
    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return [name for name in names if name.startswith(("Handshake.", "SocketSession."))]


async def test_an_open_socket_holds_no_task(connect, served, eventually):
    async with connect() as talk:
        await eventually(lambda: not serving())
        await talk.init(token="viewer-1")
        await talk.subscribe("1", 'subscription { news(topic: "t") { text } }')
        await eventually(lambda: served.journal.wire.followed == 1)
        assert serving() == []
        [connection] = served.server.server_state.connections
        assert not hasattr(connection, "queue")
        served.journal.wire.say("t", "still")
        received = [(await talk.receive())["payload"]["data"]["news"]["text"] for _ in range(2)]
        assert received == ["how things stand for 1", "still for 1"]
    await eventually(lambda: served.journal.wire.followed == 0)


async def test_a_message_in_several_frames_is_one(connect):
    async with connect() as talk:
        await talk.connection.send(['{"type":', '"connection_', 'init"}'])
        assert await talk.receive() == {"type": "connection_ack"}
        await talk.connection.send(['{"type"', ':"ping"}'])
        assert await talk.receive() == PONG


async def test_bytes_in_several_frames_are_no_message(connect):
    async with connect() as talk:
        await talk.init()
        await talk.connection.send([b'{"type":', b'"ping"}'])
        assert (await talk.closing())[0] == 4400


async def test_a_text_that_is_not_utf8_is_refused(connect):
    async with connect() as talk:
        await talk.init()
        await talk.connection.send(b'{"type":"\xff"}', text=True)
        assert (await talk.closing())[0] == 1007


async def test_what_comes_before_the_token_is_known_is_received_afterwards_in_its_order(connect, served):
    served.journal.known.clear()
    async with connect() as talk:
        await talk.say({"type": "connection_init", "payload": {"token": "viewer-3"}})
        await talk.say({"type": "ping"})
        await talk.subscribe("1", "{ viewer }")
        await talk.say({"type": "pong"})
        served.journal.known.set()
        assert await talk.receive() == {"type": "connection_ack"}
        assert await talk.receive() == PONG
        assert (await talk.receive())["payload"]["data"] == {"viewer": 3}
        assert await talk.receive() == {"type": "complete", "id": "1"}


async def test_what_is_wrong_before_the_token_is_known_is_refused_afterwards(connect, served):
    served.journal.known.clear()
    async with connect() as talk:
        await talk.say({"type": "connection_init"})
        await talk.say({"type": "connection_init"})
        await talk.say(PING)
        served.journal.known.set()
        assert await talk.receive() == {"type": "connection_ack"}
        assert (await talk.closing()) == (4429, "Too many initialisation requests")


async def test_who_leaves_before_the_token_is_known_leaves_nothing(connect, served, eventually):
    before = metrics.sockets._value.get()
    served.journal.known.clear()
    async with connect() as talk:
        await talk.say({"type": "connection_init", "payload": {"token": "viewer-3"}})
        await eventually(lambda: serving() == ["SocketSession._look_up_token"])
        assert metrics.sockets._value.get() == before + 1
        talk.connection.transport.abort()
        served.journal.known.set()
    await eventually(lambda: metrics.sockets._value.get() == before)
    assert serving() == []


async def test_a_connection_that_closes_while_it_is_let_in_leaves_nothing(connect, eventually, monkeypatch, caplog):
    before, send, sent = metrics.sockets._value.get(), Handshake.send, []

    async def closing(handshake, message):
        handshake.transport.close()
        sent.append(message["type"])
        await send(handshake, message)

    monkeypatch.setattr(Handshake, "send", closing)
    with pytest.raises(InvalidMessage):
        async with connect():
            pass
    await eventually(lambda: serving() == [] and metrics.sockets._value.get() == before)
    assert sent == ["websocket.accept"]
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("code", [1000, 1001, 3999])
async def test_who_closes_is_answered_with_their_code(connect, eventually, code):
    before = metrics.sockets._value.get()
    async with connect() as talk:
        await talk.init()
        await talk.connection.close(code)
        assert talk.connection.close_code == code
    await eventually(lambda: metrics.sockets._value.get() == before)
