"""Which pages may ask us, with which headers, and what they may read of the answer."""

import httpx
import pytest
import websockets

from app.settings import settings

HEADERS = (
    "authorization, content-type, idempotency-key, last-event-id, traceparent, tracestate, baggage, graphql-explain, "
    "apollographql-client-name, apollographql-client-version, x-request-id, x-requested-with, apollo-require-preflight"
)


def preflight(origin, **more):
    asked = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": HEADERS}
    return asked | more


@pytest.mark.parametrize(
    "origin", ["http://localhost:5173", "http://127.0.0.1:3000", "https://app.localhost", "http://[::1]:8"]
)
async def test_while_developing_pages_of_this_machine_may_ask(http, origin):
    asked = await http.options("/graphql", headers=preflight(origin))
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == origin
    allowed = {name.strip().lower() for name in asked.headers["access-control-allow-headers"].split(",")}
    assert {name.strip() for name in HEADERS.split(",")} <= allowed
    answer = await http.post("/graphql", json={"query": "{greeting}"}, headers={"origin": origin})
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert {"RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"} <= exposed


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost.evil.example", "null", "http://evil-localhost"]
)
async def test_others_may_not(http, origin):
    asked = await http.options("/graphql", headers=preflight(origin))
    assert "access-control-allow-origin" not in asked.headers
    read = await http.get("/graphql", params={"query": "{greeting}"}, headers={"origin": origin})
    assert read.status_code == 403


async def test_in_production_the_settings_name_all(serve, monkeypatch):
    monkeypatch.setattr(settings, "production", True)
    monkeypatch.setattr(settings, "cors_origins", ["https://map.example"])
    async with serve() as served, httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=60) as client:
        named = await client.options("/graphql", headers=preflight("https://map.example"))
        local = await client.options("/graphql", headers=preflight("http://localhost:5173"))
        upload = preflight("https://map.example", **{"access-control-request-method": "PUT"})
        assert (await client.options("/uploads/x", headers=upload)).status_code == 200
    assert (named.status_code, "access-control-allow-origin" in local.headers) == (200, False)


NAMED = ["https://map.example"]


@pytest.fixture
def only_named(monkeypatch):
    monkeypatch.setattr(settings, "cors_origins", NAMED)
    monkeypatch.setattr(settings, "public_url", "https://api.example")


async def opens(connect, origin) -> bool:
    """Whether a page of this origin can open a socket; if not, it is refused with 403 and told what to do."""
    try:
        async with connect(origin=origin) as talk:
            await talk.init()
    except websockets.InvalidStatus as error:
        refused = error.response
    else:
        return True
    assert refused.status_code == 403
    assert b"FIELDGRAPH_CORS_ORIGINS" in refused.body
    return False


@pytest.mark.parametrize("production", [True, False])
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://map.example.evil.example",
        "https://evil.example/https://map.example",
        "http://map.example",
        "https://map.example:8443",
        "null",
        "https://",
        "file://",
    ],
)
async def test_a_foreign_page_opens_no_socket(connect, served, only_named, monkeypatch, origin, production):
    monkeypatch.setattr(settings, "production", production)
    assert not await opens(connect, origin)
    assert served.journal.callers == []


@pytest.mark.parametrize("origin", [None, *NAMED, "https://api.example", "own"])
async def test_named_pages_and_our_own_and_programs_do(connect, served, only_named, monkeypatch, origin):
    monkeypatch.setattr(settings, "production", True)
    assert await opens(connect, served.url if origin == "own" else origin)


async def test_pages_of_this_machine_open_one_while_developing(connect, only_named, monkeypatch):
    monkeypatch.setattr(settings, "production", False)
    assert await opens(connect, "http://localhost:5173")
    monkeypatch.setattr(settings, "production", True)
    assert not await opens(connect, "http://localhost:5173")


@pytest.mark.parametrize("production", [True, False])
async def test_where_no_page_is_named_only_our_own_open_one(connect, served, monkeypatch, production):
    monkeypatch.setattr(settings, "production", production)
    assert not await opens(connect, "https://evil.example")
    assert await opens(connect, served.url)
    assert await opens(connect, "http://localhost:5173") is not production


async def test_where_all_are_named_every_page_opens_one(connect, monkeypatch):
    monkeypatch.setattr(settings, "production", True)
    monkeypatch.setattr(settings, "cors_origins", ["*"])
    assert await opens(connect, "https://evil.example")
