"""GraphQL over WebSocket: every end has its code, and one operation's failure is not another's."""

import asyncio
import contextlib
import json

import pytest

from app.settings import settings
from app.web.graphql.subscriptions import token_checks
from tests.silence import PATIENCE_S

TEN = "subscription { count(to: 10) }"
ENDLESS = "subscription { count }"


async def test_a_subscription_sends_its_events_and_completes(connect, served):
    async with connect() as talk:
        await talk.init()
        await talk.subscribe("1", "subscription($to: Int!) { count(to: $to) }", to=2)
        received = [await talk.receive() for _ in range(3)]
    assert [(message["type"], message["id"]) for message in received] == [
        ("next", "1"),
        ("next", "1"),
        ("complete", "1"),
    ]
    assert [message["payload"]["data"] for message in received[:2]] == [{"count": 0}, {"count": 1}]
    assert served.journal.closed == 1


async def test_queries_and_mutations_run_over_the_socket_too(connect):
    async with connect() as talk:
        await talk.init(Authorization="Bearer viewer-7")
        await talk.subscribe("q", "{ viewer }")
        assert (await talk.receive())["payload"]["data"] == {"viewer": 7}
        assert await talk.receive() == {"type": "complete", "id": "q"}
        await talk.subscribe("m", 'mutation { rename(name: "x") }')
        assert (await talk.receive())["payload"]["data"] == {"rename": "x"}


@pytest.mark.parametrize(
    "payload",
    [{"Authorization": "Bearer viewer-3"}, {"authorization": "bearer viewer-3"}, {"token": "viewer-3"}],
)
async def test_the_token_comes_in_the_connection_params(connect, payload):
    async with connect() as talk:
        await talk.init(**payload)
        await talk.subscribe("1", "{ viewer }")
        assert (await talk.receive())["payload"]["data"] == {"viewer": 3}


async def test_each_operation_has_a_context_of_its_own(connect, served):
    async with connect() as talk:
        await talk.init()
        for id in ("1", "2"):
            await talk.subscribe(id, "{ greeting }")
            assert [(await talk.receive())["type"] for _ in range(2)] == ["next", "complete"]
    ids = [caller.request_id for caller in served.journal.callers]
    assert len(ids) == len(set(ids)) == 3
    assert ids[1:] == [f"{ids[0]}.1", f"{ids[0]}.2"]


NOT_A_MESSAGE = {
    "a list": "[]",
    "a number": "1",
    "null": "null",
    "a text": '"x"',
    "nothing": "",
    "not JSON": "{",
    "bytes": b"{}",
    "invalid escapes": '{"type":"ping","payload":{"a":"\\ud800"}}',
    "no type": "{}",
    "a type of null": '{"type":null}',
    "a type that is an object": '{"type":{}}',
    "an unknown type": '{"type":"subscribed"}',
    "the older protocol": '{"type":"start","id":"1","payload":{"query":"{greeting}"}}',
    "a message of the server": '{"type":"next","id":"1","payload":{}}',
    "deep nesting": "[" * 30_000,
    "deep nesting in a payload": '{"type":"ping","payload":{"a":' + "[" * 15_000 + "]" * 15_000 + "}}",
    "a ping's payload that is a text": '{"type":"ping","payload":"x"}',
    "a pong's payload that is a list": '{"type":"pong","payload":[]}',
    "a huge integer": '{"type":"ping","payload":{"a":' + "9" * 5_000 + "}}",
    "a complete without id": '{"type":"complete"}',
    "a complete with an object for id": '{"type":"complete","id":{}}',
}
NOT_A_SUBSCRIBE = {
    "an id that is an object": {"id": {}, "payload": {"query": "{greeting}"}},
    "an id that is a number": {"id": 1, "payload": {"query": "{greeting}"}},
    "an empty id": {"id": "", "payload": {"query": "{greeting}"}},
    "an endless id": {"id": "x" * 5_000, "payload": {"query": "{greeting}"}},
    "no id": {"payload": {"query": "{greeting}"}},
    "no payload": {"id": "1"},
    "a payload of null": {"id": "1", "payload": None},
    "a payload that is a text": {"id": "1", "payload": "x"},
    "a payload that is a list": {"id": "1", "payload": []},
    "no query": {"id": "1", "payload": {}},
    "a query of null": {"id": "1", "payload": {"query": None}},
    "a query that is a number": {"id": "1", "payload": {"query": 1}},
    "variables that are a list": {"id": "1", "payload": {"query": "{greeting}", "variables": []}},
    "extensions that are a text": {"id": "1", "payload": {"query": "{greeting}", "extensions": "x"}},
    "a name that is a number": {"id": "1", "payload": {"query": "{greeting}", "operationName": 1}},
}


