"""GraphQL over HTTP: media types, status codes, and an answer in GraphQL's words to whatever is sent."""

import asyncio
import contextlib
import gzip

import httpx
import pytest
from structlog.testing import capture_logs

from app.settings import settings
from tests.silence import PATIENCE_S

RESPONSE = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
URQL = f"{RESPONSE}, application/graphql+json, {JSON}, {EVENTS}, multipart/mixed"


def post(body: bytes, **headers: str) -> dict:
    return {"content": body, "headers": {"content-type": JSON, **{k.replace("_", "-"): v for k, v in headers.items()}}}


def code_of(response: httpx.Response) -> str:
    return response.json()["errors"][0]["extensions"]["code"]


async def test_a_query_is_answered_with_its_cost(ask):
    response = await ask("{ greeting items(first: 2) { nodes { id } } }")
    assert response.status_code == 200
    assert response.json() == {
        "data": {"greeting": "hello", "items": {"nodes": [{"id": 0}, {"id": 1}]}},
        "extensions": {"cost": {"requested": 4, "max": 20_000}},
    }


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("*/*", JSON),
        (JSON, JSON),
        (RESPONSE, RESPONSE),
        (f"{JSON}, {RESPONSE}", JSON),
        (f"{JSON};q=0.5, {RESPONSE}", RESPONSE),
        (URQL, RESPONSE),
        (f"{EVENTS};q=0.1, {JSON}", JSON),
    ],
)
async def test_the_order_of_accept_is_honoured(http, accept, expected):
    headers = {"accept": accept} if accept else {}
    if accept is None:
        del http.headers["accept"]
    response = await http.post("/graphql", json={"query": "{ greeting }"}, headers=headers)
    assert response.headers["content-type"] == f"{expected}; charset=utf-8"
    assert response.json()["data"] == {"greeting": "hello"}


@pytest.mark.parametrize("accept", ["text/plain", "image/*", f"{JSON};q=0", "multipart/mixed"])
async def test_a_type_we_do_not_have_is_not_acceptable(ask, accept):
    response = await ask("{ greeting }", accept=accept)
    assert response.status_code == 406
    assert code_of(response) == "BAD_REQUEST"


@pytest.mark.parametrize(
    "query",
    [
        "{ greetin",
        "{ nothing }",
        "",
        "query A { greeting } query B { greeting }",
        "query($n: Int!) { items(first: $n) { nodes { id } } }",
    ],
)
async def test_a_wrong_document_is_400_in_the_new_type_and_200_in_the_old(ask, query):
    modern, old = await ask(query, accept=RESPONSE), await ask(query, accept=JSON)
    assert (modern.status_code, old.status_code) == (400, 200)
    assert modern.json() == old.json()
    assert "data" not in modern.json()
    assert code_of(modern) == "BAD_REQUEST"


async def test_the_named_operation_runs(http):
    document = "query A { greeting } query B { viewer }"
    chosen = await http.post("/graphql", json={"query": document, "operationName": "B"})
    unknown = await http.post("/graphql", json={"query": document, "operationName": "C"})
    assert chosen.json()["data"] == {"viewer": None}
    assert unknown.json()["errors"][0]["message"] == "There is no operation named 'C' in this document."


