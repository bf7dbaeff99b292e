"""Posting: an operation and its entries, in the transaction of what they are for.

The database keeps the ledger right: triggers add entries to their accounts, check that each operation adds up to zero
in each currency, and refuse every other change. Here is decided what is posted.

Accounts are locked in the order in which entries are inserted: by their ids, those with many entries last. An account
comes to have many once, and stays so. Who spends holds the lock of the wallet first, so that what is available does not
change between the look and the posting. The platform's accounts are in every operation: each is divided into parts, and
each connection takes one of them, so that operations wait for few others. A wallet to which much comes is divided, too:
what comes goes to a part of the connection, and what goes is taken from the parts that have most.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    bindparam,
    column,
    func,
    insert,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from app.database import ReadSession, WriteSession, lock, part
from app.errors import Conflict, NotFound
from app.models.base import Base, Record
from app.models.billing.ledger import (
    MONEY,
    AccountKind,
    Currency,
    LedgerAccount,
    LedgerEntry,
    Operation,
    OperationCause,
    OperationKind,
)
from app.models.billing.reservations import Reservation
from app.services.billing import holds
from app.services.billing.errors import InsufficientFunds
from app.services.billing.holds import Source

STRIPES = 64
# An account with so many entries is locked after others, and a wallet with so many is divided.
BUSY_ENTRIES = 1_000
WALLET_PARTS = 16
OPERATIONS, ENTRIES, ACCOUNTS = (
    Base.metadata.tables[model.__tablename__] for model in (Operation, LedgerEntry, LedgerAccount)
)
# The parameters of an operation; the database adds the rest of it.
GIVEN = (
    *("uuid", "kind", "cause", "operation_user_id", "owner_user_id", "reason", "count_of_lines"),
    *("count_of_training_epoch", "subject_type", "subject_key", "job_key", "reverses_id"),
)
KINDS = {
    OperationCause.TRAINING: OperationKind.TRAINING,
    OperationCause.PREDICTION: OperationKind.SOLVING,
    OperationCause.AI_JOB: OperationKind.SOLVING,
    OperationCause.SPECIES_TRAINING: OperationKind.TRAINING,
    OperationCause.MACHINE_TRAINING: OperationKind.TRAINING,
    OperationCause.MACHINE_SOLVING: OperationKind.SOLVING,
    OperationCause.MACHINE_SOLVING_API: OperationKind.SOLVING_WITH_API,
    OperationCause.MARKET_SOLVING: OperationKind.SOLVING_WITH_API_MARKET,
    OperationCause.LINES_STORAGE: OperationKind.PAY_A_BILL,
    OperationCause.DATA_SOURCE: OperationKind.BUY_DATA_SOURCE,
    OperationCause.MACHINE_COPY: OperationKind.MACHINE_COPY,
    OperationCause.MACHINE_COPY_UPDATE: OperationKind.MACHINE_COPY_UPDATE,
    OperationCause.CONSULTING: OperationKind.PAY_A_BILL,
    OperationCause.TOP_UP: OperationKind.CREDIT_FROM_USER,
    OperationCause.TOP_UP_RETURNED: OperationKind.PAY_A_BILL,
    OperationCause.GRANT: OperationKind.CREDIT_FROM_USER,
    OperationCause.GRANT_ENDED: OperationKind.PAY_A_BILL,
    OperationCause.ADJUSTMENT: OperationKind.CREDIT_FROM_USER,
    OperationCause.TOKENS: OperationKind.PAY_A_BILL,
}


@dataclass(frozen=True)
class Leg:
    """What an operation adds to an account; negative if it takes."""

    account_id: int
    change: Decimal


@dataclass(frozen=True)
class About:
    """What an operation is for, and whose."""

    cause: OperationCause
    operation_user_id: int | None
    owner_user_id: int | None = None
    reason: str | None = None
    count_of_lines: int | None = None
    count_of_training_epoch: int | None = None
    subject: tuple[str, int] | None = None
    job_key: int | None = None
    reverses_id: int | None = None


def named(row: Record) -> tuple[str, int]:
    """How an operation refers to the row that it is about."""
    return type(row).__name__, row.id


def subject_of(paid: Operation | Reservation) -> tuple[str, int] | None:
    """What an operation or a reservation is for."""
    return None if paid.subject_type is None or paid.subject_key is None else (paid.subject_type, paid.subject_key)


async def post(session: WriteSession, about: About, legs: Sequence[Leg]) -> Operation:
    """Writes an operation. Its legs must add up to zero in each currency, or the database refuses it."""
    changes: dict[int, Decimal] = {}
    for leg in legs:
        changes[leg.account_id] = changes.get(leg.account_id, Decimal(0)) + leg.change
    changes = {id: change for id, change in changes.items() if change}
    subject_type, subject_key = about.subject or (None, None)
    parameters = {
        "new_uuid": uuid4(),
        "new_kind": KINDS[about.cause],
        "new_cause": about.cause,
        "new_operation_user_id": about.operation_user_id,
        "new_owner_user_id": about.owner_user_id,
        "new_reason": about.reason,
        "new_count_of_lines": about.count_of_lines,
        "new_count_of_training_epoch": about.count_of_training_epoch,
        "new_subject_type": subject_type,
        "new_subject_key": subject_key,
        "new_job_key": about.job_key,
        "new_reverses_id": about.reverses_id,
        "accounts": list(changes),
        "changes": list(changes.values()),
        "busy_entries": BUSY_ENTRIES,
    }
    return (await session.scalars(_POSTING, parameters)).one()


def _posting() -> Select[Operation]:
    """One statement for an operation and its entries: the less time passes while accounts are locked, the better."""
    made = insert(OPERATIONS).values({name: bindparam(f"new_{name}") for name in GIVEN})
    operation = made.returning(OPERATIONS).cte("operation")
    accounts, amounts = bindparam("accounts", type_=ARRAY(BigInteger)), bindparam("changes", type_=ARRAY(MONEY))
    columns = column("account_id", BigInteger), column("change", MONEY)
    leg = func.unnest(accounts, amounts).table_valued(*columns).render_derived("leg")
    # Rows are inserted in this order: so are the accounts locked.
    is_busy = select(ACCOUNTS.c.entries_count >= bindparam("busy_entries")).where(ACCOUNTS.c.id == leg.c.account_id)
    legs = select(operation.c.id, leg.c.account_id, leg.c.change).join_from(operation, leg, true())
    ordered = legs.order_by(is_busy.scalar_subquery(), leg.c.account_id)
    entries = insert(ENTRIES).from_select(["operation_id", "account_id", "change"], ordered, include_defaults=False)
    row = select(*operation.c).add_cte(entries.cte("entries"))
    return select(Operation).from_statement(row)  # type: ignore[return-value]


# Made once: SQLAlchemy takes longer to put it together than PostgreSQL to run it.
_POSTING = _posting()


class Sought(NamedTuple):
    """A wallet to which money comes, or an account of the platform: without a user."""

    kind: AccountKind
    currency: Currency
    user_id: int | None = None


async def accounts(session: WriteSession, *sought: Sought) -> list[int]:
    """The parts of these accounts that this connection takes; new ones if need be.

    Of an account of the platform any part; of a wallet the only one, or any but the first if it is busy.
    """
    columns = LedgerAccount.kind, LedgerAccount.currency, LedgerAccount.user_id, LedgerAccount.stripe
    own = {account: _own_part(account) for account in sought}
    query = select(*columns, LedgerAccount.id, LedgerAccount.entries_count)
    query = query.where(or_(*(_is_sought(account, part) for account, part in own.items())))
    rows = (await session.execute(query)).all()
    ids = []
    for account in sought:
        parts = [row for row in rows if row[:3] == account]
        is_divided = account.user_id is None or any(
            row.stripe == 0 and row.entries_count >= BUSY_ENTRIES for row in parts
        )
        fit = [row.id for row in parts if account.user_id is None or (row.stripe > 0) == is_divided]
        ids.append(fit[0] if fit else await _opened(session, account, own[account] if is_divided else literal(0)))
    return ids


def _is_sought(account: Sought, part: ColumnElement[int]) -> ColumnElement[bool]:
    is_of = LedgerAccount.user_id.is_(None) if account.user_id is None else LedgerAccount.user_id == account.user_id
    stripes = [part] if account.user_id is None else [literal(0), part]
    return and_(
        LedgerAccount.kind == account.kind,
        LedgerAccount.currency == account.currency,
        is_of,
        LedgerAccount.stripe.in_(stripes),
    )


def _own_part(account: Sought) -> ColumnElement[int]:
    return _own_stripe(STRIPES) if account.user_id is None else _own_stripe(WALLET_PARTS) + 1


def _own_stripe(count: int) -> ColumnElement[int]:
    """Which of so many parts a connection takes: its own, or one shared with few, so that these do not wait."""
    return func.mod(func.pg_backend_pid(), count)


async def _opened(session: WriteSession, account: Sought, stripe: ColumnElement[int]) -> int:
    identity = {**account._asdict(), "stripe": stripe}
    await session.execute(upsert(LedgerAccount).values(**identity).on_conflict_do_nothing())
    return (await session.execute(select(LedgerAccount.id).filter_by(**identity))).scalar_one()


async def wallet(session: WriteSession, user_id: int, currency: Currency) -> int:
    """The account to which a user's money comes: the wallet, or a part of one that is busy; a new one if need be."""
    [id] = await accounts(session, Sought(AccountKind.WALLET, currency, user_id))
    return id


