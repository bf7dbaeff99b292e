"""Plain POSTs, answered by the protocol itself: the same bytes as on the ordinary way, and good manners on the wire."""

import asyncio
import contextlib
import json
import random
import re
import socket
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from app.settings import settings
from app.web.fast_path.exchange import Exchange
from app.web.fast_path.protocol import HEADS_MAX, BoundedHttp
from tests.fuzz import FACTOR
from tests.silence import PATIENCE_S
from tests.web.conftest import SCHEMA, running

JSON = "application/json"
RESPONSE = "application/graphql-response+json"
LARGE = "{ items(first: 100) { nodes { id name } } }"
LISTS = " ".join(f"list{number}: items(first: 3) {{ nodes {{ id name }} }}" for number in range(20))
HUGE = f"{{ items(first: 100) {{ nodes {{ {LISTS} }} }} }}"


class Wire:
    """One connection, on which bytes are written as they are and answers read one after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, *requests: bytes) -> None:
        self.writer.write(b"".join(requests))

    async def receive(self) -> bytes:
        """One answer, whole."""
        async with asyncio.timeout(PATIENCE_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"HTTP/1.1 100 "):
                return head + await self.receive()
            [length] = re.findall(rb"(?m)^content-length: (\d+)\r$", head)
            return head + await self.reader.readexactly(int(length))

    async def rest(self) -> bytes:
        """All until the server closes the connection."""
        return await asyncio.wait_for(self.reader.read(), PATIENCE_S)


@contextlib.asynccontextmanager
async def connected(served, receive_bytes: int | None = None) -> AsyncIterator[Wire]:
    line = socket.socket()
    if receive_bytes:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", int(served.url.rpartition(":")[2])))
    reader, writer = await asyncio.open_connection(sock=line)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


def request(body: object = "{ greeting }", *, version: str = "1.1", target: str = "/graphql", **headers: str | None):
    """A POST as bytes: `body` is a document, a request, or bytes; a header that is None is left out."""
    if isinstance(body, str):
        body = {"query": body}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"host": "api", "content_type": JSON, "content_length": str(len(content)), "x_request_id": "request-1"}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in (named | headers).items() if value is not None]
    return "\r\n".join([f"POST {target} HTTP/{version}", *lines, "", ""]).encode() + content


@pytest.fixture
def exchanges(monkeypatch):
    """The plain requests that were answered by the protocol."""
    answered = []
    run = Exchange.run_asgi

    async def counted(self, app):
        answered.append(self)
        await run(self, app)

    monkeypatch.setattr(Exchange, "run_asgi", counted)
    return answered


PLAIN = {
    "a query": request(),
    "a query in the new type": request(accept=RESPONSE),
    "both types": request(accept=f"{RESPONSE}, {JSON};q=0.9"),
    "any type": request(accept="*/*"),
    "with a token": request("{ viewer }", authorization="Bearer viewer-7"),
    "a large answer": request(LARGE),
    "a large answer, compressed": request(LARGE, accept_encoding="gzip, deflate"),
    "a small answer, not compressed": request(accept_encoding="gzip"),
    "an answer for a thread to compress": request(HUGE, accept_encoding="gzip"),
    "a named operation": request({"query": "query A { greeting } query B { viewer }", "operationName": "B"}),
    "a mutation": request('mutation { rename(name: "x") }'),
    "a charset": request(content_type="application/json; charset=utf-8"),
    "capitals": request(content_type="Application/JSON"),
    "HTTP/1.0": request(version="1.0"),
    "an end": request(connection="close"),
    "an error beside data": request("{ greeting invalid }"),
    "a bug": request("{ bug }", accept=RESPONSE),
    "no JSON in the answer": request("{ notJson }"),
    "busy": request("{ busy }"),
    "busy before it began": request(authorization="Bearer busy", accept=RESPONSE),
    "a bug before it began": request(authorization="Bearer bug"),
    "a bad token": request(authorization="Bearer stale", accept=RESPONSE),
    "another way to authenticate": request(authorization="Basic eDp5"),
    "a wrong document": request("{ nothing }", accept=RESPONSE),
    "no document": request("{ greetin"),
    "too dear": request("{ items(first: 100) { nodes { items(first: 300) { nodes { id } } } } }"),
    "a wrong variable": request({"query": "query($n: Int!) { items(first: $n) { nodes { id } } }"}),
    "a subscription": request("subscription { count }"),
    "not JSON": request(b'{"query":'),
    "nothing": request(b""),
    "a batch": request([{"query": "{ greeting }"}]),
    "a number": request(b"1"),
    "invalid UTF-8": request(b'{"query":"\xff\xfe"}'),
    "a malformed id": request(x_request_id="a b"),
}
ORDINARY = {
    "an origin": request(origin="https://elsewhere.example"),
    "no content type": request(content_type=None),
    "another content type": request(content_type="text/plain"),
    "another charset": request(content_type="application/json; charset=utf-16"),
    "a compressed body": request(content_encoding="gzip"),
    "a body in chunks": request(b'16\r\n{"query":"{greeting}"}\r\n0\r\n\r\n', content_length=None).replace(
        b"x-request-id", b"transfer-encoding: chunked\r\nx-request-id"
    ),
    "a body that does not come at once": request(b'{"query":"{greeting}"}' + b" " * 1_000_000),
    "more than a body may be": request(b" " * 11_000_000),
    "an explanation": request(graphql_explain="1"),
    "a warning": request(expect="100-continue"),
    "no acceptable type": request(accept="text/plain"),
    "a page": request(accept="text/html"),
    "a query string": request(target="/graphql?query={viewer}"),
    "another path": request(target="/nothing"),
    "a header twice": request().replace(b"x-request-id", b"accept: */*\r\naccept: text/plain\r\nx-request-id"),
}


@pytest.fixture(scope="module")
async def ways(_shared):
    """A server that answers plain POSTs itself, and one that does not."""
    async with running(plainly=False) as ordinary:
        yield _shared, ordinary


def timeless(answer: bytes) -> bytes:
    return re.sub(rb"\r\ndate: [^\r]+|(?<=x-request-id: )[0-9a-f]{32}", b"", answer)


@pytest.mark.parametrize("asked", [*PLAIN.values(), *ORDINARY.values()], ids=[*PLAIN, *ORDINARY])
async def test_both_ways_answer_with_the_same_bytes(ways, exchanges, asked):
    answers = []
    for served in ways:
        async with connected(served) as wire:
            wire.say(asked)
            answers.append(timeless(await wire.receive()))
    assert answers[0] == answers[1]
    assert len(exchanges) == (asked in PLAIN.values())


@pytest.fixture
def parsed(monkeypatch):
    """What was given to the parser."""
    read, given = BoundedHttp._read, []

    def counted(self, data):
        given.append(data)
        read(self, data)

    monkeypatch.setattr(BoundedHttp, "_read", counted)
    return given


KEPT = {name: asked for name, asked in PLAIN.items() if name not in {"HTTP/1.0", "an end"}}


@pytest.mark.parametrize("asked", KEPT.values(), ids=KEPT)
async def test_a_head_that_comes_again_is_not_parsed_and_answered_with_the_same_bytes(ways, parsed, asked):
    answers, reads = [], []
    for served in ways:
        async with connected(served) as wire:
            for _ in range(3):
                wire.say(asked)
                answers.append(timeless(await wire.receive()))
        reads.append(len(parsed))
    assert len({*answers}) == 1
    assert reads == [1, 4]


async def test_a_head_is_known_to_its_connection_alone(served, parsed):
    for _ in range(2):
        async with connected(served) as wire:
            wire.say(numbered(1))
            await wire.receive()
    assert len(parsed) == 2


async def test_more_heads_than_are_kept_are_parsed_again(served, parsed):
    async with connected(served) as wire:
        for number in [*range(HEADS_MAX + 1), 0]:
            wire.say(numbered(number, x_request_id=f"request-{number}"))
            assert data_of(await wire.receive()) == {"echo": f"{float(number)}"}
    assert len(parsed) == HEADS_MAX + 2


@pytest.mark.parametrize("seed", range(4 * FACTOR))
async def test_however_requests_are_cut_both_ways_answer_them_alike(ways, seed):
    """Known heads, unknown ones, bodies longer and shorter than announced, several requests at once, and pieces."""
    chance = random.Random(seed)
    asked = [chance.choice([*KEPT.values(), *[numbered(n) for n in range(3)]]) for _ in range(12)]
    cuts = sorted(chance.sample(range(1, len(b"".join(asked))), 12) if seed % 2 else [])
    whole = b"".join(asked)
    pieces = [whole[a:b] for a, b in pairwise([0, *cuts, len(whole)])] if cuts else asked
    answers = []
    for served in ways:
        async with connected(served) as wire:
            for piece in pieces:
                wire.say(piece)
                await wire.writer.drain()
                if chance.random() < 0.5:
                    await asyncio.sleep(0.01)
            answers.append([timeless(await wire.receive()) for _ in asked])
    assert answers[0] == answers[1]


def data_of(answer: bytes) -> object:
    return json.loads(answer.partition(b"\r\n\r\n")[2])["data"]


def numbered(number: int, **headers: str) -> bytes:
    return request(f"{{ echo(number: {number}) }}", **headers)


async def test_a_connection_is_kept(served, exchanges):
    async with connected(served) as wire:
        for number in range(3):
            wire.say(numbered(number))
            assert data_of(await wire.receive()) == {"echo": f"{float(number)}"}
    assert len(exchanges) == 3


@pytest.mark.parametrize("last", [request(connection="close"), request(version="1.0")])
async def test_a_connection_ends_when_its_client_said_so(served, last):
    async with connected(served) as wire:
        wire.say(numbered(1), last)
        first, last = await wire.receive(), await wire.receive()
        assert await wire.rest() == b""
    assert b"connection: close" not in first
    assert b"\r\nconnection: close\r\n" in last


@pytest.mark.parametrize("way", ["application/json", "application/json, text/event-stream"])
async def test_a_connection_that_is_idle_is_closed(serve, way):
    async with serve() as served:
        served.server.config.timeout_keep_alive = 0.2
        async with connected(served) as wire:
            for number in range(3):
                wire.say(numbered(number, accept=way))
                await wire.receive()
                await asyncio.sleep(0.1)
            wire.say(request("{ slow(seconds: 0.5) }", accept=way))
            assert data_of(await wire.receive()) == {"slow": "done"}
            assert await wire.rest() == b""


async def test_what_is_asked_at_once_is_answered_in_order(served, exchanges):
    slow_first = request("{ slow(seconds: 0.1) }")
    ordinary = numbered(2, accept="text/event-stream;q=0.1, application/json")
    async with connected(served) as wire:
        wire.say(slow_first, numbered(1), ordinary, numbered(3), numbered(4))
        answers = [await wire.receive() for _ in range(5)]
    assert [data_of(answer) for answer in answers] == [
        {"slow": "done"},
        *({"echo": f"{float(number)}"} for number in (1, 2, 3, 4)),
    ]
    assert len(exchanges) == 4


async def test_a_request_may_come_in_pieces(served):
    whole = numbered(7)
    async with connected(served) as wire:
        for cut in (1, 20, whole.index(b"\r\n\r\n") + 2, len(whole) - 5):
            wire.say(whole[:cut])
            await wire.writer.drain()
            await asyncio.sleep(0.02)
            wire.say(whole[cut:])
            assert data_of(await wire.receive()) == {"echo": "7.0"}


async def test_who_leaves_is_not_answered(served, exchanges):
    async with connected(served) as wire:
        wire.say(request("{ slow }"))
        await served.journal.begun.wait()
    await asyncio.wait_for(served.journal.ended.wait(), PATIENCE_S)
    assert served.journal.cancelled == 1
    assert len(exchanges) == 1


class Large:
    """Plans every query: a short question with a long answer."""

    executor = SCHEMA.execution_context_class
    asked = 0

    def of(self, document, node):
        return self

    async def data(self, context, variables, steps=None):
        self.asked += 1
        return b'{"echo":"%b"}' % (b"x" * 100_000)


async def test_who_does_not_read_is_not_written_to(serve, exchanges, eventually):
    plans = Large()
    async with serve(plans=plans) as served:
        # What the kernel holds for both ends is far less than the answers, however large its buffers may become.
        served.server.servers[0].sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        async with connected(served, receive_bytes=65_536) as wire:
            wire.say(*[request()] * 300)
            await eventually(lambda: any(each.flow.write_paused for each in served.server.server_state.connections))
            for _ in range(3_000):  # turns enough for all answers, were they written
                await asyncio.sleep(0)
            assert 0 < plans.asked < 100
            for _ in range(300):
                await wire.receive()
    assert len(exchanges) == 300


async def test_too_many_connections_are_told_so(serve, monkeypatch):
    monkeypatch.setattr(settings, "connections_max", 2)
    async with serve() as served, connected(served) as wire:
        wire.say(request("{ slow(seconds: 0.5) }"))
        await served.journal.begun.wait()
        async with connected(served) as other:
            other.say(request())
            assert (await other.receive()).startswith(b"HTTP/1.1 503 ")
        assert (await wire.receive()).startswith(b"HTTP/1.1 200 OK")


async def test_what_runs_is_finished_before_the_server_ends(serve):
    async with serve() as served, connected(served) as wire:
        wire.say(request("{ slow(seconds: 0.5) }"))
        await served.journal.begun.wait()
        served.server.should_exit = True
        answer = await wire.receive()
        assert await wire.rest() == b""
    assert data_of(answer) == {"slow": "done"}
    assert b"connection: close" in answer


async def test_behind_a_proxy_clients_are_those_that_it_names(serve, monkeypatch, exchanges):
    monkeypatch.setattr(settings, "production", True)  # where this machine is a proxy unless the settings say others
    async with serve() as served, connected(served) as wire:
        wire.say(request(x_forwarded_for="192.0.2.7", x_forwarded_proto="https"))
        answer = await wire.receive()
        assert [caller.address for caller in served.journal.callers] == ["192.0.2.7"]
    assert b"strict-transport-security" in answer
    assert len(exchanges) == 1


async def test_a_page_the_settings_name_is_answered_the_ordinary_way(serve, monkeypatch, exchanges):
    monkeypatch.setattr(settings, "cors_origins", ["https://map.example"])
    async with serve() as served, connected(served) as wire:
        wire.say(request(origin="https://map.example"))
        assert b"access-control-allow-origin: https://map.example" in await wire.receive()
    assert not exchanges


async def test_an_accident_on_the_way_out_ends_the_connection_and_is_logged(served, monkeypatch):
    def failing(*_: object, **__: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr("app.web.fast_path.exchange._frame", failing)
    with capture_logs() as lines:
        async with connected(served) as wire:
            wire.say(request(x_request_id="request-7"))
            assert await wire.rest() == b""
    failed = [line for line in lines if line["event"] == "unexpected failure"]
    assert [(str(line["exc_info"]), line["request_id"]) for line in failed] == [("the secret is 42", "request-7")]
