"""The ledger comes out the same when it is posted anew in an empty database; what was tampered with is noticed."""

import asyncio
from contextlib import contextmanager
from secrets import token_hex

import pytest
from sqlalchemy import make_url

from app.operations import ledger_replay
from app.services.billing import ledger
from app.settings import settings
from tests import factories
from tests.billing.books import give, move


@pytest.fixture
def as_owner(servers, monkeypatch):
    """The owner of the tables, whose address the command takes."""
    with servers.connect("tests") as connection:
        connection.autocommit = True
        monkeypatch.setattr(
            settings, "owner_database_url", make_url(servers.database_url).set(database="tests").render_as_string(False)
        )
        yield connection


async def test_all_balances_come_out_the_same(database, as_owner):
    people = [(await factories.user(database, f"person{number}")).user.id for number in range(3)]
    for person in people:
        await give(database, person, 10)

    async def client(payer: int) -> None:
        for payee in people:
            if payee != payer:
                made = await move(database, payer, payee, "1.5", commission="0.15")
                if payee == people[0]:
                    async with database.writing() as session:
                        await ledger.reverse(session, made.id, actor_id=None, reason="A mistake.")

    await asyncio.gather(*map(client, people))
    replay = await asyncio.to_thread(ledger_replay.verify)
    assert replay.differences == []
    assert replay.entries == 30
    [left] = as_owner.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'ledger_replay%'").fetchone()
    assert left == 0


@pytest.mark.parametrize(
    ("table", "change", "told"),
    [
        ("ledger_accounts", "balance = balance + 0.00000001", "account: here"),
        ("ledger_entries", "balance = balance + 0.00000001", "entry: here"),
        ("ledger_entries", "change = change + 1", "What was posted is refused: the entries of operation"),
    ],
)
async def test_what_was_changed_does_not(database, owner, as_owner, clone_database, monkeypatch, table, change, told):
    @contextmanager
    def cloned():
        name = f"replay_{token_hex(4)}"
        yield clone_database(name)
        as_owner.execute(f"DROP DATABASE {name} WITH (FORCE)")

    monkeypatch.setattr(ledger_replay, "_empty_database", cloned)
    await give(database, owner.id, 10)
    # Only who may switch triggers off can do this.
    as_owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    as_owner.execute(f"UPDATE {table} SET {change} WHERE id = (SELECT min(id) FROM {table})")
    as_owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    [difference] = (await asyncio.to_thread(ledger_replay.verify)).differences
    assert difference.startswith(told)
