"""The ledger holds whoever writes: by the API's role, by the owner, and by many at once."""

import asyncio
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import select

from app.errors import Conflict
from app.models.billing.ledger import Currency, LedgerAccount, LedgerEntry, Operation, OperationCause
from app.models.billing.reservations import Reservation
from app.operations.database.migrate import plain_url
from app.services.billing import ledger, sales
from app.services.billing.balances import balances_of
from app.services.billing.errors import InsufficientFunds
from app.services.billing.sales import Sale
from app.settings import settings
from tests import factories
from tests.billing.books import attack, broken, give, move
from tests.fuzz import FACTOR

OPEN = """WITH operation AS (
    INSERT INTO operations (uuid, kind, cause) VALUES (gen_random_uuid(), 'TRAINING', 'TRAINING') RETURNING id
) INSERT INTO ledger_entries (operation_id, account_id, change) SELECT id, account, change FROM operation,
    (VALUES {legs}) AS leg (account, change)"""


async def has(database, user_id: int) -> Decimal:
    async with database.reading() as session:
        return (await balances_of(session, [user_id]))[user_id].usd


@pytest.fixture
async def accounts(database, owner, other) -> tuple[int, int]:
    """The wallets of two who have 10 each."""
    for person in (owner, other):
        await give(database, person.id, 10)
    async with database.writing() as session:
        return tuple([await ledger.wallet(session, person.id, Currency.USD) for person in (owner, other)])


@pytest.fixture
def as_api(accounts):
    """The role of the API and the workers."""
    with psycopg.connect(plain_url(str(settings.database_url))) as connection:
        yield connection


@pytest.fixture
def as_owner(accounts, servers):
    """The owner of the tables, a superuser."""
    with servers.connect("tests") as connection:
        yield connection


async def test_neither_role_changes_or_removes_what_is_posted(as_api, as_owner):
    for statement in (
        "UPDATE ledger_entries SET change = 1",
        "DELETE FROM ledger_entries",
        "TRUNCATE ledger_entries CASCADE",
        "UPDATE operations SET reason = 'x'",
        "DELETE FROM operations",
        "UPDATE ledger_accounts SET balance = 1000",
        "UPDATE ledger_accounts SET entries_count = 0",
        "DELETE FROM ledger_accounts",
        "TRUNCATE ledger_accounts CASCADE",
    ):
        assert attack(as_api, statement).startswith("permission denied"), statement
        said = attack(as_owner, statement)
        assert "can only be added to" in said or said == "ledger_accounts change by entries alone", statement


async def test_entries_that_do_not_add_up_are_refused(as_api, accounts):
    one, two = accounts
    for legs, said in {
        f"({one}, 1), ({two}, -0.99999999)": "ck_ledger_entries_sum",
        f"({one}, 1)": "ck_operations_entries",
        f"({one}, 1), ({two}, 0), ({two}, -1)": "ck_ledger_entries_change",
        f"({one}, 11), ({two}, -11)": "ck_ledger_accounts_balance",
        f"({one}, 1), (999999, -1)": "fk_ledger_entries_account_id",
        f"({one}, 10000000000000), ({two}, -10000000000000)": "A field with precision 20",
        f"({one}, 'NaN'::numeric), ({two}, 'NaN')": "ck_ledger",
        f"({one}, 1), ({two}, -1)": "done",
    }.items():
        outcome = attack(as_api, OPEN.format(legs=legs))
        assert outcome.startswith((said, "numeric field overflow")) if "precision" in said else said in outcome, legs


async def test_an_entry_is_not_added_to_an_operation_of_another_transaction(as_api, as_owner, accounts):
    one, two = accounts
    late = (
        "INSERT INTO ledger_entries (operation_id, account_id, change) "
        "SELECT max(id), unnest(%s), unnest(%s) FROM operations"
    )
    for connection in (as_api, as_owner):
        assert attack(connection, late, [one, two], [1, -1]) == "ck_ledger_entries_operation"


