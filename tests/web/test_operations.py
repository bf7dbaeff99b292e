"""What an operator relies on: health, figures, logs, the explorer's policy, and an orderly end."""

import asyncio
import contextlib
import json
import logging
import re
import weakref
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from ipaddress import ip_network
from secrets import token_hex

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from structlog.testing import capture_logs

from app.settings import settings
from app.telemetry import logs
from app.web import labels
from app.web.origin import address_of
from app.web.routes import metrics
from tests.plain_logs import log_plainly
from tests.silence import PATIENCE_S


def client_of(served) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE_S)


async def test_alive_is_not_the_same_as_ready(serve):
    async def passes() -> None:
        return

    async def fails() -> None:
        raise ConnectionError("postgresql://user:secret@host")

    async with serve(checks={"redis": passes, "database": fails}) as served, client_of(served) as client:
        with capture_logs() as lines:
            alive, ready, _ = [await client.get(path) for path in ("/healthz", "/readyz", "/readyz")]
    assert (alive.status_code, ready.status_code) == (200, 503)
    assert ready.json() == {"ready": False, "draining": False, "checks": {"redis": True, "database": False}}
    assert "secret" not in ready.text
    assert [line["check"] for line in lines if line["event"] == "not ready"] == ["database"]


async def test_a_check_that_hangs_has_not_passed(serve, monkeypatch):
    monkeypatch.setattr("app.web.routes.health.CHECK_S_MAX", 0.05)
    async with serve(checks={"database": lambda: asyncio.sleep(60)}) as served, client_of(served) as client:
        assert (await client.get("/readyz")).json()["checks"] == {"database": False}


async def figures(http: httpx.AsyncClient) -> dict[str, float]:
    lines = (await http.get("/metrics")).text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


async def test_the_figures_follow_what_happens(http, ask, connect, eventually):
    before = await figures(http)
    await http.post("/graphql", json={"query": "query Counted { greeting }"})
    await ask("{ invalid }")
    async with connect() as talk:
        await talk.init()
        await talk.subscribe("1", "subscription { count(to: 3, everyS: 0) }")
        during = await figures(http)
        while (await talk.receive())["type"] != "complete":
            pass
    await eventually(lambda: metrics.sockets._value.get() == before["fieldgraph_sockets"])
    after = await figures(http)

    def growth(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert growth('fieldgraph_operations_total{kind="query",operation="Counted",transport="http"}') == 1
    assert growth('fieldgraph_errors_total{code="INVALID_INPUT"}') == 1
    assert growth('fieldgraph_operation_cost_bucket{kind="query",le="1.0"}') == 2
    assert growth('fieldgraph_operation_cost_bucket{kind="query",le="+Inf"}') == 2
    assert growth('fieldgraph_operation_cost_sum{kind="query"}') == 2
    assert growth('fieldgraph_operation_seconds_count{kind="query"}') == 2
    assert 0 < growth('fieldgraph_operation_seconds_sum{kind="query"}') < 10
    assert growth("fieldgraph_events_sent_total") == 3
    assert during["fieldgraph_sockets"] - before["fieldgraph_sockets"] == 1
    assert after["fieldgraph_subscriptions"] == before["fieldgraph_subscriptions"]


def counted():
    """Counters of the test's own, how to move them, and how many names wait for a place."""
    operations = metrics.Operations(CollectorRegistry())

    def shown() -> dict[str, float]:
        [family] = operations.collect()
        assert {one.name for one in family.samples} == {"fieldgraph_operations_total"}
        return {one.labels["operation"]: one.value for one in family.samples}

    return partial(operations.count, kind="query", transport="http"), shown, lambda: len(operations._names._waiting)


def test_made_up_names_take_no_place_from_those_in_use():
    count, shown, waiting = counted()
    count("Used", is_known=True)
    for number in range(1_000):
        count(f"Junk{number}", is_known=True)
        if number % 50 == 0:
            count("Used", is_known=True)
    assert shown()["Used"] == 21
    assert len(shown()) == labels.SHOWN_MAX + 1
    for _ in range(labels.USES_MIN):
        count("Late", is_known=True)
    assert shown()["Late"] == 1
    assert shown()[metrics.OTHER] == 1_001 - labels.SHOWN_MAX + labels.USES_MIN - 1
    assert len(shown()) == labels.SHOWN_MAX + 1
    for number in range(10_000):
        count(f"More{number}", is_known=True)
    assert {"Used", "Late"} <= set(shown())
    assert len(shown()) == labels.SHOWN_MAX + 1
    assert waiting() <= labels.WAITING_MAX


def test_what_is_no_operation_has_no_name_and_no_name_is_long():
    count, shown, _ = counted()
    count("Refused", is_known=False)
    count(None, is_known=True)
    count("x" * 1_000, is_known=True)
    assert shown() == {metrics.OTHER: 1, metrics.ANONYMOUS: 1, "x" * metrics.NAME_LENGTH_MAX: 1}


PASSED_ON = [
    {"x-forwarded-for": "127.0.0.1"},
    {"forwarded": "for=127.0.0.1"},
    {"x-real-ip": "127.0.0.1"},
    {"via": "1.1 proxy"},
    {"host": "api.example.org"},
    {"host": "127.0.0.1.example.org"},
]


async def test_without_a_token_the_figures_are_for_programs_here_alone(http, monkeypatch):
    assert (await http.get("/metrics")).status_code == 200
    for told in PASSED_ON:
        assert (await http.get("/metrics", headers=told)).status_code == 404


@pytest.mark.parametrize("told", [{}, *PASSED_ON])
async def test_in_production_the_figures_are_for_those_with_the_token_alone(serve, monkeypatch, told):
    monkeypatch.setattr(settings, "production", True)
    async with serve() as served, client_of(served) as client:
        assert (await client.get("/metrics", headers=told)).status_code == 404
        monkeypatch.setattr(settings, "metrics_token", SecretStr("letmein"))
        assert (await client.get("/metrics", headers=told)).status_code == 404
        granted = {**told, "authorization": "Bearer letmein"}
        assert (await client.get("/metrics", headers=granted)).status_code == 200


async def test_a_proxy_here_that_says_nothing_is_not_this_machine(serve, monkeypatch):
    monkeypatch.setattr(settings, "trusted_proxies", [ip_network("127.0.0.0/8")])
    async with serve() as served, client_of(served) as client:
        assert (await client.get("/metrics")).status_code == 404


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("::ffff:192.0.2.1", 1), "192.0.2.1"),
        (("2001:db8::1", 1), "2001:db8::/64"),
        (("2001:db8::ffff:2", 1), "2001:db8::/64"),
        (("", 0), "local"),
        (None, "local"),
    ],
)
def test_a_stranger_is_an_ipv4_address_or_an_ipv6_network(client, address):
    assert address_of({"client": client}) == address