MALFORMED = {
    "a number": b"1",
    "a text": b'"x"',
    "null": b"null",
    "true": b"true",
    "nothing": b"",
    "half an object": b'{"query":',
    "not JSON": b"query={greeting}",
    "a batch": b'[{"query":"{greeting}"}]',
    "an empty batch": b"[]",
    "no query": b"{}",
    "a query of null": b'{"query":null}',
    "a query that is a number": b'{"query":1}',
    "a query that is a list": b'{"query":["{greeting}"]}',
    "variables that are a list": b'{"query":"{greeting}","variables":[]}',
    "variables that are a text": b'{"query":"{greeting}","variables":"{}"}',
    "extensions that are a number": b'{"query":"{greeting}","extensions":1}',
    "an operation name that is a number": b'{"query":"{greeting}","operationName":1}',
    "10 000 levels": b"[" * 10_000,
    "10 000 levels of objects": b'{"a":' * 10_000,
    "10 000 levels in the variables": b'{"query":"{greeting}","variables":{"a":'
    + b"[" * 10_000
    + b"]" * 10_000
    + b"}}",
    "500 levels in the variables": b'{"query":"{greeting}","variables":{"a":%s}}' % (b"[" * 500 + b"]" * 500),
    "invalid UTF-8": b'{"query":"\xff\xfe"}',
    "a lone surrogate": b'{"query":"{greeting}","variables":{"a":"\\ud800"}}',
    "an integer of 5 000 digits": b'{"query":"{greeting}","variables":{"a":' + b"9" * 5_000 + b"}}",
    "not a number": b'{"query":"{greeting}","variables":{"a":NaN}}',
    "UTF-16": '{"query":"{greeting}"}'.encode("utf-16"),
    "zero bytes": b"\x00" * 100,
    "U+0000 in a variable": b'{"query":"{greeting}","variables":{"a":["x\\u0000"]}}',
    "U+0000 in a name": b'{"query":"{greeting}","variables":{"x\\u0000":1}}',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("accept", [JSON, RESPONSE])
async def test_a_malformed_body_is_400_with_an_error_in_words(http, served, body, accept):
    response = await http.post("/graphql", **post(body, accept=accept))
    assert response.status_code == 400
    assert response.headers["content-type"].startswith(accept)
    assert list(response.json()) == ["errors"]
    assert code_of(response) == "BAD_REQUEST"
    assert served.journal.asked == 0


async def test_a_compressed_body_is_not_read(http):
    response = await http.post("/graphql", **post(gzip.compress(b'{"query":"{greeting}"}'), content_encoding="gzip"))
    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "",
        "application/json; charset=utf-16",
    ],
)
async def test_only_json_is_read_so_that_no_form_elsewhere_can_post(http, served, content_type):
    response = await http.post("/graphql", content=b'{"query":"{greeting}"}', headers={"content-type": content_type})
    assert response.status_code == 415
    assert code_of(response) == "BAD_REQUEST"
    assert served.journal.asked == 0


@pytest.mark.parametrize("declared", [True, False])
async def test_a_large_body_is_refused_whether_or_not_it_says_so(http, monkeypatch, declared):
    monkeypatch.setattr(settings, "request_bytes_max", 1_000_000)
    body = b'{"query":"' + b" " * 3_000_000 + b'{greeting}"}'

    async def pieces():
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    content = body if declared else pieces()
    response = await http.post("/graphql", content=content, headers={"content-type": JSON})
    assert response.status_code == 413
    assert response.json()["errors"][0]["message"] == "A request may have at most 1000000 bytes."


async def test_a_body_that_never_ends_is_given_up(served, monkeypatch):
    monkeypatch.setattr(settings, "request_s_max", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))
    writer.write(b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{")
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout")
    assert b"did not arrive in time" in answer


@pytest.mark.parametrize(
    "head", [b"GET /graphql?query=", b"GET /healthz HTTP/1.1\r\nx: ", b"GET / HTTP/1.1\r\n" + b"x:y\r\n" * 50]
)
async def test_a_head_that_never_ends_is_given_up_by_its_size(served, head):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))
    with contextlib.suppress(ConnectionError):
        writer.write(head)
        for _ in range(200):
            writer.write(b"x" * 10_000 if b"x:y" not in head else b"x:y\r\n" * 2_000)
            await writer.drain()
    with contextlib.suppress(ConnectionError):
        answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
        assert answer.startswith(b"HTTP/1.1 400")
    writer.close()