async def platform(session: WriteSession, kind: AccountKind, currency: Currency) -> int:
    """Any part of an account of the platform."""
    [id] = await accounts(session, Sought(kind, currency))
    return id


async def debits(session: WriteSession, user_id: int, currency: Currency, amount: Decimal) -> list[Leg]:
    """What takes an amount from a wallet whose lock is held. The database refuses it if there is less."""
    legs = taken(await holds.wallet_parts(session, user_id, currency), amount)
    if missing := amount + sum(leg.change for leg in legs):
        legs.append(Leg(await wallet(session, user_id, currency), -missing))
    return legs


def taken(parts: Sequence[Source], amount: Decimal) -> list[Leg]:
    """What takes an amount from parts of a wallet, or what there is. The fullest come first, so that few are needed."""
    legs = []
    for source in parts:
        if part := min(source.free, amount):
            legs.append(Leg(source.account_id, -part))
            amount -= part
    return legs


async def open_account(session: WriteSession, kind: AccountKind, user_id: int, currency: Currency) -> int:
    """A further account of a user, such as that of a grant."""
    account = LedgerAccount(kind=kind, currency=currency, user_id=user_id)
    session.add(account)
    await session.flush()
    return account.id


async def lock_wallets(session: WriteSession, *user_ids: int) -> None:
    """Waits until nobody else spends what these users have, and lets nobody until the transaction ends."""
    for user_id in sorted(set(user_ids)):
        await lock(session, f"wallet {user_id}")


