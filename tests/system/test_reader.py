"""Reads without sessions: the same values as through one, each for whom it is, within limits."""

import asyncio
import re

import psycopg
import pytest
from psycopg.errors import DivisionByZero, ReadOnlySqlTransaction, UndefinedTable
from sqlalchemy import text

from app.errors import Busy, TimedOut
from app.postgres.connection import abort
from app.postgres.pipeline import BATCH_MAX
from app.postgres.reader import _Turns
from tests.silence import until

ECHO = b"SELECT $1::text"
SLEEP = b"SELECT pg_sleep($1::float8)::text"
MANY_PREPARED = b"SELECT count(*) FROM pg_prepared_statements"


@pytest.fixture
def scratch(database_owner):
    """A table to change, and the way to do it."""
    watcher = database_owner
    watcher.execute("CREATE TABLE scratch AS SELECT 1 AS value; GRANT ALL ON scratch TO PUBLIC")
    yield watcher.execute
    watcher.execute("DROP TABLE scratch")


# What is read


@pytest.mark.parametrize(
    "value",
    [
        "1::int2, -1::int2, NULL::int2",
        "2147483647, (-2147483648)::int4",
        "9223372036854775807::int8, NULL::int8",
        "1.5::float4, 0.1::float8, 'Infinity'::float8, 'NaN'::float8, -0.0::float8, 1e-300::float8",
        "0.10::numeric, -12345678901234567890.123456789::numeric, 'NaN'::numeric, 0::numeric, 1e20::numeric",
        "true, false, NULL::bool",
        "''::text, 'é € 𝄞'::varchar, 'name'::name, 'c '::char(3), NULL::text",
        "'2024-02-29 12:34:56.789012+05:30'::timestamptz, '1970-01-01Z'::timestamptz, '9999-12-31Z'::timestamptz",
        "'2024-02-29 12:34:56'::timestamp, '2024-02-29'::date, '12:34:56.7'::time, '1 day 2 hours'::interval",
        "'12345678-1234-5678-1234-567812345678'::uuid, NULL::uuid",
        "'\\x00ff27'::bytea, ''::bytea",
        "ARRAY[1, NULL, 3], '{}'::int4[], ARRAY[[1, 2], [3, 4]]",
        "ARRAY['a', NULL, '{,\"}'], ARRAY[0.5, 1.5]::float8[], ARRAY[true], ARRAY[1.10]::numeric[]",
        "ARRAY['2024-02-29 12:00Z']::timestamptz[], ARRAY['12345678-1234-5678-1234-567812345678']::uuid[]",
        "'{\"a\": [1, 2.50]}'::jsonb::text, '[1]'::json::text",
        "ST_AsGeoJSON(ST_Point(1, 2))",
    ],
)
async def test_every_type_reads_as_it_does_through_a_session(reading, reader, database, value):
    async with database.reading() as session:
        expected = [tuple(row) for row in await session.execute(text("SELECT " + value.replace(":", r"\:")))]
    assert repr(await reader.rows(b"SELECT " + value.encode(), [])) == repr(expected)


async def test_parameters_are_text_and_may_be_absent(reader):
    sql = b"SELECT $1::int4, $2::text, $3::int8[]"
    assert await reader.rows(sql, [b"7", None, b"{1,2}"]) == [(7, None, [1, 2])]


async def test_a_statement_may_give_many_rows_or_none(reader):
    sql = b"SELECT i, repeat('x', 300) FROM generate_series(1, $1::int4) AS i"
    assert await reader.rows(sql, [b"0"]) == []
    assert await reader.rows(sql, [b"10000"]) == [(i, 300 * "x") for i in range(1, 10_001)]


async def test_a_parameter_may_be_larger_than_what_a_socket_takes_at_once(reader):
    long = 20_000_000 * b"x"
    assert await reader.rows(ECHO, [long]) == [(long.decode(),)]


async def test_it_only_reads(reader, scratch):
    with pytest.raises(Busy) as refused:
        await reader.rows(b"INSERT INTO scratch VALUES (2) RETURNING value", [])
    assert isinstance(refused.value.__cause__, ReadOnlySqlTransaction)
    assert await reader.rows(b"SELECT value FROM scratch", []) == [(1,)]


async def test_its_sessions_are_bound_like_all_others_and_both_read_in_utc(reading, reader, database):
    names = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "TimeZone"]
    sql = "SELECT " + ", ".join(f"current_setting('{name}')" for name in names)
    async with database.reading() as session:
        through_a_session = [tuple(row) for row in await session.execute(text(sql))]
    assert await reader.rows(sql.encode(), []) == through_a_session == [("5s", "4500ms", "10s", "UTC")]