async def test_a_head_that_never_ends_is_given_up_in_time(served, monkeypatch):
    monkeypatch.setattr(settings, "request_head_s_max", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))
    writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /hea")
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    assert answer.count(b"HTTP/1.1 200 OK") == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
async def test_another_method_is_told_which_are_allowed(http, method):
    response = await http.request(method, "/graphql", json={"query": "{ greeting }"})
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert code_of(response) == "BAD_REQUEST"


async def test_a_query_may_be_a_get(http):
    params = {"query": "query Q($t: String!) { echo(text: $t) }", "variables": '{"t": "x"}', "operationName": "Q"}
    response = await http.get("/graphql", params=params)
    assert response.json()["data"] == {"echo": "x"}


async def test_a_mutation_is_never_a_get(http, served):
    params = {"query": 'mutation { rename(name: "x") }'}
    response = await http.get("/graphql", params=params, headers={"x-requested-with": "test"})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert served.journal.asked == 0


@pytest.mark.parametrize(
    "params",
    [{}, {"query": "{greeting}", "variables": "x"}, {"query": "{greeting}", "variables": "[]"}, {"variables": "{}"}],
)
async def test_a_malformed_get_is_400(http, params):
    assert (await http.get("/graphql", params=params)).status_code == 400


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_page_elsewhere_cannot_get_without_asking_the_browser_first(http, served, site):
    params = {"query": "{ greeting }"}
    simple = await http.get("/graphql", params=params, headers={"sec-fetch-site": site})
    old = await http.get("/graphql", params=params, headers={"origin": "https://elsewhere.example"})
    assert (simple.status_code, old.status_code) == (403, 403)
    assert served.journal.asked == 0
    asked_first = await http.get("/graphql", params=params, headers={"sec-fetch-site": site, "x-requested-with": "x"})
    assert asked_first.status_code == 200


