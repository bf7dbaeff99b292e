"""The proxy fails as it says: else the tests that rest on it would prove nothing."""

import asyncio
from contextlib import asynccontextmanager

import psycopg
import pytest

from tests.proxy import before_database, proxied


@pytest.fixture
async def echo():
    """A server that says again what it receives, and how many connections it has had."""

    async def answer(reader, writer):
        while some := await reader.read(100):
            writer.write(some)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield "127.0.0.1", server.sockets[0].getsockname()[1]
    server.close()


@asynccontextmanager
async def connected(proxy):
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    yield reader, writer
    writer.close()


async def test_what_comes_in_silence_is_passed_on_afterwards(echo):
    async with proxied(echo) as proxy, connected(proxy) as (reader, writer):
        writer.write(b"one")
        assert await reader.read(100) == b"one"
        proxy.silence()
        writer.write(b"two")
        async with connected(proxy) as (deaf, mute):
            mute.write(b"x")
            for silent in (reader, deaf):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(silent.read(100), 0.1)
        proxy.speak()
        assert await reader.read(100) == b"two"


async def test_a_cut_ends_every_connection_and_takes_no_new_one(echo):
    async with proxied(echo) as proxy, connected(proxy) as (reader, writer):
        writer.write(b"one")
        assert await reader.read(100) == b"one"
        await proxy.cut()
        assert await ended(reader)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        await proxy.mend()
        async with connected(proxy) as (again, anew):
            anew.write(b"two")
            assert await again.read(100) == b"two"


async def ended(reader):
    try:
        return await reader.read(100) == b""
    except ConnectionResetError:
        return True


async def test_a_commit_whose_answer_is_lost_was_a_commit(servers, clone_database):
    async with before_database(clone_database("lost")) as (proxy, url):
        async with await connection_to(url) as connection:
            await connection.execute("CREATE TABLE kept (number int)")
            await connection.commit()
            await connection.execute("INSERT INTO kept VALUES (7)")
            lost = proxy.lose_answer()
            with pytest.raises(psycopg.OperationalError):
                await connection.commit()
            assert lost.is_set()
        async with await connection_to(url) as connection:
            kept = await connection.execute("SELECT number FROM kept")
            assert await kept.fetchall() == [(7,)]


async def connection_to(url):
    return await psycopg.AsyncConnection.connect(url.replace("+psycopg", ""))
