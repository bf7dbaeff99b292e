"""How a planned query ends when it may not go on."""

import asyncio

import pytest
from sqlalchemy import text

from app.errors import Busy, TimedOut
from app.postgres.reader import Reader
from app.settings import settings
from tests import factories

DATASETS = "{ datasets { nodes { name user { username } } } }"
RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
async def locked(database, owner):
    """Nobody can read the datasets before the test ends."""
    await factories.dataset(database, owner.id)
    async with database.engine.connect() as connection:
        await connection.execute(text("LOCK TABLE datasets IN ACCESS EXCLUSIVE MODE"))
        yield connection


async def waiting(connection):
    return await connection.scalar(text(RUNNING))


async def test_a_query_that_takes_too_long_is_stopped_in_the_database_too(ask, locked, monkeypatch):
    monkeypatch.setattr(settings, "request_s_max", 0.3)
    answer = await ask(DATASETS)
    assert answer.codes == ["TIMEOUT"]
    async with asyncio.timeout(120):
        while await waiting(locked):  # noqa: ASYNC110 - PostgreSQL has no event for it
            await asyncio.sleep(0.02)
    await locked.rollback()
    assert len((await ask(DATASETS))["datasets"]["nodes"]) == 1


async def test_a_statement_that_waits_too_long_for_a_lock_is_told_once(ask, locked, statements):
    await ask("{ me { id } }")
    statements.clear()
    answer = await ask(DATASETS)
    assert answer.codes == ["UNAVAILABLE"]
    assert len([sent for sent in statements if "FROM datasets" in sent]) == 1


@pytest.mark.parametrize(
    ("failure", "code", "status"), [(Busy(), "UNAVAILABLE", 503), (TimedOut("Slow."), "TIMEOUT", 504)]
)
async def test_a_database_that_cannot_answer_is_not_asked_again(ask, monkeypatch, failure, code, status):
    asked = []

    async def rows(self, sql, parameters, *, in_turn=False):
        asked.append(sql)
        raise failure

    monkeypatch.setattr(Reader, "rows", rows)
    answer = await ask(DATASETS)
    assert (answer.codes, answer.status) == ([code], status)
    assert len(asked) == 1
