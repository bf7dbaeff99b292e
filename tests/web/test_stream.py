"""GraphQL as server-sent events: one connection for one operation, and an end to each."""

import asyncio
import json

import httpx

from app.settings import settings

RESPONSE = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"


async def events_of(response: httpx.Response) -> list[tuple[str, object]]:
    text = (await response.aread()).decode()
    assert "\r" not in text
    parts = [part.split("\n") for part in text.split("\n\n") if part and not part.startswith(":")]
    return [
        (event.removeprefix("event: "), json.loads(data.removeprefix("data: ")) if data != "data:" else None)
        for event, data in parts
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


async def test_a_wrong_document_is_refused_before_the_stream_begins(ask):
    response = await ask("subscription { nothing }", accept=EVENTS)
    assert (response.status_code, response.headers["content-type"]) == (400, f"{RESPONSE}; charset=utf-8")


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
    await asyncio.wait_for(served.journal.ended.wait(), 10)
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