async def owners(session: ReadSession, operation_id: int) -> Sequence[int]:
    """The users whose money an operation moved."""
    entries = LedgerEntry.__table__.c
    moved = select(entries.user_id).where(entries.operation_id == operation_id, entries.user_id.is_not(None))
    return (await session.scalars(moved.distinct().order_by(entries.user_id))).all()


async def require_reversible(session: ReadSession, operation: Operation) -> None:
    """Conflict for a reversal, and for what is reversed already."""
    if operation.reverses_id is not None:
        raise Conflict("This operation is itself a reversal, which cannot be reversed.")
    if await session.scalar(select(Operation.id).where(Operation.reverses_id == operation.id)) is not None:
        raise Conflict("This operation is already reversed. It can be reversed once.")


async def reverse(session: WriteSession, operation_id: int, *, actor_id: int | None, reason: str) -> Operation:
    """Posts the opposite of an operation, which stays. Once; InsufficientFunds if somebody has spent what they got."""
    reversed_ = await session.get(Operation, operation_id)
    if reversed_ is None:
        raise NotFound("There is no such operation.")
    await lock_wallets(session, *await owners(session, operation_id))
    await require_reversible(session, reversed_)
    about = About(
        reversed_.cause,
        actor_id,
        reversed_.owner_user_id,
        reason=reason,
        count_of_lines=reversed_.count_of_lines,
        count_of_training_epoch=reversed_.count_of_training_epoch,
        subject=subject_of(reversed_),
        reverses_id=reversed_.id,
    )
    async with part(session):
        return await post(session, about, await _opposite(session, operation_id))


async def _opposite(session: WriteSession, operation_id: int) -> list[Leg]:
    """The opposite of each entry. What came to the parts of a wallet is taken from any of them."""
    columns = (
        LedgerEntry.account_id,
        LedgerEntry.change,
        LedgerAccount.kind,
        LedgerAccount.user_id,
        LedgerAccount.currency,
    )
    entries = select(*columns).join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
    legs: list[Leg] = []
    came: dict[tuple[int, Currency], Decimal] = defaultdict(Decimal)
    for entry in await session.execute(entries.where(LedgerEntry.operation_id == operation_id)):
        if entry.kind is AccountKind.WALLET and entry.change > 0:
            came[entry.user_id, entry.currency] += entry.change
        else:
            legs.append(Leg(entry.account_id, -entry.change))
    for (user_id, currency), amount in came.items():
        available = await holds.available(session, user_id, currency)
        if available < amount:
            raise InsufficientFunds(required=amount, available=available, currency=currency)
        legs += await debits(session, user_id, currency, amount)
    return legs