async def test_a_browser_that_comes_without_a_query_is_led_to_the_explorer(http):
    response = await http.get("/graphql", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (response.status_code, response.headers["location"]) == (303, "/graphiql/")


async def test_a_bad_token_is_401_and_says_how(ask, served):
    response = await ask("{ viewer }", token="stale")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert code_of(response) == "UNAUTHENTICATED"
    assert (await ask("{ viewer }", token="viewer-7")).json()["data"] == {"viewer": 7}


async def test_another_way_to_authenticate_is_401(http):
    response = await http.post("/graphql", json={"query": "{ viewer }"}, headers={"authorization": "Basic eDp5"})
    assert response.status_code == 401


async def test_each_request_has_a_context_of_its_own(ask, served):
    await ask("{ greeting }")
    await ask("{ greeting }")
    assert len({caller.request_id for caller in served.journal.callers}) == 2
    assert {caller.address for caller in served.journal.callers} == {"127.0.0.1"}


async def test_a_bug_is_masked_and_logged_once_under_the_request_id(ask):
    with capture_logs() as lines:
        response = await ask("{ greeting bug again: bug bugs }", accept=JSON)
    request_id = response.headers["x-request-id"]
    error = response.json()["errors"][0]
    assert error["message"] == "Internal error. Try again later, and report the request id if it persists."
    assert error["extensions"] == {"code": "INTERNAL", "requestId": request_id}
    assert "secret" not in response.text
    logged = [line for line in lines if line["event"] == "unexpected failure"]
    assert [(str(line["exc_info"]), line["request_id"]) for line in logged] == [("the secret is 42", request_id)]


async def test_an_answer_that_is_no_json_is_a_bug_like_any_other(ask):
    response = await ask("{ notJson }")
    assert response.status_code == 500
    assert code_of(response) == "INTERNAL"


@pytest.mark.parametrize("text", ["\\u0000", "\\u{0}", "\\u{000000}", "\0"])
async def test_a_character_that_cannot_be_kept_is_refused_in_the_document_too(ask, text):
    response = await ask(f'{{ echo(text: "{text}") }}')
    assert response.status_code == 400
    assert code_of(response) == "BAD_REQUEST"


async def test_a_bug_before_the_operation_is_masked_too(ask):
    response = await ask("{ greeting }", token="bug")
    assert response.status_code == 500
    assert code_of(response) == "INTERNAL"
    assert "secret" not in response.text


async def test_the_domains_errors_are_shown_beside_the_data(ask):
    response = await ask("{ greeting invalid }")
    assert response.status_code == 200
    body = response.json()
    assert body["data"] == {"greeting": "hello", "invalid": None}
    assert body["errors"] == [
        {
            "message": "A name has at most 50 characters.",
            "locations": [{"line": 1, "column": 12}],
            "path": ["invalid"],
            "extensions": {"code": "INVALID_INPUT", "field": "name"},
        }
    ]


@pytest.mark.parametrize(("query", "token"), [("{ busy }", None), ("{ greeting }", "busy")])
async def test_an_installation_that_is_busy_says_when_to_come_again(ask, query, token):
    response = await ask(query, token=token)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert code_of(response) == "UNAVAILABLE"


async def test_an_operation_that_takes_too_long_is_stopped(ask, served, monkeypatch):
    monkeypatch.setattr(settings, "request_s_max", 0.1)
    response = await ask("{ slow }")
    assert response.status_code == 504
    assert code_of(response) == "TIMEOUT"
    assert served.journal.cancelled == 1


async def test_an_operation_ends_when_its_client_leaves(served, http):
    asking = asyncio.create_task(http.post("/graphql", json={"query": "{ a: slow b: slow }"}))
    await served.journal.begun.wait()
    asking.cancel()
    await asyncio.wait_for(served.journal.ended.wait(), PATIENCE_S)
    await asyncio.gather(asking, return_exceptions=True)
    assert served.journal.cancelled == 2


async def test_answers_carry_the_request_id_and_a_clients_own_is_kept(http):
    made = await http.post("/graphql", json={"query": "{ greeting }"})
    kept = await http.post("/graphql", json={"query": "{ greeting }"}, headers={"x-request-id": "abc-DEF_1.23"})
    refused = await http.post("/graphql", json={"query": "{ greeting }"}, headers={"x-request-id": "a b\tc" * 20})
    assert len(made.headers["x-request-id"]) == 32
    assert kept.headers["x-request-id"] == "abc-DEF_1.23"
    assert len(refused.headers["x-request-id"]) == 32


async def test_answers_are_protected_and_not_stored(ask):
    headers = (await ask("{ greeting }")).headers
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


async def test_large_answers_are_compressed_and_small_ones_are_not(ask):
    large, small = await ask("{ items(first: 100) { nodes { id name } } }"), await ask("{ greeting }")
    assert large.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in small.headers


async def test_pages_elsewhere_are_not_answered_unless_the_settings_name_them(http, serve, monkeypatch):
    asked = {"origin": "https://map.example", "access-control-request-method": "POST"}
    assert "access-control-allow-origin" not in (await http.options("/graphql", headers=asked)).headers
    monkeypatch.setattr(settings, "cors_origins", ["https://map.example"])
    async with serve() as served, httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=60) as client:
        preflight = await client.options("/graphql", headers=asked)
        answer = await client.post("/graphql", json={"query": "{greeting}"}, headers={"origin": "https://map.example"})
        other = await client.post("/graphql", json={"query": "{greeting}"}, headers={"origin": "https://evil.example"})
    assert preflight.headers["access-control-allow-origin"] == "https://map.example"
    assert answer.headers["access-control-allow-origin"] == "https://map.example"
    assert "access-control-allow-origin" not in other.headers


async def test_a_document_is_parsed_and_validated_once(ask, monkeypatch):
    query = "{ greeting viewer }"
    await ask(query)
    monkeypatch.setattr("app.web.graphql.documents.cache.parse", None)
    monkeypatch.setattr("app.web.graphql.documents.cache.validate", None)
    assert (await ask(query)).json()["data"] == {"greeting": "hello", "viewer": None}
