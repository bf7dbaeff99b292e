"""Money at once, and what goes wrong around it: nothing is lost, and nothing is moved twice, whatever the fault."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from app.database import Database
from app.models.billing.ledger import Currency
from app.operations.database.migrate import plain_url
from app.settings import settings
from tests import factories
from tests.billing.books import broken, give
from tests.billing.crowd import Crowd, ends, watch
from tests.fuzz import FACTOR

# A client that has done something and not committed it, and tells so.
CLIENT = """
import sys, time, psycopg
connection = psycopg.connect(sys.argv[1])
connection.execute(sys.argv[2])
print("done", flush=True)
time.sleep(600)
"""
# What it takes is from outside: nobody can run out of it.
POSTING = """
WITH made AS (
    INSERT INTO operations (uuid, kind, cause) VALUES (gen_random_uuid(), 'CREDIT_FROM_USER', 'TOP_UP') RETURNING id
), accounts AS (
    (SELECT id, kind FROM ledger_accounts WHERE kind = 'EXTERNAL' LIMIT 1)
    UNION ALL
    (SELECT id, kind FROM ledger_accounts WHERE kind = 'WALLET' AND currency = 'USD' ORDER BY random() LIMIT 1)
)
INSERT INTO ledger_entries (operation_id, account_id, change)
SELECT made.id, accounts.id, CASE kind WHEN 'WALLET' THEN 1 ELSE -1 END FROM made, accounts
"""
SWEEP = """
WITH due AS (
    SELECT id FROM reservations WHERE state = 'HELD' AND expires_at <= now() LIMIT 100 FOR UPDATE SKIP LOCKED
), parts AS (
    UPDATE reservation_parts SET is_open = false WHERE reservation_id IN (SELECT id FROM due)
)
UPDATE reservations SET state = 'EXPIRED' WHERE id IN (SELECT id FROM due)
"""
MOVE_THE_CLOCK = """
WITH moved AS (
    UPDATE reservations SET expires_at = expires_at + (random() * 4 - 2) * interval '1 hour'
    WHERE id IN (
        SELECT id FROM reservations WHERE state = 'HELD' AND expires_at > clock_timestamp() FOR UPDATE SKIP LOCKED
    ) RETURNING id, expires_at
)
UPDATE reservation_parts SET expires_at = moved.expires_at FROM moved WHERE reservation_id = moved.id
"""


async def kill_clients(url: str, owner: psycopg.Connection) -> None:
    """Clients are killed between their posting and its COMMIT, while others wait for the same accounts."""
    del owner
    for _ in range(2 * FACTOR):
        await killed(POSTING, url)


async def killed(statement: str, url: str) -> None:
    """A process that is killed after a statement and before its COMMIT."""
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CLIENT, plain_url(url), statement), stdout=PIPE
    )
    assert client.stdout is not None
    assert await client.stdout.readline() == b"done\n"
    client.kill()
    await client.wait()


async def lock_backwards(url: str, owner: psycopg.Connection) -> None:
    """Somebody locks accounts in the opposite order: PostgreSQL ends deadlocks by failing one of those in it."""
    del url
    for _ in range(2 * FACTOR):
        with owner.transaction(force_rollback=True):
            owner.execute("SET LOCAL deadlock_timeout = '100ms'")
            try:
                await asyncio.to_thread(
                    owner.execute, "SELECT FROM ledger_accounts WHERE user_id IS NOT NULL ORDER BY id DESC FOR UPDATE"
                )
            except psycopg.errors.DeadlockDetected:
                continue


async def move_the_clock(url: str, owner: psycopg.Connection) -> None:
    """The clock goes an hour forward or back for some of what is held: it has expired, or lasts longer."""
    del url
    for _ in range(10 * FACTOR):
        await asyncio.sleep(0.02)
        await asyncio.to_thread(owner.execute, MOVE_THE_CLOCK)


async def kill_sweeps(url: str, owner: psycopg.Connection) -> None:
    """Workers are killed in the middle of a sweep of what has expired meanwhile."""
    for _ in range(2 * FACTOR):
        await asyncio.to_thread(owner.execute, MOVE_THE_CLOCK)
        await killed(SWEEP, url)


async def nothing(url: str, owner: psycopg.Connection) -> None:
    del url, owner


def impatient(connection: psycopg.Connection, record: object) -> None:
    """Gives up waiting for a lock almost at once."""
    del record
    cursor = connection.cursor()
    cursor.execute("SET lock_timeout = '20ms'")
    cursor.close()


@asynccontextmanager
async def clients_of(url: str, redis_url: str, *, is_impatient: bool = False) -> AsyncIterator[Database]:
    database = Database(url, redis_url)
    if is_impatient:
        event.listen(database.engine.sync_engine, "connect", impatient)
    try:
        yield database
    finally:
        await database.close()


@pytest.mark.fuzz
@pytest.mark.parametrize(
    ("fault", "has_redis", "is_impatient", "connections"),
    [
        (kill_clients, True, False, 10),
        (kill_sweeps, True, False, 10),
        (move_the_clock, True, False, 10),
        (lock_backwards, True, False, 10),
        (nothing, False, False, 10),
        (nothing, True, True, 10),
        (nothing, True, False, 2),
        (kill_clients, False, True, 4),
    ],
    ids=[
        "clients killed",
        "sweeps killed",
        "clock moved",
        "deadlocks",
        "Redis gone",
        "locks not waited for",
        "connections used up",
        "several",
    ],
)
async def test_a_fault_loses_nothing_and_moves_nothing_twice(
    database,
    database_url,
    redis_url,
    servers,
    tmp_path,
    monkeypatch,
    fault: Callable[..., Any],
    has_redis,
    is_impatient,
    connections,
):
    people = [(await factories.user(database, f"person{number}")).user.id for number in range(4)]
    for person in people:
        await give(database, person, 10)
        await give(database, person, 10, Currency.EAML)
    monkeypatch.setattr(settings, "database_pool", connections)
    redis = redis_url if has_redis else f"unix://{tmp_path}/redis.sock"
    async with AsyncExitStack() as stack:
        theirs = await stack.enter_async_context(clients_of(database_url, redis, is_impatient=is_impatient))
        owner = stack.enter_context(servers.connect("tests"))
        crowd = Crowd(theirs, people)
        working = asyncio.gather(*map(crowd.client, range(16)), fault(database_url, owner))
        await asyncio.gather(working, watch(database, working))
    assert "Operation" in crowd.done
    assert await broken(database) == {}
    # Faults have stopped: everybody can go on, and what is held ends.
    await give(database, people[0], 1)
    await ends(database)
