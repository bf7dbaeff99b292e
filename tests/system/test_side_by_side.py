"""Several statements of one run at once, without a task for each: answered, refused, cancelled and charged as alone."""

import asyncio
from time import perf_counter

import pytest
from psycopg.errors import DivisionByZero

from app.postgres.reader import side_by_side
from app.settings import settings
from app.telemetry import metering
from app.telemetry.metering import Work, current

ECHO = b"SELECT $1::text"
SLEEP = b"SELECT pg_sleep($1::float8)::text"
FAIL = b"SELECT 1 / $1::int4"
LOCK = b"SELECT pg_advisory_xact_lock($1::int8)::text"


@pytest.fixture
async def warm(reader):
    """A reader with several idle connections."""
    await asyncio.gather(*[reader.rows(SLEEP, [b"0.1"]) for _ in range(3)])
    assert len(reader._idle) >= 3
    return reader


async def test_the_answers_come_in_the_order_of_the_questions(warm):
    asked = [(ECHO, [b"one"]), (SLEEP, [b"0.05"]), (ECHO, [b"three"])]
    for _ in range(3):  # first prepared, then not
        assert await warm.rows_of(asked) == [[("one",)], [("",)], [("three",)]]


async def test_more_statements_than_idle_connections_are_answered_too(reader):
    asked = [(ECHO, [b"%d" % number]) for number in range(25)]
    assert await reader.rows_of(asked) == [[(str(number),)] for number in range(25)]
    assert await reader.rows_of([]) == []


async def test_they_run_at_the_same_time(warm):
    sleep = b"SELECT extract(epoch FROM clock_timestamp())::float8, pg_sleep($1::float8)::text"
    for seconds in [b"0.01"] * 5 + [b"0.4"]:  # until every connection has prepared it
        [[(one, _)], [(other, _)]] = await warm.rows_of([(sleep, [seconds]), (sleep, [seconds])])
    assert abs(one - other) < 0.4


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_one_that_fails_ends_the_others_and_leaves_every_connection_usable(warm, place):
    asked = [(SLEEP, [b"0.5"])] * 2
    asked.insert(place, (FAIL, [b"0"]))  # noticed when its turn has come
    with pytest.raises(DivisionByZero):
        await warm.rows_of(asked)
    assert await warm.rows_of([(ECHO, [b"a"]), (ECHO, [b"b"])]) == [[("a",)], [("b",)]]


async def test_who_leaves_takes_all_of_them_along(warm):
    going = asyncio.create_task(warm.rows_of([(SLEEP, [b"60"]), (SLEEP, [b"60"])]))
    await asyncio.sleep(0.05)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert await warm.rows_of([(ECHO, [b"a"]), (ECHO, [b"b"])]) == [[("a",)], [("b",)]]


async def test_each_is_charged_for_its_own_time(reading, database_owner, eventually, monkeypatch):
    """One waits for a lock until the other was answered: however slow the machine is, that one's time ended before."""
    monkeypatch.setattr(settings, "lock_s_max", 60)
    charged = []
    answered = Work.answered

    def noted(work, begun, at):
        charged.append(at)
        answered(work, begun, at)

    monkeypatch.setattr(Work, "answered", noted)
    both = [(ECHO, [b"quick"]), (LOCK, [b"7"])]
    async with reading(statement_s_max=60) as reader:
        for _ in range(6):  # until every connection has prepared both
            await reader.rows_of(both)
        charged.clear()
        current.set(Work())
        with database_owner.transaction():
            database_owner.execute("SELECT pg_advisory_xact_lock(7)")
            asked = asyncio.create_task(reader.rows_of(both))

            async def one_was_answered() -> bool:
                return sum(connection.busy for connection in reader._open) == 1

            await eventually(one_was_answered)
            released_at = perf_counter() - metering.loop.busy_s
        await asked
    quick, slow = sorted(charged)
    assert quick <= released_at <= slow


async def test_coroutines_that_wait_for_nothing_or_often_give_what_they_return():
    async def often(number):
        for _ in range(number):
            await asyncio.sleep(0)
        return number

    assert await side_by_side([often(number) for number in (3, 0, 1)]) == [3, 0, 1]
