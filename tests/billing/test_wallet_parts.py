"""A wallet to which much comes is divided into parts. For its owner it stays one wallet."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

import pytest
from sqlalchemy import func, select

from app.errors import Conflict
from app.models.billing.ledger import AccountKind, Currency, LedgerAccount, LedgerEntry, Operation, OperationCause
from app.services.billing import holds, ledger, reservations, sales, statements
from app.services.billing.balances import balances_of
from app.services.billing.sales import Sale
from resolvers import ids
from tests import factories
from tests.billing.books import broken, give, move

EARLY, LATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _divided(monkeypatch):
    """Wallets are busy after their first entry, and each connection seems to be another one."""
    turns = count()

    async def turn(_: object) -> int:
        return next(turns)

    monkeypatch.setattr(ledger, "BUSY_ENTRIES", 1)
    monkeypatch.setattr(ledger, "_turn", turn)


@pytest.fixture
async def seller(database, owner):
    """Who has got 1 eight times."""
    for _ in range(8):
        await give(database, owner.id, 1)
    return owner


async def has(database, user_id: int) -> Decimal:
    """What a user has; the same is available."""
    async with database.reading() as session:
        balance = (await balances_of(session, [user_id]))[user_id].usd
        assert await holds.available(session, user_id, Currency.USD) == balance
    return balance


async def parts(database, user_id: int) -> list[Decimal]:
    async with database.reading() as session:
        of_user = LedgerAccount.user_id == user_id, LedgerAccount.kind == AccountKind.WALLET
        return list(await session.scalars(select(LedgerAccount.balance).where(*of_user).order_by(LedgerAccount.stripe)))


async def test_what_comes_goes_to_many_parts_and_is_one_balance_and_one_statement(ask, database, seller):
    assert await parts(database, seller.id) == [1] * 8
    assert await has(database, seller.id) == 8
    assert (await ask("{ me { userBalance } }", viewer=seller))["me"]["userBalance"] == "8.00000000"
    async with database.reading() as session:
        whole = await statements.statement(session, seller.user, currency=Currency.USD, since=EARLY, until=LATE)
        cut = whole.lines[4].entry.created_at
        first = await statements.statement(session, seller.user, currency=Currency.USD, since=EARLY, until=cut)
        rest = await statements.statement(session, seller.user, currency=Currency.USD, since=cut, until=LATE)
    assert [line.balance for line in whole.lines] == list(range(1, 9))
    assert (first.closing, rest.opening, rest.closing) == (4, 4, whole.closing)
    assert await broken(database) == {}


async def test_what_goes_is_taken_from_as_many_parts_as_it_needs(database, seller, other):
    paid = await move(database, seller.id, other.id, "2.5")
    async with database.reading() as session:
        taken = select(LedgerEntry.change).where(LedgerEntry.operation_id == paid.id, LedgerEntry.user_id == seller.id)
        assert sorted(await session.scalars(taken)) == [-1, -1, Decimal("-0.5")]
    assert (await has(database, seller.id), await has(database, other.id)) == (Decimal("5.5"), Decimal("2.5"))
    with pytest.raises(Conflict, match="too low"):
        await move(database, seller.id, other.id, "5.50000001")
    await move(database, seller.id, other.id, "5.5")
    assert await has(database, seller.id) == 0
    assert await broken(database) == {}


async def test_of_many_who_spend_at_once_as_many_succeed_as_there_is_money_for(database, seller, other):
    async def spend() -> None:
        async with database.writing() as session:
            sale = Sale(OperationCause.DATA_SOURCE, seller.id, other.id, Decimal(1), ("DataInputLine", 1))
            await sales.pay(session, sale)

    came = await asyncio.gather(*(spend() for _ in range(12)), return_exceptions=True)
    assert came.count(None) == 8
    assert await has(database, seller.id) == 0
    assert await broken(database) == {}


async def test_a_price_is_held_of_many_parts_and_paid_or_returned(database, seller, other):
    async def hold() -> int:
        job = await factories.job(database, user_id=seller.id)
        async with database.writing() as session:
            sale = Sale(OperationCause.MARKET_SOLVING, seller.id, other.id, Decimal("6.5"), ("Machine", 1))
            return (await sales.hold(session, sale, job)).id

    async def left() -> Decimal:
        async with database.reading() as session:
            assert await sales.spent_this_month(session, seller.id) == 8 - await holds.available(
                session, seller.id, Currency.USD
            )
            return await holds.available(session, seller.id, Currency.USD)

    held = await hold()
    assert await left() == Decimal("1.5")
    async with database.writing() as session:
        await reservations.void(session, held)
    assert await left() == 8
    held = await hold()
    async with database.writing() as session:
        assert await reservations.post(session, held)
    assert await left() == Decimal("1.5")
    assert await has(database, other.id) > 0
    assert await broken(database) == {}


async def test_a_reversal_takes_from_any_part_what_came_to_one(database, seller, other):
    await give(database, other.id, 4)
    sale = await move(database, other.id, seller.id, 4)
    await move(database, seller.id, other.id, 11)
    assert await has(database, seller.id) == 1
    await give(database, seller.id, 5)
    async with database.writing() as session:
        back = await ledger.reverse(session, sale.id, actor_id=None, reason="A mistake.")
    assert isinstance(back, Operation)
    assert (await has(database, seller.id), await has(database, other.id)) == (2, 15)
    assert await broken(database) == {}


async def test_staff_take_back_from_all_parts(change, database, seller, staff, other_staff):
    given = {"userId": ids.encode(seller.user), "currency": "USD", "change": "-7.5", "reason": "Paid twice."}
    proposed = await change("proposeAdjustment", "id", viewer=staff, **given)
    await change("postAdjustment", "id", viewer=other_staff, id=proposed["id"])
    assert await has(database, seller.id) == Decimal("0.5")
    assert await broken(database) == {}


async def test_a_statement_waits_for_a_part_that_is_being_opened(database, seller):
    async with database.writing() as posting:
        account = await ledger.wallet(posting, seller.id, Currency.USD)
        outside = await ledger.platform(posting, AccountKind.EXTERNAL, Currency.USD)
        about = ledger.About(OperationCause.TOP_UP, seller.id, seller.id)
        await ledger.post(posting, about, [ledger.Leg(account, Decimal(1)), ledger.Leg(outside, Decimal(-1))])
        async with database.reading() as session:
            await session.execute(select(func.set_config("lock_timeout", "50ms", True)))
            with pytest.raises(Exception, match="lock"):
                await statements.statement(session, seller.user, currency=Currency.USD, since=EARLY, until=LATE)
    async with database.reading() as session:
        whole = await statements.statement(session, seller.user, currency=Currency.USD, since=EARLY, until=LATE)
        assert whole.closing == 9
        # What a statement waited with is released with the wait: who opens another account goes on.
        async with database.writing() as posting:
            await posting.execute(select(func.set_config("lock_timeout", "50ms", True)))
            await ledger.open_account(posting, AccountKind.GRANT, seller.id, Currency.COUPON)
