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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    SmallInteger,
    String,
    bindparam,
    column,
    func,
    insert,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from app.database import ReadSession, WriteSession, driver_of, lock, part
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
from app.services.billing.holds import Source, held_of

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


class Sought(NamedTuple):
    """An account that is yet to be found: a user's wallet, or one of the platform, which has no user."""

    kind: AccountKind
    currency: Currency
    user_id: int | None = None


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
    given = {"accounts": list(changes), "changes": list(changes.values())}
    return (await session.scalars(_POSTING, _parameters(about) | given)).one()


async def move(session: WriteSession, about: About, changes: Mapping[Sought, Decimal]) -> Operation:
    """The same for accounts that are yet to be found, in one statement most of the time.

    The lock of a wallet from which money goes is held. InsufficientFunds if it has less than that.
    """
    turn = await _turn(session)
    given = {
        "kinds": [sought.kind.value for sought in changes],
        "currencies": [sought.currency.value for sought in changes],
        "user_ids": [sought.user_id for sought in changes],
        "changes": [*changes.values()],
        "platform_part": turn % STRIPES,
        "wallet_part": turn % WALLET_PARTS + 1,
    }
    moved = (await session.scalars(_MOVING, _parameters(about) | given)).one_or_none()
    if moved is not None:
        return moved
    # One has to be opened, or no part of a wallet has so much.
    legs = [leg for sought, change in changes.items() for leg in await _legs(session, sought, change)]
    return await post(session, about, legs)


async def _legs(session: WriteSession, sought: Sought, change: Decimal) -> list[Leg]:
    if sought.user_id is None or change > 0:
        return [Leg(await account(session, sought), change)]
    return await _paid(session, sought.user_id, sought.currency, -change)


async def _paid(session: WriteSession, user_id: int, currency: Currency, amount: Decimal) -> list[Leg]:
    """What takes an amount from a wallet; InsufficientFunds if less is available."""
    available = await holds.available(session, user_id, currency)
    if available < amount:
        raise InsufficientFunds(required=amount, available=available, currency=currency)
    return await debits(session, user_id, currency, amount)


def _parameters(about: About) -> dict[str, object]:
    subject_type, subject_key = about.subject or (None, None)
    return {
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
        "busy_entries": BUSY_ENTRIES,
    }


def _posting(legs: Select[int, Decimal]) -> Select[Operation]:
    """One statement for an operation and its entries: the less time passes while accounts are locked, the better.

    It writes nothing unless there is a leg for each change.
    """
    leg = legs.cte("leg")
    given = select(*(bindparam(f"new_{name}", type_=OPERATIONS.c[name].type) for name in GIVEN))
    is_whole = select(func.count()).select_from(leg).scalar_subquery() == func.cardinality(_CHANGES)
    made = insert(OPERATIONS).from_select(GIVEN, given.where(is_whole), include_defaults=False)
    operation = made.returning(OPERATIONS).cte("operation")
    # Rows are inserted in this order: so are the accounts locked.
    is_busy = select(ACCOUNTS.c.entries_count >= _BUSY).where(ACCOUNTS.c.id == leg.c.account_id)
    whole = select(operation.c.id, leg.c.account_id, leg.c.change).join_from(operation, leg, true())
    ordered = whole.order_by(is_busy.scalar_subquery(), leg.c.account_id)
    entries = insert(ENTRIES).from_select(["operation_id", "account_id", "change"], ordered, include_defaults=False)
    row = select(*operation.c).add_cte(entries.cte("entries"))
    return select(Operation).from_statement(row)  # type: ignore[return-value]


def _named() -> Select[int, Decimal]:
    """Legs by the ids of their accounts."""
    accounts = bindparam("accounts", type_=ARRAY(BigInteger))
    columns = column("account_id", BigInteger), column("change", MONEY)
    return select(*func.unnest(accounts, _CHANGES).table_valued(*columns).render_derived("given").c)