@pytest.mark.parametrize("between", ["SELECT", "SET CONSTRAINTS ALL IMMEDIATE"])
async def test_an_operation_gets_all_its_entries_in_one_statement(as_api, accounts, between):
    one, two = accounts
    late = (
        "INSERT INTO ledger_entries (operation_id, account_id, change) "
        "SELECT max(id), unnest(%s), unnest(%s) FROM operations"
    )

    def post_in_two(legs) -> None:
        with as_api.transaction():
            as_api.execute(OPEN.format(legs=f"({one}, 1), ({two}, -1)"))
            as_api.execute(between)
            as_api.execute(late, legs)

    for legs in ([[one, two], [1, -1]], [[one], [1]]):
        with pytest.raises(psycopg.errors.CheckViolation) as refused:
            post_in_two(legs)
        assert refused.value.diag.constraint_name == "ck_ledger_entries_operation"
    none = "INSERT INTO operations (uuid, kind, cause) VALUES (gen_random_uuid(), 'TRAINING', 'TRAINING')"
    assert attack(as_api, none) == "ck_operations_entries"


async def test_what_an_entry_says_of_its_account_is_not_for_the_writer_to_choose(as_api, accounts, database):
    one, two = accounts
    as_api.execute(
        "WITH operation AS (INSERT INTO operations (uuid, kind, cause, xid, created_at) "
        "VALUES (gen_random_uuid(), 'TRAINING', 'TRAINING', 1, '2020-01-01') RETURNING id) "
        "INSERT INTO ledger_entries (operation_id, account_id, change, position, balance, currency, user_id, "
        "entry_type, created_at) SELECT id, account, change, 77, 1000000, 'EAML', NULL, 'PLATFORM', '2020-01-01' "
        "FROM operation, (VALUES (%s, 1), (%s, -1)) AS leg (account, change)",
        [one, two],
    )
    as_api.commit()
    assert await broken(database) == {}
    async with database.reading() as session:
        last = (await session.scalars(select(LedgerEntry).order_by(LedgerEntry.id.desc()).limit(2))).all()
    assert {(entry.position, entry.balance, entry.currency) for entry in last} == {
        (2, Decimal(9), Currency.USD),
        (2, Decimal(11), Currency.USD),
    }
    assert all(entry.created_at.year > 2020 for entry in last)


async def test_a_new_account_has_nothing(as_api, owner):
    as_api.execute(
        "INSERT INTO ledger_accounts (kind, currency, user_id, balance, entries_count) "
        "VALUES ('WALLET', 'EAML', %s, 1000, 7)",
        [owner.id],
    )
    assert as_api.execute("SELECT balance, entries_count FROM ledger_accounts WHERE currency = 'EAML'").fetchone() == (
        0,
        0,
    )


async def test_accounts_have_the_owner_and_currency_that_fit_them(as_api, owner):
    make = "INSERT INTO ledger_accounts (kind, currency, user_id) VALUES (%s, %s, %s)"
    for kind, currency, user_id, said in (
        ("WALLET", "USD", owner.id, "uq_ledger_accounts_wallet"),
        ("WALLET", "COUPON", owner.id, "ck_ledger_accounts_coupon"),
        ("COMMISSION", "COUPON", None, "ck_ledger_accounts_coupon"),
        ("GRANT", "USD", owner.id, "ck_ledger_accounts_coupon"),
        ("REVENUE", "USD", owner.id, "ck_ledger_accounts_owner"),
        ("WALLET", "EAML", None, "ck_ledger_accounts_owner"),
    ):
        assert attack(as_api, make, kind, currency, user_id) == said


@pytest.mark.fuzz
async def test_the_smallest_amounts_arrive_whole(database, owner):
    count = 30 if FACTOR == 1 else 1_000
    for _ in range(count):
        await give(database, owner.id, "0.00000001")
    assert await has(database, owner.id) == count * Decimal("0.00000001")


@pytest.mark.fuzz
async def test_credits_at_once_all_arrive(database, owner):
    count = 10 if FACTOR == 1 else 500
    await in_turns(*(give(database, owner.id, 1) for _ in range(count)))
    assert await has(database, owner.id) == count
    assert await broken(database) == {}


