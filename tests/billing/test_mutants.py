"""The invariants can fail: each of eight defects, put in by hand, breaks the one that is about it and no other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from secrets import token_hex
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from app.database import Database
from app.errors import DomainError
from app.models.billing.ledger import Currency, OperationCause
from app.models.billing.reservations import Reservation, ReservationState
from app.operations.database.migrate import plain_url
from app.services.billing import holds, ledger, reservations
from app.services.billing.reservations import Purpose
from app.services.system.requests import idempotency
from resolvers.mutation_transactions import Change
from tests import factories
from tests.billing.books import broken, give, move

SUMS = "each operation adds up to zero in each currency"
BALANCES = "each balance is the sum of its entries"
POSITIONS = "positions have no gaps"
HELD = "nobody has less than is held"
EXPIRED = "nothing is posted of a reservation after its end"


def altered(connection: psycopg.Connection, function: str, old: str, new: str) -> None:
    """Puts a defect into a function of the database."""
    [source] = connection.execute(f"SELECT pg_get_functiondef('{function}'::regproc)").fetchone()
    assert old in source, function
    connection.execute(source.replace(old, new))


def no_defect(connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    del connection, monkeypatch


def balance_is_read_modified_and_written(connection, monkeypatch) -> None:
    del monkeypatch
    altered(
        connection,
        "post_entry",
        "UPDATE public.ledger_accounts SET balance = balance + NEW.change",
        "SELECT balance INTO account FROM public.ledger_accounts WHERE id = NEW.account_id; PERFORM pg_sleep(0.05); "
        "UPDATE public.ledger_accounts SET balance = account.balance + NEW.change",
    )


def balance_is_cached_outside_the_transaction(connection, monkeypatch) -> None:
    del monkeypatch
    altered(connection, "post_entry", "SET balance = balance + NEW.change, ", "SET ")


def funds_are_checked_before_the_lock(connection, monkeypatch) -> None:
    connection.execute("ALTER TABLE ledger_accounts DROP CONSTRAINT ck_ledger_accounts_balance")
    connection.execute("ALTER TABLE reservation_parts DISABLE TRIGGER reservation_parts_hold")
    altered(connection, "post_entry", "account.balance < (", "false AND 0 < (")

    async def unlocked(*_: object) -> None:
        await asyncio.sleep(0)

    check = holds.sources

    async def checked_long_ago(*about):
        found = await check(*about)
        await asyncio.sleep(0.2)  # so that all have checked before the first of them holds anything
        return found

    monkeypatch.setattr(ledger, "lock_wallets", unlocked)
    monkeypatch.setattr(holds, "sources", checked_long_ago)


def commission_is_a_float(connection, monkeypatch) -> None:
    connection.execute("ALTER TABLE ledger_entries DISABLE TRIGGER ledger_entries_check")
    post = ledger.post

    async def rounded_twice(session, about, legs):
        legs = [ledger.Leg(leg.account_id, Decimal(float(leg.change) * 1.0000001)) for leg in legs[:1]] + list(legs[1:])
        return await post(session, about, legs)

    monkeypatch.setattr(ledger, "post", rounded_twice)


def reversals_delete(connection, monkeypatch) -> None:
    for table in ("ledger_entries", "operations"):
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER {TRIGGERS[table]}")

    async def delete(session, operation_id, **_):
        await session.execute(text(f"DELETE FROM ledger_entries WHERE operation_id = {operation_id}"))
        await session.execute(text(f"DELETE FROM operations WHERE id = {operation_id}"))

    monkeypatch.setattr(ledger, "reverse", delete)


def expiry_is_not_checked_before_posting(connection, monkeypatch) -> None:
    del connection

    async def held(session, reservation_id: int) -> Reservation:
        found = await reservations._locked(session, reservation_id)
        assert found.state is ReservationState.HELD
        return found

    monkeypatch.setattr(reservations, "_held", held)


TRIGGERS = {"ledger_entries": "ledger_entries_post", "operations": "operations_begin"}
MUTANTS: dict[Callable[..., None], set[str]] = {
    no_defect: set(),
    balance_is_read_modified_and_written: {BALANCES},
    balance_is_cached_outside_the_transaction: {BALANCES},
    funds_are_checked_before_the_lock: {HELD},
    commission_is_a_float: {SUMS},
    reversals_delete: {POSITIONS},
    expiry_is_not_checked_before_posting: {EXPIRED},
}


@asynccontextmanager
async def own_database(url: str, redis_url: str) -> AsyncIterator[Database]:
    database = Database(url, redis_url)
    try:
        yield database
    finally:
        await database.close()


async def workload(database: Database) -> None:
    """A little of everything that an invariant is about, most of it at once."""
    payer, payee = [(await factories.user(database, name)).user.id for name in ("payer", "payee")]
    await give(database, payer, 100)
    await give(database, payer, 3, Currency.EAML)
    sold = await asyncio.gather(
        *(move(database, payer, payee, "1.10", commission="0.11") for _ in range(5)), return_exceptions=True
    )
    made = [each for each in sold if not isinstance(each, BaseException)]

    async def hold(for_: timedelta = timedelta(hours=1)) -> int:
        async with database.writing() as session:
            purpose = Purpose(OperationCause.TRAINING)
            return (await reservations.hold(session, payer, Decimal(1), purpose, for_=for_)).id

    with suppress(DomainError):
        late = await hold(timedelta(seconds=-1))
        async with database.writing() as session:
            await reservations.post(session, late)
    await asyncio.gather(*(hold() for _ in range(6)), return_exceptions=True)
    # A defect may leave nobody anything to take back.
    with suppress(DomainError):
        async with database.writing() as session:
            await ledger.reverse(session, made[0].id, actor_id=None, reason="A mistake.")


@pytest.mark.parametrize("defect", MUTANTS, ids=lambda defect: defect.__name__)
async def test_a_defect_breaks_what_it_is_about(clone_database, redis_url, monkeypatch, defect):
    url = clone_database(f"mutant_{token_hex(4)}")
    with psycopg.connect(plain_url(url), autocommit=True) as connection:
        defect(connection, monkeypatch)
    async with own_database(url, redis_url) as database:
        await workload(database)
        assert set(await broken(database)) == MUTANTS[defect]


BUY = """mutation ($input: BuyTokensInput!) {
    buyTokens(input: $input) { ... on Operation { uuid } ... on Problem { code } } }"""


@pytest.fixture
def keyed(api, owner):
    """Buys a token under a key."""
    key = str(uuid4())
    headers = {"Authorization": f"Bearer {owner.token}", "Idempotency-Key": key}

    async def keyed() -> dict[str, str]:
        sent = await api.post("/graphql", json={"query": BUY, "variables": {"input": {"usd": "1"}}}, headers=headers)
        return sent.json().get("data", {}).get("buyTokens") or {}

    return keyed


async def spent(ask, owner) -> str:
    return (await ask("{ me { userIxiooBalance } }", viewer=owner))["me"]["userIxiooBalance"]


@pytest.mark.parametrize("is_sound", [True, False], ids=["sound", "checked and then acted on"])
async def test_a_key_that_is_checked_before_it_is_claimed_moves_money_twice(
    ask, keyed, database, owner, monkeypatch, is_sound
):
    await give(database, owner.id, 10)
    if not is_sound:

        async def nothing(*_: object, **__: object) -> dict[str, object]:
            await asyncio.sleep(0)
            return {}

        monkeypatch.setattr(idempotency, "claim", nothing)
        monkeypatch.setattr(idempotency, "keep", lambda *_, **__: None)
        monkeypatch.setattr(idempotency, "outcomes", nothing)
    await asyncio.gather(*(keyed() for _ in range(4)))
    assert (await spent(ask, owner) == "1.00000000") is is_sound
    assert await broken(database) == {}


@pytest.mark.parametrize("is_sound", [True, False], ids=["sound", "kept"])
async def test_a_key_that_is_kept_when_it_was_refused_never_works_again(
    ask, keyed, database, owner, monkeypatch, is_sound
):
    carry_out, kept = Change.carry_out, {}

    async def keep_refusals(self, *arguments):
        name = self._request.key, self._field
        if name in kept:
            raise kept[name]
        try:
            return await carry_out(self, *arguments)
        except DomainError as refused:
            kept[name] = refused
            raise

    if not is_sound:
        monkeypatch.setattr(Change, "carry_out", keep_refusals)
    assert (await keyed())["code"] == "INSUFFICIENT_FUNDS"
    await give(database, owner.id, 1)
    assert ("uuid" in await keyed()) is is_sound
    assert await broken(database) == {}
