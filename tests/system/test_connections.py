"""Tasks that leave and connections that end under a read: the next answer is right, and everything heals."""

import asyncio

import pytest
import uvloop

from app.errors import Busy
from app.postgres.reader import Reader
from app.settings import settings

ECHO = b"SELECT $1::text"
SLEEP = b"SELECT pg_sleep($1::float8)::text"
MANY_PREPARED = b"SELECT count(*) FROM pg_prepared_statements"
PID = b"SELECT pg_backend_pid()"
KILL = b"SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.fixture
def eventually_is(eventually):
    async def eventually_is(look, expected):
        async def found():
            return look() == expected

        await eventually(found)

    return eventually_is


# Tasks that are cancelled


async def test_a_statement_nobody_waits_for_any_more_ends_on_the_server(reading, sessions, eventually_is):
    async with reading(connections=1) as reader:
        pid = await reader.rows(PID, [])
        sleeping = asyncio.create_task(reader.rows(SLEEP, [b"60"]))
        await eventually_is(sessions, ["active"])
        assert await cancelled(sleeping, reader.rows(PID, [])) == pid
        assert sessions() == ["idle"]


async def cancelled(task, then):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(120):
        return await then


async def test_however_far_a_cancelled_statement_got_the_next_answer_is_right(reading, sessions):
    async with reading(connections=1) as reader:
        for steps in range(40):
            going = asyncio.create_task(reader.rows(b"SELECT $1::text, %d" % steps, [b"wrong"]))
            for _ in range(steps % 20):
                await asyncio.sleep(0.0005 if steps >= 20 else 0)
            going.cancel()
            assert await reader.rows(ECHO, [b"%d" % steps]) == [(str(steps),)]
            assert await reader.rows(b"SELECT $1::text, %d" % steps, [b"right"]) == [("right", steps)]
        assert sessions() == ["idle"]
        assert await reader.rows(MANY_PREPARED, []) == [(42,)]


async def test_who_leaves_while_waiting_takes_no_place_away(reading):
    async with reading(connections=1) as reader:
        sleeping = asyncio.create_task(reader.rows(SLEEP, [b"0.2"]))
        waiting = [asyncio.create_task(reader.rows(ECHO, [b"%d" % i])) for i in range(10)]
        await asyncio.sleep(0.05)
        for task in waiting[::2]:
            task.cancel()
        assert await asyncio.gather(*waiting[1::2], sleeping) == [*([(str(i),)] for i in range(1, 10, 2)), [("",)]]


# Connections that end


async def test_a_read_that_its_connection_ended_under_is_asked_again(reading, sessions, terminate, eventually_is):
    async with reading(connections=2) as reader:
        going = [
            asyncio.create_task(reader.rows(b"SELECT $1::text, pg_sleep(0.5)::text", [b"%d" % i])) for i in range(2)
        ]
        await eventually_is(sessions, ["active"] * 2)
        terminate()
        assert await asyncio.gather(*going) == [[("0", "")], [("1", "")]]


async def test_a_read_that_ends_every_connection_is_given_up(reader):
    with pytest.raises(Busy):
        await reader.rows(KILL, [])
    assert await reader.rows(ECHO, [b"again"]) == [("again",)]


async def test_connections_that_ended_while_idle_are_replaced(reading, sessions, terminate, eventually_is):
    async with reading(connections=3) as reader:
        for _ in range(3):
            await asyncio.gather(*(reader.rows(SLEEP, [b"0.05"]) for _ in range(3)))
            terminate()
            assert await asyncio.gather(*(reader.rows(ECHO, [b"again"]) for _ in range(3))) == [[("again",)]] * 3
            await eventually_is(lambda: {*sessions()}, {"idle"})


async def test_a_server_that_is_away_is_busy_and_found_again(reading, network):
    async with reading(network.url, connections=3) as reader:
        await asyncio.gather(*(reader.rows(SLEEP, [b"0.05"]) for _ in range(3)))
        for _ in range(2):
            await network.proxy.cut()
            for _ in range(4):
                with pytest.raises(Busy):
                    await reader.rows(ECHO, [b"away"])
            await network.proxy.mend()
            answers = await asyncio.gather(*(reader.rows(ECHO, [b"back"]) for _ in range(5)))
            assert answers == [[("back",)]] * 5


async def test_a_connection_that_hangs_is_given_up(reading, network, monkeypatch):
    monkeypatch.setattr(settings, "database_connect_s_max", 0.2)
    async with reading(network.url, connections=1) as reader:
        await reader.rows(ECHO, [b"before"])
        network.proxy.silence()
        hanging = asyncio.create_task(reader.rows(ECHO, [b"wrong"]))
        await asyncio.sleep(0.05)
        hanging.cancel()
        waiting = asyncio.create_task(reader.rows(ECHO, [b"after"]))
        await asyncio.sleep(0.5)
        network.proxy.speak()
        assert await waiting == [("after",)]


async def test_a_database_that_is_nowhere_is_busy(reading):
    async with reading("postgresql+psycopg://nobody@/nothing?host=/nowhere") as reader:
        for _ in range(2):
            with pytest.raises(Busy):
                await reader.rows(ECHO, [b"x"])


# The end


async def test_closing_tells_everybody_who_waits_to_come_again(reader_url, sessions, eventually_is):
    reader = Reader(reader_url, connections=1)
    asked = [asyncio.create_task(reader.rows(SLEEP, [b"60"])) for _ in range(5)]
    await eventually_is(sessions, ["active"])
    async with asyncio.timeout(120):
        await reader.close()
        assert all(task.done() for task in asked)
        assert [type(each) for each in await asyncio.gather(*asked, return_exceptions=True)] == [Busy] * 5
    await eventually_is(sessions, [])
    with pytest.raises(Busy):
        await reader.rows(ECHO, [b"x"])
    await reader.close()


async def test_closing_ends_statements_that_nobody_waits_for_any_more(reader_url, sessions, eventually_is):
    reader = Reader(reader_url, connections=1)
    sleeping = asyncio.create_task(reader.rows(SLEEP, [b"60"]))
    await eventually_is(sessions, ["active"])
    await cancelled(sleeping, reader.close())
    await eventually_is(sessions, [])


async def test_closing_ends_connections_that_are_being_opened(network, sessions, eventually_is):
    reader = Reader(network.url)
    network.proxy.silence()
    opening = asyncio.create_task(reader.rows(ECHO, [b"x"]))
    await asyncio.sleep(0.05)
    closing = asyncio.create_task(reader.close())
    await asyncio.sleep(0)
    network.proxy.speak()
    with pytest.raises(Busy):
        await opening
    await closing
    await eventually_is(sessions, [])


async def test_it_reads_on_the_servers_event_loop_too(reading):
    async def read():
        async with reading(connections=2) as reader:
            going = asyncio.create_task(reader.rows(SLEEP, [b"60"]))
            await asyncio.sleep(0.05)
            with pytest.raises(Busy):
                await reader.rows(KILL, [])
            await cancelled(going, reader.rows(ECHO, [b"x"]))
            return await asyncio.gather(*(reader.rows(ECHO, [b"%d" % i]) for i in range(20)))

    assert await asyncio.to_thread(uvloop.run, read()) == [[(str(i),)] for i in range(20)]
