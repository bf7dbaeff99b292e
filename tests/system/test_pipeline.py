"""Statements that do not wait for each other's answers: each is told once, what is its own, or None."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.postgres import pipeline
from app.postgres.pipeline import IN_FLIGHT_MAX, Pipeline
from app.postgres.reader import _arguments
from app.telemetry.metering import Work
from tests.fuzz import FACTOR
from tests.silence import PATIENCE_S, until

ECHO = b"SELECT $1::text"
DIVIDED = b"SELECT 1 / $1::int4"
PIDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'pipeline'"

Ask = Callable[..., "asyncio.Future[Any]"]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "PAUSE_S", 0)


@asynccontextmanager
async def opened(url: str, statements_max: int = 10) -> AsyncIterator[Pipeline]:
    made = Pipeline(_arguments(f"{url}&application_name=pipeline", 5), statements_max)
    await connected(made)
    try:
        yield made
    finally:
        await made.close()


async def connected(made: Pipeline) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await asked(made, ECHO, b"first") != [("first",)]:  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.01)


def asked(made: Pipeline, sql: bytes, *parameters: bytes, work: Work | None = None) -> "asyncio.Future[Any]":
    """What is told, when it is; it may be told once."""
    told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    if not made.ask(sql, parameters, work or Work(), told.set_result):
        told.set_result("not asked")
    return told


async def all_of(*told: "asyncio.Future[Any]") -> list[Any]:
    async with asyncio.timeout(PATIENCE_S):
        return list(await asyncio.gather(*told))


async def test_who_asks_first_is_not_served_but_connects(database_url):
    made = Pipeline(_arguments(database_url, 5), 10)
    assert await asked(made, ECHO, b"x") == "not asked"
    await until(lambda: made._connection)
    assert await all_of(asked(made, ECHO, b"x")) == [[("x",)]]
    await made.close()
    assert await asked(made, ECHO, b"x") == "not asked"


async def test_each_is_told_its_own(database_url):
    async with opened(database_url) as made:
        texts = [str(number) for number in range(200)]
        told = [asked(made, ECHO, text.encode()) for text in texts]
        assert await all_of(*told) == [[(text,)] for text in texts]


async def test_what_is_refused_is_nobody_elses_matter(database_url):
    async with opened(database_url) as made:
        for _ in range(3):
            told = await all_of(asked(made, ECHO, b"a"), asked(made, DIVIDED, b"0"), asked(made, ECHO, b"b"))
            # What went out together with it may be refused with it, but is never told what is not so.
            assert told[1] is None
            assert told[0] in ([("a",)], None)
            assert told[2] in ([("b",)], None)
            assert await all_of(asked(made, DIVIDED, b"1"), asked(made, ECHO, b"c")) == [[(1,)], [("c",)]]


async def test_what_never_was_a_statement_is_refused_again_and_again(database_url):
    async with opened(database_url) as made:
        for _ in range(3):
            assert await all_of(asked(made, b"SELECT nothing FROM nowhere")) == [None]
            assert await all_of(asked(made, ECHO, b"a")) == [[("a",)]]


async def test_a_value_that_python_cannot_hold_is_nobody_elses_matter(database_url):
    async with opened(database_url) as made:
        told = [asked(made, b"SELECT 'infinity'::timestamptz"), *[asked(made, ECHO, b"x") for _ in range(3)]]
        assert await all_of(*told) == [None, *[[("x",)]] * 3]


async def test_a_statement_is_prepared_anew_when_its_table_has_changed(database_url, database_owner):
    watcher = database_owner
    watcher.execute("CREATE TABLE piped AS SELECT 1 AS value; GRANT ALL ON piped TO PUBLIC")
    try:
        async with opened(database_url) as made:
            assert await all_of(asked(made, b"SELECT * FROM piped")) == [[(1,)]]
            watcher.execute("ALTER TABLE piped ALTER COLUMN value TYPE text")
            assert await all_of(asked(made, b"SELECT * FROM piped")) == [None]
            assert await all_of(asked(made, b"SELECT * FROM piped")) == [[("1",)]]
    finally:
        watcher.execute("DROP TABLE piped")


async def test_more_statements_than_are_kept_are_prepared_again(database_url):
    async with opened(database_url, statements_max=2) as made:
        for number in [*range(5), *range(5)]:
            assert await all_of(asked(made, b"SELECT %d" % number)) == [[(number,)]]
        [(kept,)] = (await all_of(asked(made, b"SELECT count(*) FROM pg_prepared_statements")))[0]
        assert kept == 2


async def test_who_waits_when_the_connection_ends_is_told_none(database_url, database_owner):
    async with opened(database_url) as made:
        waiting = [asked(made, b"SELECT pg_sleep(60)"), *[asked(made, ECHO, b"x") for _ in range(20)]]
        await until(lambda: database_owner.execute(f"{PIDS} AND state = 'active'").fetchall())
        database_owner.execute(f"SELECT pg_terminate_backend(pid) FROM ({PIDS}) AS own")
        assert await all_of(*waiting) == [None] * 21
        await connected(made)
        assert await all_of(asked(made, ECHO, b"x")) == [[("x",)]]


async def test_a_server_that_says_nothing_is_given_up(database_url, monkeypatch):
    monkeypatch.setattr(pipeline, "SILENCE_S_MAX", 0)
    async with opened(database_url) as made:
        waiting = [asked(made, b"SELECT pg_sleep(60)"), asked(made, ECHO, b"x")]
        await asyncio.sleep(0.01)
        made.look()
        assert await all_of(*waiting) == [None, None]


async def test_who_is_too_many_is_not_asked(database_url):
    async with opened(database_url) as made:
        told = [asked(made, ECHO, b"x") for _ in range(IN_FLIGHT_MAX + 10)]
        answers = await all_of(*told)
    assert answers[-1] == "not asked"
    assert answers.count([("x",)]) >= IN_FLIGHT_MAX - 1


async def test_what_goes_out_together_is_paid_together_and_nobody_pays_for_those_before(database_url):
    async with opened(database_url) as made:
        first, second, later = Work(), Work(), Work()
        together = [asked(made, b"SELECT pg_sleep(0.3)", work=first), asked(made, ECHO, b"x", work=second)]
        await asyncio.sleep(0.1)
        await all_of(*together, asked(made, ECHO, b"x", work=later))
    assert first.database_s > 0.01
    assert second.database_s == pytest.approx(first.database_s, rel=0.5)
    assert later.database_s < first.database_s / 2


@pytest.mark.parametrize("seed", range(3 * FACTOR))
async def test_whatever_comes_each_is_told_once_and_nothing_false(database_url, database_owner, seed):
    chance = random.Random(seed)
    async with opened(database_url, statements_max=3) as made:
        told = []
        for number in range(300):
            text = b"%d" % number
            match chance.randrange(20):
                case 0:
                    told.append((asked(made, DIVIDED, b"0"), None))
                case 1:
                    told.append((asked(made, b"SELECT 'no %d'::int" % number), None))
                case 2:
                    told.append((asked(made, b"SELECT %d" % number), [(number,)]))
                case 3 if number % 5 == 0:
                    database_owner.execute(f"SELECT pg_terminate_backend(pid) FROM ({PIDS}) AS own")
                case 4:
                    await asyncio.sleep(0)
                case 5 | 6:
                    await connected(made)
                case _:
                    told.append((asked(made, ECHO, text), [(text.decode(),)]))
        answers = await all_of(*[each for each, _ in told])
    for answer, (_, expected) in zip(answers, told, strict=True):
        assert answer in ("not asked", None, expected)
    assert sum(isinstance(answer, list) for answer in answers) > 0