async def test_it_reads_over_a_network(reading, network):
    async with reading(network.url) as reader:
        assert await reader.rows(ECHO, [b"far"]) == [("far",)]
        assert await reader.rows(ECHO, [5_000_000 * b"x"]) == [(5_000_000 * "x",)]


async def test_what_is_wrong_with_a_statement_is_said_and_the_next_one_is_fine(reading):
    async with reading(connections=1) as reader:
        pid = await reader.rows(b"SELECT pg_backend_pid()", [])
        with pytest.raises(UndefinedTable):
            await reader.rows(b"SELECT * FROM nowhere", [])
        for _ in range(2):
            with pytest.raises(DivisionByZero):
                await reader.rows(b"SELECT 1 / $1::int4", [b"0"])
        assert await reader.rows(b"SELECT 1 / $1::int4", [b"1"]) == [(1,)]
        assert await reader.rows(b"SELECT pg_backend_pid()", []) == pid


# Many at once


async def test_many_tasks_on_few_connections_get_their_own_answers(reading, sessions):
    async with reading(connections=3) as reader:
        sql = b"SELECT $1::int4, count(*) FROM generate_series(1, $2::int4)"
        asked = [(i, 1 + i * 37 % 1_000) for i in range(100)]
        answers = await asyncio.gather(*(reader.rows(sql, [b"%d" % i, b"%d" % n]) for i, n in asked))
        assert answers == [[(i, n)] for i, n in asked]
        assert sessions() == ["idle"] * 3


async def test_connections_are_opened_when_they_are_needed_and_closed_in_the_end(reading, sessions):
    async with reading(connections=3) as reader:
        assert sessions() == []
        for _ in range(5):
            await reader.rows(ECHO, [b"one"])
        assert sessions() == ["idle"]
        await asyncio.gather(*(reader.rows(SLEEP, [b"0.05"]) for _ in range(2)))
        assert sessions() == ["idle"] * 2


async def test_who_waits_too_long_is_told_to_come_again(reading):
    async with reading(connections=1, wait_s=0.05) as reader:
        sleeping = asyncio.create_task(reader.rows(SLEEP, [b"0.5"]))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await reader.rows(ECHO, [b"late"])
        assert await sleeping == [("",)]
        assert await reader.rows(ECHO, [b"next"]) == [("next",)]


async def test_who_reads_by_key_waits_behind_nobody(reading, sessions):
    async with reading(connections=1, wait_s=0.05) as reader:
        # The first asks on the only connection, and has another opened beside it.
        assert await reader.rows_by_key(ECHO, [b"first"]) == [("first",)]
        await until(lambda: len(sessions()) == 2)
        sleeping = asyncio.create_task(reader.rows(SLEEP, [b"3"]))
        await until(lambda: "active" in sessions())
        assert await asyncio.gather(*(reader.rows_by_key(ECHO, [b"%d" % n]) for n in range(20))) == [
            [(f"{n}",)] for n in range(20)
        ]
        assert not sleeping.done()
        assert await sleeping == [("",)]


async def test_what_cannot_be_read_by_key_is_read_in_the_ordinary_way(reading, sessions):
    async with reading(connections=1) as reader:
        await reader.rows_by_key(ECHO, [b"first"])
        await until(lambda: len(sessions()) == 2)
        with pytest.raises(DivisionByZero):
            await reader.rows_by_key(b"SELECT 1 / $1::int4", [b"0"])
        reader.pipeline._lose()
        assert await reader.rows_by_key(ECHO, [b"lost"]) == [("lost",)]