@pytest.mark.parametrize("message", NOT_A_MESSAGE.values(), ids=NOT_A_MESSAGE.keys())
@pytest.mark.parametrize("initialised", [True, False])
async def test_what_is_no_message_closes_with_4400(connect, message, initialised):
    async with connect() as talk:
        if initialised:
            await talk.init()
        await talk.say(message)
        code, reason = await talk.closing()
    assert code == 4400
    assert reason


@pytest.mark.parametrize("message", NOT_A_SUBSCRIBE.values(), ids=NOT_A_SUBSCRIBE.keys())
async def test_a_malformed_subscribe_closes_with_4400(connect, message):
    async with connect() as talk:
        await talk.init()
        await talk.say({"type": "subscribe", **message})
        assert (await talk.closing())[0] == 4400


@pytest.mark.parametrize("payload", ["x", 1, [], True])
async def test_malformed_connection_params_close_with_4400(connect, payload):
    async with connect() as talk:
        await talk.say({"type": "connection_init", "payload": payload})
        assert (await talk.closing())[0] == 4400


async def test_a_message_over_the_limit_closes_with_1009(connect):
    async with connect() as talk:
        await talk.say("x" * (settings.socket_message_bytes_max + 1))
        assert (await talk.closing())[0] == 1009


async def test_subscribing_before_initialising_closes_with_4401(connect):
    async with connect() as talk:
        await talk.subscribe("1", TEN)
        assert (await talk.closing())[0] == 4401


@pytest.mark.parametrize(
    "payload",
    [
        {"Authorization": "Bearer stale"},
        {"Authorization": "Basic x"},
        {"Authorization": {}},
        {"token": 1},
        {"token": "stale"},
    ],
)
async def test_a_bad_token_closes_with_4403(connect, payload):
    async with connect() as talk:
        await talk.say({"type": "connection_init", "payload": payload})
        assert (await talk.closing())[0] == 4403


@pytest.mark.parametrize(("token", "code"), [("busy", 1013), ("bug", 4500)])
async def test_a_failure_while_initialising_closes_without_telling_secrets(connect, token, code):
    async with connect() as talk:
        await talk.say({"type": "connection_init", "payload": {"token": token}})
        closed, reason = await talk.closing()
    assert closed == code
    assert "secret" not in reason


@pytest.mark.parametrize("protocols", [None, ["graphql-ws"], ["mqtt", "graphql-ws"]])
async def test_another_subprotocol_closes_with_4406(connect, protocols):
    async with connect(protocols=protocols) as talk:
        assert (await talk.closing())[0] == 4406


async def test_a_client_that_does_not_initialise_is_closed_with_4408(connect, monkeypatch):
    monkeypatch.setattr(settings, "socket_init_s_max", 0.1)
    async with connect() as talk:
        await talk.say({"type": "ping"})
        assert await talk.receive() == {"type": "pong"}
        assert (await talk.closing())[0] == 4408


async def test_an_id_in_use_closes_with_4409(connect, served):
    async with connect() as talk:
        await talk.init()
        await talk.subscribe("1", ENDLESS)
        await talk.receive()
        await talk.subscribe("1", ENDLESS)
        assert await talk.closing() == (4409, "Subscriber for 1 already exists")
    await asyncio.wait_for(served.journal.ended.wait(), PATIENCE_S)