def _found() -> Select[int, Decimal]:
    """Legs by what their accounts are: of the platform, a wallet that gets, or a wallet that pays from one part."""
    kinds, currencies = (bindparam(name, type_=ARRAY(String)) for name in ("kinds", "currencies"))
    columns = column("kind", String), column("currency", String), column("user_id", BigInteger), column("change", MONEY)
    users = bindparam("user_ids", type_=ARRAY(BigInteger))
    sought = func.unnest(kinds, currencies, users, _CHANGES).table_valued(*columns).render_derived("sought")
    account, first, change = ACCOUNTS, ACCOUNTS.alias("first"), sought.c.change

    def is_it(table: FromClause) -> ColumnElement[bool]:
        return (table.c.kind == sought.c.kind) & (table.c.currency == sought.c.currency)

    def is_whose(table: FromClause) -> ColumnElement[bool]:
        return is_it(table) & (table.c.user_id == sought.c.user_id)

    busy = select(bindparam("wallet_part", type_=SmallInteger)).correlate(sought)
    busy = busy.where(is_whose(first), first.c.stripe == 0, first.c.entries_count >= _BUSY)
    own_part = func.coalesce(busy.scalar_subquery(), 0)
    free = account.c.balance - held_of(account.c.id)
    platform = is_it(account) & account.c.user_id.is_(None) & sought.c.user_id.is_(None)
    found = union_all(
        select(account.c.id).where(platform, account.c.stripe == bindparam("platform_part")),
        select(account.c.id).where(is_whose(account), change > 0, account.c.stripe == own_part),
        select(account.c.id)
        .where(is_whose(account), change < 0, free >= -change)
        .order_by(free.desc(), account.c.id)
        .limit(1),
    ).lateral("found")
    return select(found.c.id.label("account_id"), change).join_from(sought, found, true())


_CHANGES, _BUSY = bindparam("changes", type_=ARRAY(MONEY)), bindparam("busy_entries", type_=BigInteger)
# Made once: SQLAlchemy takes longer to put them together than PostgreSQL to run them.
_POSTING, _MOVING = _posting(_named()), _posting(_found())


async def account(session: WriteSession, sought: Sought) -> int:
    """The part of this account that this connection takes; a new one if need be.

    Of an account of the platform any part; of a wallet the only one, or any but the first if it is busy.
    """
    turn, is_wallet = await _turn(session), sought.user_id is not None
    own = turn % WALLET_PARTS + 1 if is_wallet else turn % STRIPES
    columns = LedgerAccount.stripe, LedgerAccount.id, LedgerAccount.entries_count
    query = select(*columns).filter_by(**sought._asdict()).where(LedgerAccount.stripe.in_([0, own]))
    parts = {part.stripe: part for part in await session.execute(query)}
    is_divided = 0 in parts and parts[0].entries_count >= BUSY_ENTRIES
    stripe = own if is_divided or not is_wallet else 0
    return int(parts[stripe].id) if stripe in parts else await _opened(session, sought, stripe)


async def _opened(session: WriteSession, sought: Sought, stripe: int) -> int:
    identity = {**sought._asdict(), "stripe": stripe}
    await session.execute(upsert(LedgerAccount).values(**identity).on_conflict_do_nothing())
    return (await session.execute(select(LedgerAccount.id).filter_by(**identity))).scalar_one()


async def _turn(session: WriteSession) -> int:
    """By which a connection takes a part of each account: its own, or one shared with few, so that few wait."""
    return (await driver_of(session)).pgconn.backend_pid


async def wallet(session: WriteSession, user_id: int, currency: Currency) -> int:
    """The account to which a user's money comes: the wallet, or a part of one that is busy; a new one if need be."""
    return await account(session, Sought(AccountKind.WALLET, currency, user_id))


async def platform(session: WriteSession, kind: AccountKind, currency: Currency) -> int:
    """Any part of an account of the platform."""
    return await account(session, Sought(kind, currency))


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
        legs += await _paid(session, user_id, currency, amount)
    return legs
