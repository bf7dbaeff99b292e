"""Whatever is sent, the answer is in GraphQL's words or the protocol's close codes, and the server goes on."""

import contextlib
import json

import pytest
import websockets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
TOKENS = ["{", "}", "(", ")", "[", "]", ":", "$", "@", "...", "=", "!", "query", "mutation", "subscription", "fragment"]
TOKENS += ["on", "Query", "Item", "items", "nodes", "id", "greeting", "echo", "first", "text", "100", "-1", '"x"', "$n"]
DOCUMENT = st.lists(st.sampled_from(TOKENS), max_size=40).map(" ".join) | st.text(max_size=60)
REQUEST = st.fixed_dictionaries(
    {},
    optional={
        "query": DOCUMENT | JSON,
        "variables": st.dictionaries(st.sampled_from(["n", "text", "a"]), JSON, max_size=3) | JSON,
        "operationName": st.sampled_from(["A", "", None]) | JSON,
        "extensions": JSON,
    },
)
BODY = st.binary(max_size=200) | JSON.map(json.dumps).map(str.encode) | REQUEST.map(json.dumps).map(str.encode)
TYPES = ["connection_init", "subscribe", "complete", "ping", "pong", "next", "error", "connection_ack"]
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(TYPES) | JSON,
        "id": st.sampled_from(["1", "2"]) | JSON,
        "payload": REQUEST | JSON,
    },
)
FRAME = st.text(max_size=100) | st.binary(max_size=100) | JSON.map(json.dumps) | MESSAGE.map(json.dumps)
FEW = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
@FEW
@given(body=BODY)
async def test_any_body_is_answered_in_graphqls_words(http, accept, body):
    response = await http.post("/graphql", content=body, headers={"content-type": "application/json", "accept": accept})
    assert response.status_code in {200, 400}
    assert response.headers["content-type"].startswith(accept)
    answer = response.json()
    assert "errors" in answer or "data" in answer
    assert all(error["extensions"]["code"] != "INTERNAL" for error in answer.get("errors", []))


@FEW
@given(
    query=st.text(max_size=50) | DOCUMENT, rest=st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=3)
)
async def test_any_query_string_is_answered_in_graphqls_words(http, query, rest):
    response = await http.get("/graphql", params={**rest, "query": query})
    assert response.status_code in {200, 400, 405, 406}
    assert set(response.json()) <= {"data", "errors", "extensions"}


@FEW
@given(frames=st.lists(FRAME, min_size=1, max_size=6), initialised=st.booleans())
async def test_any_frames_end_in_a_close_code_of_the_protocol(connect, frames, initialised):
    with capture_logs() as lines:
        async with connect() as talk:
            if initialised:
                await talk.init()
            with contextlib.suppress(websockets.ConnectionClosed):
                for frame in frames:
                    await talk.say(frame)
                await talk.say("the end")
            code, _ = await talk.closing()
    assert code in {4400, 4401, 4403, 4409, 4429}
    assert [line for line in lines if line["log_level"] == "error"] == []