async def test_an_id_is_free_again_when_its_operation_is_over(connect):
    async with connect() as talk:
        await talk.init()
        for _ in range(50):
            await talk.subscribe("1", "{ greeting }")
            assert [(await talk.receive())["type"] for _ in range(2)] == ["next", "complete"]


async def test_an_id_is_free_again_when_the_client_completes_it(connect):
    async with connect() as talk:
        await talk.init()
        for _ in range(20):
            await talk.subscribe("1", ENDLESS)
            await talk.say({"type": "complete", "id": "1"})
            await talk.subscribe("1", "{ greeting }")
            while (await talk.receive())["type"] != "complete":
                pass


async def test_initialising_twice_closes_with_4429(connect):
    async with connect() as talk:
        await talk.init()
        await talk.say({"type": "connection_init"})
        assert await talk.closing() == (4429, "Too many initialisation requests")


async def test_a_ping_is_answered_with_its_payload(connect):
    async with connect() as talk:
        await talk.say({"type": "ping", "payload": {"at": [1, "é"]}})
        assert await talk.receive() == {"type": "pong", "payload": {"at": [1, "é"]}}
        await talk.say({"type": "ping"})
        assert await talk.receive() == {"type": "pong"}


async def test_a_quiet_client_is_pinged_and_a_silent_one_closed(connect, monkeypatch):
    monkeypatch.setattr(settings, "socket_ping_s", 0.05)
    monkeypatch.setattr(settings, "socket_silence_s_max", 0.3)
    async with connect() as answering, connect() as silent:
        await answering.init()
        await silent.init()

        async def answer() -> None:
            while True:
                assert await answering.receive() == {"type": "ping"}
                await answering.say({"type": "pong"})

        answers = asyncio.create_task(answer())
        assert (await silent.closing())[0] == 4499
        assert not answers.done()
        answers.cancel()


@pytest.mark.parametrize(
    "query",
    ["{ greetin", "", "{ nothing }", "subscription { a: count b: count }", "query($t: String!) { echo(text: $t) }"],
)
async def test_a_wrong_operation_is_an_error_for_its_id_alone(connect, query):
    async with connect() as talk:
        await talk.init()
        await talk.subscribe("good", ENDLESS)
        assert (await talk.receive())["id"] == "good"
        await talk.subscribe("bad", query)
        received = await talk.receive()
        while received["id"] == "good":
            received = await talk.receive()
        assert (received["id"], received["type"]) == ("bad", "error")
        assert received["payload"][0]["extensions"]["code"] == "BAD_REQUEST"
        after = [await talk.receive() for _ in range(3)]
    assert {(message["id"], message["type"]) for message in after} == {("good", "next")}


