"""Money for tests: who gets some, and what must always be true of the ledger."""

from decimal import Decimal
from typing import Any

import psycopg
from sqlalchemy import text

from app.database import Database
from app.models.billing.ledger import AccountKind, Currency, Operation, OperationCause
from app.services.billing import ledger
from app.services.billing.ledger import About, Leg
from app.services.billing.top_ups import topping_up

STRIPE_SECRET = "whsec_test"
ESCROW = "escrow has what contracts say, and what is paid and returned is no more"
# What is wrong if it finds a row, by the invariant.
CLAIMS = {
    "each operation adds up to zero in each currency": """
        SELECT operation_id FROM ledger_entries GROUP BY operation_id, currency HAVING sum(change) <> 0""",
    "each operation has two entries at least": """
        SELECT id FROM operations WHERE (SELECT count(*) FROM ledger_entries WHERE operation_id = operations.id) < 2""",
    "each balance is the sum of its entries": """
        SELECT account.id FROM ledger_accounts AS account LEFT JOIN ledger_entries ON account_id = account.id
        GROUP BY account.id HAVING account.balance <> coalesce(sum(change), 0)
        OR account.entries_count <> count(ledger_entries.id)""",
    "positions have no gaps": """
        SELECT account_id FROM ledger_entries GROUP BY account_id
        HAVING max(position) <> count(*) OR min(position) <> 1""",
    "each entry has the balance after it": """
        SELECT id FROM (SELECT id, balance, sum(change) OVER (PARTITION BY account_id ORDER BY position) AS sum
            FROM ledger_entries) AS running WHERE balance <> sum""",
    "nobody has less than nothing": """
        SELECT id FROM ledger_accounts WHERE balance < 0 AND user_id IS NOT NULL""",
    "all balances of a currency add up to zero": """
        SELECT currency FROM ledger_accounts GROUP BY currency HAVING sum(balance) <> 0""",
    "nobody has less than is held": """
        SELECT id FROM ledger_accounts WHERE user_id IS NOT NULL AND balance < held_of(id)""",
    "a reservation that was posted has its operation, once": """
        SELECT r.id FROM reservations AS r WHERE r.state = 'POSTED' AND r.posted <> (
            SELECT -sum(change) FROM ledger_entries AS e WHERE e.operation_id = r.operation_id AND e.change < 0)""",
    "nothing is posted of a reservation after its end": """
        SELECT r.id FROM reservations AS r JOIN operations AS o ON o.id = r.operation_id
        WHERE o.created_at >= r.expires_at""",
    "coupons pay the platform alone": """
        SELECT entry.id FROM ledger_entries AS entry JOIN ledger_accounts AS account ON account.id = account_id
        WHERE account.currency = 'COUPON' AND account.kind NOT IN ('GRANT', 'PROMOTION', 'REVENUE')""",
    ESCROW: """
        SELECT r.id FROM consulting_requests AS r LEFT JOIN ledger_accounts AS a ON a.id = r.escrow_account_id
        WHERE (r.due_at IS NOT NULL AND (a.balance IS NULL OR a.balance <= 0)) OR (r.due_at IS NULL AND a.balance <> 0)
        OR a.balance <> r.amount_usd - r.released_usd - r.refunded_usd""",
    "all escrow belongs to open contracts": """
        SELECT a.id FROM ledger_accounts AS a WHERE a.kind = 'ESCROW' AND a.balance <> 0 AND NOT EXISTS (
            SELECT FROM consulting_requests AS r WHERE r.escrow_account_id = a.id AND r.due_at IS NOT NULL)""",
}

# What follows from other claims says nothing new if one of these is broken.
FOLLOWS = {
    "each balance is the sum of its entries": {"positions have no gaps"},
    "each entry has the balance after it": {"each balance is the sum of its entries"},
    "all balances of a currency add up to zero": {
        "each operation adds up to zero in each currency",
        "each balance is the sum of its entries",
    },
    # An account of escrow that was paid out twice.
    "all escrow belongs to open contracts": {ESCROW},
    "nobody has less than nothing": {ESCROW},
    "nobody has less than is held": {ESCROW},
}


async def broken(database: Database) -> dict[str, list[int]]:
    """What is not true, all of it in one snapshot; without what only follows from something else that is not."""
    async with database.reading() as session:
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        found = {claim: list(await session.scalars(text(sql))) for claim, sql in CLAIMS.items()}
    wrong = {claim: ids for claim, ids in found.items() if ids}
    return {claim: ids for claim, ids in wrong.items() if not FOLLOWS.get(claim, set()) & wrong.keys()}


async def give(database: Database, user_id: int, amount: Any, currency: Currency = Currency.USD) -> Operation:
    """Money from outside."""
    async with database.writing() as session:
        if currency is Currency.USD:
            return await topping_up.credit(session, user_id, Decimal(amount), actor_id=user_id)
        legs = [
            Leg(await ledger.wallet(session, user_id, currency), Decimal(amount)),
            Leg(await ledger.platform(session, AccountKind.CONVERSION, currency), -Decimal(amount)),
        ]
        return await ledger.post(session, About(OperationCause.TOKENS, user_id), legs)


async def move(database: Database, payer: int, payee: int, amount: Any, *, commission: Any = 0) -> Operation:
    """A sale: the payee gets the amount without the commission."""
    amount, commission = Decimal(amount), Decimal(commission)
    async with database.writing() as session:
        legs = [
            *await ledger.debits(session, payer, Currency.USD, amount),
            Leg(await ledger.wallet(session, payee, Currency.USD), amount - commission),
            Leg(await ledger.platform(session, AccountKind.COMMISSION, Currency.USD), commission),
        ]
        return await ledger.post(session, About(OperationCause.TOKENS, payer, payee), legs)


def attack(connection: psycopg.Connection, statement: str, *values: Any) -> str:
    """What the database says to a statement, once all its deferred checks are done."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement, values)
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.Error as error:
        return error.diag.constraint_name or error.diag.message_primary or ""
    return "done"