async def test_each_operation_is_one_line_without_its_variables(http, ask):
    with capture_logs() as lines:
        await http.post(
            "/graphql",
            json={"query": "query Named($t: String) { echo(text: $t) invalid }", "variables": {"t": "a secret"}},
            headers={"x-request-id": "request-1", "authorization": "Bearer viewer-9"},
        )
        await ask("{ wrong }")
    said = [line for line in lines if line["event"] == "operation"]
    assert len(said) == 2
    assert said[0].pop("duration_ms") >= 0
    assert said[0] == {
        "event": "operation",
        "log_level": "info",
        "request_id": "request-1",
        "transport": "http",
        "operation": "Named",
        "kind": "query",
        "viewer": 9,
        "cost": 1,
        "errors": ["INVALID_INPUT"],
    }
    assert (said[1]["kind"], said[1]["errors"]) == ("refused", ["BAD_REQUEST"])
    assert "a secret" not in str(lines)


@contextlib.contextmanager
def in_production(monkeypatch) -> Iterator[None]:
    """Logging as in production, put back afterwards."""
    monkeypatch.setattr(settings, "production", True)
    monkeypatch.setattr(logs, "_lines", None)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    # The test runner's own, which would be closed.
    root.handlers.clear()
    logs.configure()
    try:
        yield
    finally:
        log_plainly()
        root.handlers[:] = handlers
        root.setLevel(level)
        for name in logs.QUIET:
            logging.getLogger(name).setLevel(logging.NOTSET)


def test_logs_are_json_in_production_and_hold_no_secrets(monkeypatch, capsys):
    def sign_in(password: str) -> None:
        raise ValueError("broken")

    with in_production(monkeypatch):
        password = token_hex()
        log = structlog.get_logger("app.x")
        try:
            sign_in(password)
        except ValueError:
            log.exception("failed", password=password, api_key="k", access_token="t", user=1)
        logging.getLogger("library").warning("it says %s", "hello")
    ours, theirs = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (ours["event"], ours["level"], ours["user"], ours["password"]) == ("failed", "error", 1, "***")
    assert "ValueError: broken" in ours["exception"]
    assert password not in json.dumps(ours)
    assert (ours["api_key"], ours["access_token"]) == ("***", "***")
    assert (theirs["event"], theirs["logger"]) == ("it says hello", "library")


