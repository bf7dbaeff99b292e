"""GraphQL as server-sent events: one connection for one operation, and an end to each."""

import asyncio
import json

import httpx
import pytest

from app.settings import settings
from tests.silence import PATIENCE_S

RESPONSE = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"


async def events_of(response: httpx.Response) -> list[tuple[str, object]]:
    text = (await response.aread()).decode()
    assert "\r" not in text
    parts = [part.split("\n") for part in text.split("\n\n") if part and not part.startswith(":")]
    return [
        (event.removeprefix("event: "), json.loads(data.removeprefix("data: ")) if data != "data:" else None)
        for *_, event, data in (part for part in parts if len(part) > 1)  # a place by itself is no event
    ]


async def test_a_subscription_is_answered_as_events(http):
    body = {"query": "subscription { count(to: 2) }"}
    async with http.stream("POST", "/graphql", json=body, headers={"accept": f"{EVENTS}, multipart/mixed"}) as response:
        assert response.headers["content-type"] == f"{EVENTS}; charset=utf-8"
        events = await events_of(response)
    assert [name for name, _ in events] == ["next", "next", "complete"]
    assert [payload["data"] for _, payload in events[:2]] == [{"count": 0}, {"count": 1}]


async def test_a_query_is_answered_as_events_for_whoever_prefers_them(http):
    body = {"query": "{ greeting }"}
    async with http.stream("POST", "/graphql", json=body, headers={"accept": EVENTS}) as response:
        events = await events_of(response)
    assert [name for name, _ in events] == ["next", "complete"]
    assert events[0][1]["data"] == {"greeting": "hello"}


@pytest.mark.parametrize(
    "query",
    ["subscription { nothing }", "{", "subscription { count(to: 1.5) }", "query A { greeting } query B { greeting }"],
)
async def test_what_is_wrong_with_an_operation_is_told_as_its_only_event(http, query):
    async with http.stream("POST", "/graphql", json={"query": query}, headers={"accept": EVENTS}) as response:
        assert (response.status_code, response.headers["content-type"]) == (200, f"{EVENTS}; charset=utf-8")
        events = await events_of(response)
    assert [name for name, _ in events] == ["next", "complete"]
    assert events[0][1]["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert "data" not in events[0][1]


@pytest.mark.parametrize(("token", "status"), [("nobody", 401), ("busy", 503)])
async def test_what_hangs_on_who_asks_or_when_keeps_its_status(ask, token, status):
    response = await ask("subscription { count }", accept=EVENTS, token=token)
    assert (response.status_code, response.headers["content-type"]) == (status, f"{RESPONSE}; charset=utf-8")


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [("", {}), (', after: "Nonsense"', {}), (", after: $after", {"after": "Nonsense"}), (", after: $after", {})],
)
async def test_a_stream_goes_on_after_the_last_event_its_client_saw(http, served, arguments, variables):
    wire = served.journal.wire
    wire.say("a", "before")
    place = wire.say("a", "seen")
    wire.say("a", "missed")
    wire.say("a", "the end")
    declared = "($after: String)" if "$" in arguments else ""
    query = f'subscription News {declared} {{ news(topic: "a"{arguments}) {{ text }} }}'
    body = {"query": query, "variables": variables, "operationName": "News"}
    headers = {"accept": EVENTS, "last-event-id": place}
    async with http.stream("POST", "/graphql", json=body, headers=headers) as response:
        events = await events_of(response)
    assert [name for name, _ in events] == ["next", "next", "complete"]
    assert [payload["data"]["news"]["text"] for _, payload in events[:2]] == ["missed for None", "the end for None"]


async def test_what_cannot_be_resumed_begins_as_always(http):
    body, headers = {"query": "subscription { count(to: 1) }"}, {"accept": EVENTS, "last-event-id": "x"}
    async with http.stream("POST", "/graphql", json=body, headers=headers) as response:
        assert [name for name, _ in await events_of(response)] == ["next", "complete"]


async def test_a_subscription_is_not_answered_in_one_piece(ask, served):
    response = await ask("subscription { count }", accept=JSON)
    assert response.status_code == 406
    assert not served.journal.begun.is_set()


async def test_a_quiet_stream_beats(http, monkeypatch):
    monkeypatch.setattr(settings, "stream_heartbeat_s", 0.02)
    body = {"query": "subscription { count(to: 2, everyS: 0.2) }"}
    async with http.stream("POST", "/graphql", json=body, headers={"accept": EVENTS}) as response:
        text = (await response.aread()).decode()
    assert ":\n\n" in text
    assert text.endswith("event: complete\ndata:\n\n")


async def test_a_stream_ends_when_its_client_leaves(http, served):
    body = {"query": "subscription { count }"}
    async with http.stream("POST", "/graphql", json=body, headers={"accept": EVENTS}) as response:
        async for _ in response.aiter_bytes():
            break
    await asyncio.wait_for(served.journal.ended.wait(), PATIENCE_S)
    assert served.journal.closed == 1


async def test_a_stream_ends_with_its_token(http, served, monkeypatch):
    monkeypatch.setattr(settings, "socket_token_check_s", 0.05)
    body = {"query": "subscription { count }"}
    headers = {"accept": EVENTS, "authorization": "Bearer viewer-1"}
    async with http.stream("POST", "/graphql", json=body, headers=headers) as response:
        await served.journal.begun.wait()
        served.journal.revoked.add("viewer-1")
        text = (await response.aread()).decode()
    assert "complete" not in text
    assert served.journal.closed == 1


async def test_a_failing_subscription_tells_no_secrets(http):
    async with http.stream(
        "POST", "/graphql", json={"query": "subscription { failing }"}, headers={"accept": EVENTS}
    ) as response:
        events = await events_of(response)
    assert [name for name, _ in events] == ["next", "next", "complete"]
    assert events[1][1]["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "secret" not in str(events)