async def test_of_many_by_key_at_once_those_that_fail_take_no_other_with_them(reading, sessions):
    async with reading(connections=2) as reader:
        await reader.rows_by_key(ECHO, [b"first"])
        await until(lambda: len(sessions()) == 2)
        divided = [reader.rows_by_key(b"SELECT 60 / $1::int4", [b"%d" % (n % 7)]) for n in range(5 * BATCH_MAX)]
        for number, answer in enumerate(await asyncio.gather(*divided, return_exceptions=True)):
            if number % 7:
                assert answer == [(60 // (number % 7),)]
            else:
                assert isinstance(answer, DivisionByZero)


async def test_many_who_ask_by_key_do_not_notice_that_the_connection_breaks(reading, sessions):
    async with reading(connections=2) as reader:
        await reader.rows_by_key(ECHO, [b"first"])
        await until(lambda: len(sessions()) == 2)
        abort(reader.pipeline._connection)
        asked = [reader.rows_by_key(ECHO, [b"%d" % n]) for n in range(5 * BATCH_MAX)]
        assert await asyncio.gather(*asked) == [[(f"{n}",)] for n in range(5 * BATCH_MAX)]


async def test_who_reads_in_turn_leaves_half_to_others(reading):
    async with reading(connections=2, wait_s=0.05) as reader:
        in_turn = [asyncio.create_task(reader.rows(SLEEP, [b"0.1"], in_turn=True)) for _ in range(5)]
        for _ in range(10):
            assert await reader.rows(ECHO, [b"other"]) == [("other",)]
            await asyncio.sleep(0.01)
        assert not all(task.done() for task in in_turn)
        assert await asyncio.gather(*in_turn) == [[("",)]] * 5


async def test_who_reads_in_turn_is_never_refused(reading):
    async with reading(connections=2, wait_s=0.05) as reader:
        others = [asyncio.create_task(reader.rows(SLEEP, [b"0.3"])) for _ in range(2)]
        await asyncio.sleep(0)
        assert (
            await asyncio.gather(*(reader.rows(ECHO, [b"patient"], in_turn=True) for _ in range(5)))
            == [[("patient",)]] * 5
        )
        assert await asyncio.gather(*others) == [[("",)]] * 2


async def test_a_turn_that_came_too_late_goes_to_the_next():
    turns = _Turns(1)
    await turns.take(None)
    leaving, next = asyncio.create_task(turns.take(None)), asyncio.create_task(turns.take(5))
    await asyncio.sleep(0)
    turns.give()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await next


async def test_first_come_first_served(reading):
    async with reading(connections=1) as reader:
        served = []

        async def ask(number):
            await reader.rows(ECHO, [b"x"])
            served.append(number)

        await asyncio.gather(*(ask(number) for number in range(20)))
        assert served == list(range(20))


# Limits


async def test_what_takes_the_database_too_long_is_stopped_in_the_same_words(reading, database):
    async with reading(connections=1, statement_s_max=0.05) as reader:
        with pytest.raises(TimedOut) as through_the_reader:
            await reader.rows(SLEEP, [b"3"])
        assert await reader.rows(ECHO, [b"next"]) == [("next",)]

    async def through_a_session():
        async with database.reading() as session:
            await session.execute(text("SET statement_timeout = 50"))
            await session.execute(text("SELECT pg_sleep(3)"))

    with pytest.raises(TimedOut, match=f"^{re.escape(str(through_the_reader.value))}$"):
        await through_a_session()


async def test_only_so_many_statements_stay_prepared(reading):
    async with reading(connections=1, statements_max=3) as reader:
        for round in range(2):
            for number in range(5):
                assert await reader.rows(b"SELECT %d" % number, []) == [(number,)]
            assert await reader.rows(MANY_PREPARED, []) == [(3,)], round


async def test_a_statement_that_is_used_stays_prepared(reading):
    async with reading(connections=1, statements_max=3) as reader:
        name = b"SELECT name FROM pg_prepared_statements WHERE statement = '%s'" % ECHO
        for number in range(5):
            assert await reader.rows(ECHO, [b"often"]) == [("often",)]
            assert await reader.rows(b"SELECT %d" % number, []) == [(number,)]
            assert await reader.rows(name, []) == [("s1",)]


async def test_tables_may_change_under_prepared_statements(reader, scratch):
    sql = b"SELECT * FROM scratch"
    assert await reader.rows(sql, []) == [(1,)]
    scratch("ALTER TABLE scratch ALTER value TYPE text USING 'one'")
    assert await reader.rows(sql, []) == [("one",)]
    scratch("ALTER TABLE scratch ADD COLUMN more int DEFAULT 2")
    assert await reader.rows(sql, []) == [("one", 2)]
    assert await reader.rows(MANY_PREPARED, []) == [(2,)]


async def test_prepared_statements_may_be_discarded(reader):
    assert await reader.rows(ECHO, [b"before"]) == [("before",)]
    await reader.rows(b"DISCARD ALL", [])
    assert await reader.rows(ECHO, [b"after"]) == [("after",)]


async def test_its_statements_are_counted(database, statements):
    await database.reader.rows(ECHO, [b"x"])
    assert statements == [ECHO.decode()]


def test_libpq_is_the_one_that_came_with_psycopg():
    assert psycopg.pq.__impl__ == "binary"
