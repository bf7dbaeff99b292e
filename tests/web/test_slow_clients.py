"""Requests that never end, and answers that nobody reads: they take no place from others, and health is always told."""

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.gateways import storage
from app.settings import settings
from app.web import graphiql
from tests.silence import PATIENCE_S

JSON = "Content-Type: application/json\r\nAccept: application/json"
HALVES = {
    "an upload": "PUT /uploads/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhal",
    "an upload in chunks": "PUT /uploads/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhal\r\n",
    "an upload that waits for leave": "PUT /uploads/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
    "Content-Length: 9\r\n\r\n",
    "a query with a token that does not hold": f"POST /graphql HTTP/1.1\r\nHost: a\r\n{JSON}\r\n"
    'Authorization: Bearer nobody\r\nContent-Length: 1000\r\n\r\n{"query"',
    "what no route reads": "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhal",
}
QUERY = f'POST /graphql HTTP/1.1\r\nHost: a\r\n{JSON}\r\nContent-Length: 1000\r\n\r\n{{"query"'
STATUSES = {"a query with a token that does not hold": 401, "what no route reads": 404}
HEALTH = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
WHOLE = f'POST /graphql HTTP/1.1\r\nHost: a\r\n{JSON}\r\nContent-Length: 27\r\n\r\n{{"query": "{{ __typename }}"}}'


@asynccontextmanager
async def said(served, text):
    """A connection on which this was said; to read what is answered."""
    address = urlsplit(served.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(text.encode())
        await writer.drain()
        yield reader
    finally:
        writer.close()


async def status(reader) -> int:
    line = await asyncio.wait_for(reader.readline(), PATIENCE_S)
    return int(line.split()[1]) if line else 0


@pytest.mark.parametrize("half", HALVES)
async def test_who_may_not_is_told_so_before_the_body_is_read(half, served):
    async with said(served, HALVES[half]) as reader:
        assert await status(reader) == STATUSES.get(half, 403)
        await asyncio.wait_for(reader.read(), PATIENCE_S)  # and then the connection ends, though the body never did


async def test_who_is_refused_after_the_whole_body_keeps_the_connection(served):
    callback = "POST /ai/callback/x?token=y HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
    async with said(served, 2 * callback) as reader:
        for _ in range(2):
            await asyncio.wait_for(reader.readuntil(b"HTTP/1.1 404"), PATIENCE_S)


@pytest.mark.parametrize("half", [QUERY, "GET /heal", ""], ids=["a body", "a head", "nothing"])
async def test_one_address_cannot_take_all_connections(half, serve, monkeypatch):
    monkeypatch.setattr(settings, "connections_per_address_max", 5)
    async with serve() as served, AsyncExitStack() as held:
        for _ in range(8):
            await held.enter_async_context(said(served, half))
        await asyncio.sleep(0.1)
        async with said(served, WHOLE) as reader:
            assert await status(reader) == 429
        async with said(served, HEALTH) as reader:
            assert await status(reader) == 200
        await held.aclose()
        await asyncio.sleep(0.1)
        async with said(served, WHOLE) as reader:
            assert await status(reader) == 200


@pytest.mark.parametrize("half", [QUERY, "GET /heal", ""], ids=["a body", "a head", "nothing"])
async def test_when_all_places_are_taken_the_oldest_that_asks_for_nothing_goes(half, serve, monkeypatch):
    monkeypatch.setattr(settings, "connections_max", 6)
    async with serve() as served, AsyncExitStack() as held:
        readers = [await held.enter_async_context(said(served, half)) for _ in range(12)]
        await asyncio.sleep(0.1)
        async with said(served, HEALTH) as reader:
            assert await status(reader) == 200
        async with said(served, WHOLE) as reader:
            assert await status(reader) == 200
        gone = [reader.at_eof() or reader.exception() is not None for reader in readers]
        assert gone[:5] == [True] * 5
        assert not gone[-1]


async def test_a_body_that_comes_too_slowly_is_not_waited_for(served, monkeypatch):
    monkeypatch.setattr(settings, "body_grace_s", 0.1)
    async with said(served, QUERY) as reader:
        assert await status(reader) == 408


async def test_an_upload_that_comes_too_slowly_is_not_waited_for_and_not_kept(served, monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "home", tmp_path)
    monkeypatch.setattr(settings, "body_grace_s", 0.1)
    url = "/uploads/slow"
    head = f"PUT {url} HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nhal"
    async with said(served, head) as reader:
        assert await status(reader) == 408
    assert not await storage.exists("uploads/slow")


async def test_an_upload_as_fast_as_it_must_be_arrives(served, monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "home", tmp_path)
    monkeypatch.setattr(settings, "body_grace_s", 1.0)
    monkeypatch.setattr(settings, "body_bytes_per_s_min", 1)
    url = "/uploads/fast"
    address = urlsplit(served.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(f"PUT {url} HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\n".encode())
    for _ in range(3):
        await asyncio.sleep(0.5)  # in all longer than the grace, which each byte prolongs
        writer.write(b"abc")
    assert await status(reader) == 201
    writer.close()
    assert await storage.get("uploads/fast") == b"abc" * 3


async def test_who_does_not_read_an_answer_is_cut_off(serve, monkeypatch):
    monkeypatch.setattr(settings, "response_stall_s_max", 0.3)
    assets = Path(next(iter(graphiql.__path__))) / "dist" / "assets"
    largest = max(assets.iterdir(), key=lambda path: path.stat().st_size)
    async with serve() as served:
        address = urlsplit(served.url)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (address.hostname, address.port))
        asked = f"GET /graphiql/assets/{largest.name} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        await asyncio.get_running_loop().sock_sendall(sock, asked * 8)
        connections = served.server.server_state.connections
        async with asyncio.timeout(120):
            while not connections:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.01)
            while connections:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        sock.close()


async def test_requests_of_one_address_behind_a_proxy_are_counted_too(serve, ask, monkeypatch):
    monkeypatch.setattr(settings, "requests_per_address_at_once_max", 2)
    slow = "GET /graphql?query=%7Bslow%7D HTTP/1.1\r\nHost: a\r\nX-Requested-With: test\r\n\r\n"
    async with serve() as served, AsyncExitStack() as held:
        for _ in range(2):
            await held.enter_async_context(said(served, slow))
        await asyncio.wait_for(served.journal.begun.wait(), PATIENCE_S)
        await asyncio.sleep(0.1)
        async with said(served, slow) as reader:
            assert await status(reader) == 429
        async with said(served, HEALTH) as reader:
            assert await status(reader) == 200