async def test_nobody_spends_more_than_there_is(database, owner, other):
    await give(database, owner.id, 10)
    came = await in_turns(*(move(database, owner.id, other.id, 1) for _ in range(20)))
    assert sum(isinstance(each, Operation) for each in came) == 10
    refused = [each for each in came if not isinstance(each, Operation)]
    assert [type(each) for each in refused] == [Conflict] * 10
    assert (await has(database, owner.id), await has(database, other.id)) == (0, 10)
    assert await broken(database) == {}


async def test_nobody_spends_what_is_held(database, owner, other):
    await give(database, owner.id, 10)

    async def hold() -> Reservation:
        job = await factories.job(database, user_id=owner.id)
        async with database.writing() as session:
            sale = Sale(OperationCause.MARKET_SOLVING, owner.id, other.id, Decimal(1), ("Machine", 1))
            return await sales.hold(session, sale, job)

    deeds = [deed for _ in range(10) for deed in (hold(), move(database, owner.id, other.id, 1))]
    came = await in_turns(*deeds)
    held, moved = [sum(isinstance(each, kind) for each in came) for kind in (Reservation, Operation)]
    assert held + moved == 10
    assert (await has(database, owner.id), await has(database, other.id)) == (10 - moved, moved)
    assert await broken(database) == {}


async def in_turns(*deeds):
    """What all of them come to: no more at once than there are connections, or who waits for long is turned away."""
    at_once = asyncio.Semaphore(8)

    async def one(deed):
        async with at_once:
            return await deed

    return await asyncio.gather(*map(one, deeds), return_exceptions=True)


async def test_two_who_pay_each_other_at_once_do_not_block_each_other(database, owner, other):
    for person in (owner, other):
        await give(database, person.id, 10)
    pairs = [(owner.id, other.id), (other.id, owner.id)] * 5
    came = await asyncio.gather(*(move(database, *pair, "0.1", commission="0.01") for pair in pairs))
    assert len(came) == 10
    assert await has(database, owner.id) == await has(database, other.id) == Decimal("9.95")
    assert await broken(database) == {}


async def test_a_reversal_is_a_new_operation_and_happens_once(database, owner, other):
    await give(database, owner.id, 10)
    sale = await move(database, owner.id, other.id, 4, commission="0.4")

    async def reverse(operation: Operation = sale) -> Operation:
        async with database.writing() as session:
            return await ledger.reverse(session, operation.id, actor_id=None, reason="A mistake.")

    came = await asyncio.gather(*(reverse() for _ in range(4)), return_exceptions=True)
    [made] = [each for each in came if isinstance(each, Operation)]
    assert (made.reverses_id, made.kind, made.reason) == (sale.id, sale.kind, "A mistake.")
    assert {str(each) for each in came if each is not made} == {
        "This operation is already reversed. It can be reversed once."
    }
    assert (await has(database, owner.id), await has(database, other.id)) == (10, 0)
    with pytest.raises(Conflict, match="itself a reversal"):
        await reverse(made)
    assert await broken(database) == {}


async def test_a_reversal_takes_nothing_that_was_spent(database, owner, other):
    await give(database, owner.id, 10)
    sale = await move(database, owner.id, other.id, 4)
    await move(database, other.id, owner.id, 1)
    async with database.writing() as session:
        with pytest.raises(InsufficientFunds) as refused:
            await ledger.reverse(session, sale.id, actor_id=None, reason="A mistake.")
    assert (refused.value.required, refused.value.available) == (4, 3)
    assert (await has(database, owner.id), await has(database, other.id)) == (7, 3)


async def test_the_accounts_of_the_platform_are_in_parts(database, owner):
    await asyncio.gather(*(give(database, owner.id, 1) for _ in range(12)))
    async with database.reading() as session:
        parts = (await session.scalars(select(LedgerAccount).where(LedgerAccount.user_id.is_(None)))).all()
    assert 1 < len(parts) <= ledger.STRIPES
    assert sum(part.balance for part in parts) == -12