async def test_a_failing_subscription_tells_no_secrets_and_completes(connect):
    async with connect() as talk:
        await talk.init()
        await talk.subscribe("1", "subscription { failing }")
        received = [await talk.receive() for _ in range(3)]
    assert [message["type"] for message in received] == ["next", "next", "complete"]
    assert received[1]["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "secret" not in json.dumps(received)


async def test_an_operation_that_takes_too_long_is_an_error_for_its_id(connect, monkeypatch):
    monkeypatch.setattr(settings, "request_s_max", 0.1)
    async with connect() as talk:
        await talk.init()
        await talk.subscribe("1", "{ slow }")
        received = await talk.receive()
    assert (received["type"], received["payload"][0]["extensions"]["code"]) == ("error", "TIMEOUT")


async def test_there_are_only_so_many_subscriptions_on_a_socket(connect, monkeypatch):
    monkeypatch.setattr(settings, "socket_subscriptions_max", 2)
    async with connect() as talk:
        await talk.init()
        for id in ("1", "2", "3"):
            await talk.subscribe(id, "subscription { count(everyS: 60) }")
        received = [await talk.receive() for _ in range(3)]
        errors = [message for message in received if message["type"] == "error"]
        assert [message["id"] for message in errors] == ["3"]
        assert errors[0]["payload"][0]["extensions"] == {"code": "LIMIT_REACHED", "limit": 2}
        await talk.say({"type": "complete", "id": "1"})
        await talk.subscribe("3", "{ greeting }")
        assert [(await talk.receive())["type"] for _ in range(2)] == ["next", "complete"]


async def test_there_are_only_so_many_strangers_at_an_address(connect, monkeypatch):
    monkeypatch.setattr(settings, "sockets_per_address_max", 2)
    async with connect() as first, connect() as second:
        await first.init()
        await second.init(token="viewer-1")
        async with connect() as third, connect() as fourth:
            await third.init()
            code, reason = await fourth.closing()
    # graphql-ws takes 4429 for final, and this for "again, with back-off".
    assert (code, reason) == (1013, "2 connections are already open. Close one first.")
    async with connect() as fifth:
        await fifth.init()


@pytest.mark.parametrize("leave", ["complete", "close", "abort"])
async def test_a_subscription_ends_when_its_client_completes_or_leaves(connect, served, leave):
    async with connect() as talk:
        await talk.init()
        await talk.subscribe("1", "subscription { count(everyS: 60) }")
        await talk.receive()
        if leave == "complete":
            await talk.say({"type": "complete", "id": "1"})
        elif leave == "close":
            await talk.connection.close()
        else:
            talk.connection.transport.abort()
        await asyncio.wait_for(served.journal.ended.wait(), PATIENCE_S)
    assert served.journal.closed == 1


async def test_a_query_under_way_is_cancelled_when_its_client_leaves(connect, served):
    async with connect() as talk:
        await talk.init()
        await talk.subscribe("1", "{ slow }")
        await served.journal.begun.wait()
    await asyncio.wait_for(served.journal.ended.wait(), PATIENCE_S)
    assert served.journal.cancelled == 1


async def test_the_socket_closes_when_the_token_ends(connect, served):
    async with connect() as talk:
        await talk.init(token="viewer-1+0.3")
        await talk.subscribe("1", ENDLESS)
        assert await talk.closing() == (4403, "The token is no longer valid")
    assert served.journal.closed == 1


async def test_the_socket_closes_when_the_token_is_revoked(connect, served, monkeypatch):
    monkeypatch.setattr(settings, "socket_token_check_s", 0.05)
    async with connect() as talk, connect() as other:
        await talk.init(token="viewer-1")
        await other.init(token="viewer-2")
        await talk.subscribe("1", ENDLESS)
        served.journal.revoked.add("viewer-1")
        assert (await talk.closing())[0] == 4403
        await other.subscribe("1", "{ viewer }")
        assert (await other.receive())["payload"]["data"] == {"viewer": 2}


async def test_a_token_is_checked_once_whoever_brought_it(connect, served, monkeypatch, eventually):
    monkeypatch.setattr(settings, "socket_token_check_s", 0.02)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            await (await stack.enter_async_context(connect())).init(token="viewer-1")
        served.journal.callers.clear()
        await eventually(lambda: len(served.journal.callers) >= 5)
        assert len({caller.request_id for caller in served.journal.callers}) == 1


async def test_an_operation_with_a_token_that_ended_meanwhile_closes_the_socket(connect, served, monkeypatch):
    async def nobody(self) -> None:
        """A round that was begun before this test might come to this token first."""

    monkeypatch.setattr(token_checks.Tokens, "_check_all", nobody)
    async with connect() as talk:
        await talk.init(token="viewer-1")
        served.journal.revoked.add("viewer-1")
        await talk.subscribe("1", "{ viewer }")
        assert await talk.closing() == (4403, "This token does not hold.")


async def test_sockets_that_drop_leave_nothing_behind(connect, served, eventually):
    before, begun = asyncio.all_tasks(), set()
    for _ in range(3):
        async with contextlib.AsyncExitStack() as stack:
            talks = [await stack.enter_async_context(connect()) for _ in range(50)]
            for talk in talks:
                await talk.init()
                await talk.subscribe("1", ENDLESS)
                await talk.receive()
            begun |= asyncio.all_tasks() - before
            for talk in talks:
                talk.connection.transport.abort()
    await eventually(lambda: all(task.done() for task in begun))
    assert served.journal.closed == 150
