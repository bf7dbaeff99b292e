"""What a seller earned by day, by what was sold; not from whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Date, DateTime, case, cast, func, literal_column, select, text

from app.database import ReadSession
from app.errors import Invalid
from app.limits.automl import INCOME_DAYS_MAX
from app.models.billing.ledger import AccountKind, Currency, LedgerAccount, LedgerEntry, Operation, OperationCause
from app.policies import Viewer, signed_in
from app.services.billing import sales
from app.services.billing.amounts import rounded

Entries = LedgerEntry.__table__


@dataclass(frozen=True)
class MarketIncome:
    """What a seller earned on one day (UTC) with one kind of sale of one machine. Reversed sales are subtracted."""

    day: date
    machine_key: int
    cause: OperationCause
    sales_count: int
    lines_count: int
    gross_usd: Decimal
    commission_usd: Decimal
    net_usd: Decimal


async def income(
    session: ReadSession, viewer: Viewer, *, since: date, until: date, machine_key: int | None
) -> Sequence[MarketIncome]:
    """The viewer's income of some days, the last one included, newest first."""
    user_id = signed_in(viewer)
    if not timedelta(0) <= until - since < timedelta(days=INCOME_DAYS_MAX):
        raise Invalid("until", f"Ask for 1 to {INCOME_DAYS_MAX} days, the first one not after the last.")
    query = _sums().where(
        Entries.c.user_id == user_id,
        Entries.c.created_at >= _begin(since),
        Entries.c.created_at < _begin(until + timedelta(days=1)),
        Operation.owner_user_id == user_id,
        Operation.operation_user_id != user_id,
    )
    if machine_key is not None:
        query = query.where(Operation.subject_key == machine_key)
    rows = await session.execute(query)
    return [
        MarketIncome(day, key or 0, cause, int(count), int(lines), rounded(net + kept), rounded(kept), rounded(net))
        for day, key, cause, count, lines, kept, net in rows
    ]


def _begin(day: date) -> ColumnElement[Any]:
    """The instant at which a day begins."""
    return func.timezone("UTC", cast(day, DateTime()))


def _sums() -> Any:
    """What sales brought, by day, machine and cause. A sale that was reversed counts against itself."""
    day = cast(func.timezone(literal_column("'UTC'"), Entries.c.created_at), Date)
    other, account = Entries.alias("other"), LedgerAccount.__table__
    commission = (
        select(func.coalesce(func.sum(other.c.change), 0))
        .join(account, account.c.id == other.c.account_id)
        .where(other.c.operation_id == Operation.id, account.c.kind == AccountKind.COMMISSION)
        .scalar_subquery()
    )
    once = case((Entries.c.change > 0, 1), else_=-1)
    lines = once * func.coalesce(Operation.count_of_lines, 0)
    sums = func.sum(once), func.sum(lines), func.sum(commission), func.sum(Entries.c.change)
    return (
        select(day, Operation.subject_key, Operation.cause, *sums)
        .join(Operation, Operation.id == Entries.c.operation_id)
        .where(Entries.c.currency == Currency.USD, Operation.cause.in_(sales.CAUSES))
        .group_by(text("1"), Operation.subject_key, Operation.cause)
        .order_by(text("1 DESC"), Operation.subject_key, Operation.cause)
    )
