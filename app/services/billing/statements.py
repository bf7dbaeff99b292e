"""Statements: what a user had, what came and went, and what there was then. Any two that touch add up to one.

Entries have their time from the database's clock, read while their account is locked, so that in each account later
entries have later times. A statement first waits for whoever is posting to these accounts: what it does not show has
not happened before its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Invalid, LimitReached, NotFound
from app.models.accounts import User
from app.models.billing.ledger import (
    AccountKind,
    Currency,
    LedgerAccount,
    LedgerEntry,
    Operation,
    OperationCause,
    OperationKind,
)
from app.policies import Viewer, is_viewer, require, signed_in, visible
from app.policies.billing import may_see_balances_of
from app.services.billing.amounts import ZERO, rounded
from app.services.system import audit
from app.settings import settings

OWN_TYPES = [name for name in LedgerEntry.__mapper__.polymorphic_map if name.value != "PLATFORM"]


@dataclass(frozen=True)
class Line:
    """One entry of a statement, the balance after it, and the UUID of the operation that its operation reverses."""

    entry: LedgerEntry
    operation: Operation
    balance: Decimal
    reverses: UUID | None

    @property
    def date_time(self) -> datetime:
        """When it was posted."""
        return self.entry.created_at

    @property
    def change(self) -> Decimal:
        """What it added; negative if it took."""
        return self.entry.change

    @property
    def uuid(self) -> UUID:
        """The UUID of the operation."""
        return self.operation.uuid

    @property
    def kind(self) -> OperationKind:
        """The kind of the operation."""
        return self.operation.kind

    @property
    def cause(self) -> OperationCause:
        """What exactly was paid for."""
        return self.operation.cause

    @property
    def reason(self) -> str | None:
        """The reason, where a person decided."""
        return self.operation.reason


@dataclass(frozen=True)
class Statement:
    """A user's account in one currency from one instant on and before another."""

    user: User
    currency: Currency
    since: datetime
    until: datetime
    opening: Decimal
    lines: Sequence[Line]

    @property
    def credited(self) -> Decimal:
        """What came."""
        return rounded(sum((line.entry.change for line in self.lines if line.entry.change > 0), ZERO))

    @property
    def debited(self) -> Decimal:
        """What went, as a positive amount."""
        return rounded(-sum((line.entry.change for line in self.lines if line.entry.change < 0), ZERO))

    @property
    def closing(self) -> Decimal:
        """What there was at the end."""
        return rounded(self.opening + self.credited - self.debited)


async def of_viewer(
    session: WriteSession,
    viewer: Viewer,
    *,
    user_id: int | None,
    currency: Currency,
    since: datetime,
    until: datetime,
) -> Statement:
    """The viewer's statement; staff may see another's, and each look is recorded in the audit log."""
    user = await _seen(session, viewer, signed_in(viewer) if user_id is None else user_id)
    since, until = checks.moment("since", since), checks.moment("until", until)
    if until < since:
        raise Invalid("until", "Choose an end at or after the start.")
    if not is_viewer(viewer, user.id):
        period = {"since": since.isoformat(), "until": until.isoformat()}
        audit.record(
            session, viewer.user_id, "statement", about=user, user_id=user.id, currency=currency.value, **period
        )
        await session.flush()
    return await statement(session, user, currency=currency, since=since, until=until)


async def balance_of_viewer(
    session: WriteSession, viewer: Viewer, *, user_id: int | None, currency: Currency, at: datetime
) -> Decimal:
    """What a user had before an instant. For staff, each look at another's is recorded in the audit log."""
    user = await _seen(session, viewer, signed_in(viewer) if user_id is None else user_id)
    at = checks.moment("at", at)
    if not is_viewer(viewer, user.id):
        audit.record(
            session, viewer.user_id, "balanceAt", about=user, user_id=user.id, currency=currency.value, at=str(at)
        )
        await session.flush()
    await _wait_for_open_postings(session, user.id, currency)
    return await balance_at(session, user.id, currency, at)


async def _seen(session: ReadSession, viewer: Viewer, user_id: int) -> User:
    user = await session.scalar(visible(User, viewer).where(User.id == user_id))
    if user is None:
        raise NotFound("There is no such account.")
    require(may_see_balances_of, viewer, user)
    return user


async def statement(
    session: ReadSession, user: User, *, currency: Currency, since: datetime, until: datetime
) -> Statement:
    """A statement from `since` on and before `until`; what is posted later is not part of it."""
    await _wait_for_open_postings(session, user.id, currency)
    opening = await balance_at(session, user.id, currency, since)
    reversed_ = aliased(Operation)
    query = (
        select(LedgerEntry, Operation, reversed_.uuid)
        .join(Operation, Operation.id == LedgerEntry.operation_id)
        .outerjoin(reversed_, reversed_.id == Operation.reverses_id)
        .where(
            LedgerEntry.user_id == user.id,
            LedgerEntry.currency == currency,
            LedgerEntry.entry_type.in_(OWN_TYPES),
            LedgerEntry.created_at >= since,
            LedgerEntry.created_at < until,
        )
        .order_by(LedgerEntry.created_at, LedgerEntry.id)
        .limit(settings.statement_lines_max + 1)
    )
    rows = (await session.execute(query)).all()
    if len(rows) > settings.statement_lines_max:
        raise LimitReached(
            f"This period has more than {settings.statement_lines_max:,} lines. Ask for parts of it: they add up.",
            limit=settings.statement_lines_max,
        )
    lines, balance = [], opening
    for entry, operation, reverses in rows:
        balance += entry.change
        lines.append(Line(entry, operation, rounded(balance), reverses))
    return Statement(user, currency, since, until, opening, lines)


async def balance_at(session: ReadSession, user_id: int, currency: Currency, at: datetime) -> Decimal:
    """What a user had before an instant: the sum of the balances after the last entry of each account until then.

    Later entries of an account have later times. Adding up all entries would cost more with each of them.
    """
    last = (
        select(LedgerEntry.balance)
        .where(
            LedgerEntry.user_id == user_id,
            LedgerEntry.currency == currency,
            LedgerEntry.created_at < at,
            LedgerEntry.account_id == LedgerAccount.id,
        )
        .order_by(LedgerEntry.created_at.desc(), LedgerEntry.position.desc())
        .limit(1)
        .correlate(LedgerAccount)
        .scalar_subquery()
    )
    sums = select(func.sum(last)).where(
        LedgerAccount.user_id == user_id,
        LedgerAccount.currency == currency,
        LedgerAccount.kind.in_((AccountKind.WALLET, AccountKind.GRANT)),
    )
    return rounded((await session.scalar(sums)) or ZERO)


async def _wait_for_open_postings(session: ReadSession, user_id: int, currency: Currency) -> None:
    # The statements after this one see what was committed until then.
    await session.execute(select(func.await_postings(user_id, currency.value)))
