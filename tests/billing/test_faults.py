"""Money at once, and what goes wrong around it: nothing is lost, and nothing is moved twice, whatever the fault."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
import pytest
from sqlalchemy import event

from app.database import Database
from app.models.billing.ledger import Currency
from app.operations.migrate import plain_url
from tests import factories
from tests.billing.books import broken, give
from tests.billing.crowd import Crowd, sweep_all
from tests.fuzz import FACTOR

# A client that has posted and not committed, and tells so.
CLIENT = """
import sys, time, psycopg
connection = psycopg.connect(sys.argv[1])
connection.execute("WITH made AS (INSERT INTO operations (uuid, kind, cause) VALUES (gen_random_uuid(), 'TRAINING', "
    "'TRAINING') RETURNING id) INSERT INTO ledger_entries (operation_id, account_id, change) "
    "SELECT made.id, a.id, CASE row_number() OVER (ORDER BY a.id) WHEN 1 THEN -1 ELSE 1 END FROM made, "
    "(SELECT id FROM ledger_accounts WHERE kind = 'WALLET' AND currency = 'USD' ORDER BY id LIMIT 2) AS a")
print("posted", flush=True)
time.sleep(600)
"""


async def kill_clients(url: str, owner: psycopg.Connection) -> None:
    """Clients are killed between their posting and its COMMIT, while others wait for the same accounts."""
    del owner
    for _ in range(2 * FACTOR):
        command = [sys.executable, "-c", CLIENT, plain_url(url)]
        client = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
        assert client.stdout is not None
        assert await client.stdout.readline() == b"posted\n"
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
    ("fault", "has_redis", "is_impatient"),
    [
        (kill_clients, True, False),
        (lock_backwards, True, False),
        (nothing, False, False),
        (nothing, True, True),
        (kill_clients, False, True),
    ],
    ids=["clients killed", "deadlocks", "Redis gone", "locks not waited for", "several"],
)
async def test_a_fault_loses_nothing_and_moves_nothing_twice(
    database, database_url, redis_url, servers, tmp_path, fault: Callable[..., object], has_redis, is_impatient
):
    people = [(await factories.user(database, f"person{number}")).user.id for number in range(4)]
    for person in people:
        await give(database, person, 10)
        await give(database, person, 10, Currency.EAML)
    redis = redis_url if has_redis else f"unix://{tmp_path}/redis.sock"
    async with AsyncExitStack() as stack:
        theirs = await stack.enter_async_context(clients_of(database_url, redis, is_impatient=is_impatient))
        owner = stack.enter_context(servers.connect("tests"))
        crowd = Crowd(theirs, people)
        await asyncio.gather(*map(crowd.client, range(16)), fault(database_url, owner))
    assert crowd.done
    assert await broken(database) == {}
    # Faults have stopped: everybody can go on, and what is held ends.
    await give(database, people[0], 1)
    await sweep_all(database)
    assert await broken(database) == {}