def test_a_note_is_a_line_like_any_other(monkeypatch, capsys):
    facts = {"request_id": "request-1", "cost": 1, "errors": ["NOT_FOUND"], "operation": "Ünïcode"}
    with in_production(monkeypatch):
        logs.note("app.x", "operation", dict(facts))
        structlog.get_logger("app.x").info("operation", **facts)
    noted, logged = capsys.readouterr().err.splitlines()
    stamp, other = [re.search(r'"timestamp":"(\d{4}-\d\d-\d\dT[\d:.]+Z)"', line)[1] for line in (noted, logged)]
    assert noted.replace(stamp, "") == logged.replace(other, "")
    assert 0 <= (datetime.fromisoformat(other) - datetime.fromisoformat(stamp)).total_seconds() < 1


async def test_notes_are_written_together_soon_and_before_any_record(monkeypatch, capsys):
    def written() -> list[str]:
        return [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]

    with in_production(monkeypatch):
        logs.note("app.x", "one", {})
        logs.note("app.x", "two", {})
        assert written() == []
        await asyncio.sleep(logs.KEPT_S_MAX + 0.05)
        assert written() == ["one", "two"]
        logs.note("app.x", "three", {})
        structlog.get_logger("app.x").error("failed")
        assert written() == ["three", "failed"]
        for _ in range(logs.KEPT_MAX):
            logs.note("app.x", "many", {})
        assert written() == ["many"] * logs.KEPT_MAX
        logs.note("app.x", "last", {})
        logging.shutdown([weakref.ref(logs._lines)])
        assert written() == ["last"]


async def test_the_explorer_may_load_nothing_from_elsewhere(http):
    page = await http.get("/graphiql/")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "http" not in policy
    assert page.headers["cache-control"] == "no-cache"
    script = page.text.partition('src="./')[2].partition('"')[0]
    loaded = await http.get(f"/graphiql/{script}")
    assert loaded.status_code == 200
    assert loaded.headers["cache-control"].endswith("immutable")
    assert loaded.headers["content-security-policy"] == policy


async def test_the_page_of_openstreetmaps_sign_in_may_load_nothing_from_elsewhere(http):
    for path in ("/osm/", "/osm/?code=x&state=y", "/osm/page.js"):
        page = await http.get(path)
        assert page.status_code == 200
        assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/graphiql/../engine.py",
        "/graphiql/%2e%2e/engine.py",
        "/graphiql/nothing.js",
        "/nothing",
        "/osm/../pages.py",
        "/osm/%2e%2e/pages.py",
    ],
)
async def test_nothing_else_is_served(http, path):
    assert (await http.get(path)).status_code == 404


async def test_leaving_ends_subscriptions_and_lets_requests_finish(serve, connect):
    async with (
        serve() as served,
        connect(served.socket_url) as talk,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE_S) as client,
    ):
        await talk.init()
        await talk.subscribe("1", "subscription { count }")
        await talk.receive()
        under_way = asyncio.create_task(client.post("/graphql", json={"query": "{ slow(seconds: 1) }"}))
        stream = client.stream(
            "POST", "/graphql", json={"query": "subscription { count }"}, headers={"accept": "text/event-stream"}
        )
        async with stream as response:
            events = response.aiter_text()
            assert "event: next" in await anext(events)
            served.server.should_exit = True
            closing = await talk.closing()
            rest = "".join([part async for part in events])
        answer = await under_way
        with pytest.raises(httpx.ConnectError):
            await httpx.AsyncClient(trust_env=False, timeout=60).get(f"{served.url}/healthz")
    assert closing == (1012, "The server restarts: connect again")
    assert answer.json()["data"] == {"slow": "done"}
    assert "event: complete" not in rest
    assert served.journal.closed == 2


async def test_leaving_is_said_at_readiness_while_requests_are_still_answered(serve, eventually, monkeypatch):
    monkeypatch.setattr(settings, "shutdown_notice_s", 1)
    async with serve() as served, client_of(served) as client:
        assert (await client.get("/readyz")).status_code == 200
        served.server.should_exit = True
        await eventually(lambda: served.health.draining)
        ready = await client.get("/readyz")
        answer = await client.post("/graphql", json={"query": "{ greeting }"})
    assert ready.status_code == 503
    assert ready.json()["draining"] is True
    assert answer.json()["data"] == {"greeting": "hello"}
