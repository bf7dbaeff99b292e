"""Grants: coupons and promotional tokens that staff give, and that end at their time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select

from app import checks
from app.database import WriteSession
from app.errors import Conflict, Invalid, NotFound
from app.limits.billing import GRANT_NAME_LENGTH_MAX, GRANT_PRIORITY_MAX, REASON_LENGTH_MAX
from app.models.accounts import User
from app.models.billing.grants import Grant
from app.models.billing.ledger import AccountKind, Currency, LedgerAccount, Operation, OperationCause
from app.policies import Viewer, require, signed_in, visible
from app.policies.billing import may_move_money_of_users
from app.services.billing import amounts, ledger
from app.services.billing.amounts import ZERO
from app.services.billing.charges import UNITS
from app.services.billing.holds import held_of
from app.services.billing.ledger import About, Leg
from app.services.system import audit, notifications

ENDED_AT_ONCE = 100


@dataclass(frozen=True)
class Terms:
    """What is granted, and when and for what it can be spent."""

    name: str
    currency: Currency
    amount: Decimal
    priority: int
    pays_for: Sequence[OperationCause] | None = None
    starts_at: datetime | None = None
    expires_at: datetime | None = None


async def grant(session: WriteSession, viewer: Viewer, user_id: int, terms: Terms, *, reason: str) -> Grant:
    """Gives a user coupons or promotional tokens."""
    require(may_move_money_of_users, viewer, None)
    reason = checks.text("reason", reason, length_max=REASON_LENGTH_MAX, is_one_line=False)
    name = checks.name("name", terms.name, length_max=GRANT_NAME_LENGTH_MAX)
    user = await open_account_of(session, viewer, user_id)
    made = await give(session, user.id, replace(terms, name=name), actor_id=signed_in(viewer), reason=reason)
    audit.record(session, signed_in(viewer), "grantCredit", about=made, user_id=user.id)
    what = "coupons" if terms.currency is Currency.COUPON else "EAML tokens"
    message = f"You received {amounts.written(made.amount)} {what}: {made.name}."
    notifications.notify(session, user.id, message, about=made, event="granted")
    return made


async def give(
    session: WriteSession,
    user_id: int,
    terms: Terms,
    *,
    actor_id: int,
    reason: str | None = None,
    coupon_code_id: int | None = None,
) -> Grant:
    """Posts coupons or tokens to a user, by one of the staff or by a code."""
    now = (await session.scalars(select(func.now()))).one()
    starts_at = terms.starts_at or now
    amount = _checked(terms, starts_at, now)
    account_id = await ledger.open_account(session, AccountKind.GRANT, user_id, terms.currency)
    promotion_id = await ledger.platform(session, AccountKind.PROMOTION, terms.currency)
    about = About(OperationCause.GRANT, actor_id, user_id, reason=reason)
    operation = await ledger.post(session, about, [Leg(account_id, amount), Leg(promotion_id, -amount)])
    made = Grant(
        user_id=user_id,
        account_id=account_id,
        operation_id=operation.id,
        granted_by_id=None if coupon_code_id else actor_id,
        coupon_code_id=coupon_code_id,
        name=terms.name,
        currency=terms.currency,
        amount=amount,
        priority=terms.priority,
        pays_for=None if terms.pays_for is None else list(dict.fromkeys(terms.pays_for)),
        starts_at=starts_at,
        expires_at=terms.expires_at,
    )
    session.add(made)
    await session.flush()
    return made


async def open_account_of(session: WriteSession, viewer: Viewer, user_id: int) -> User:
    """A user whose money staff may move: the account was not deleted."""
    user = await session.scalar(visible(User, viewer).where(User.id == user_id))
    if user is None:
        raise NotFound("There is no such account.")
    if user.anonymised_at is not None:
        raise Conflict("This account was deleted.")
    return user


def _checked(terms: Terms, starts_at: datetime, now: datetime) -> Decimal:
    if terms.currency is Currency.USD:
        raise Invalid("currency", "Grant coupons or EAML tokens. US dollars are topped up.")
    checks.within("priority", terms.priority, 1, GRANT_PRIORITY_MAX)
    if terms.pays_for is not None:
        if not terms.pays_for:
            raise Invalid("paysFor", "Name at least one kind of work, or leave it out for all.")
        if unpaid := [cause for cause in terms.pays_for if cause not in UNITS]:
            raise Invalid("paysFor", f"{unpaid[0].value} is no work that is paid with tokens.")
    if terms.expires_at is not None and terms.expires_at <= max(starts_at, now):
        raise Invalid("expiresAt", "Choose an end after the start and after now.")
    return amounts.positive("amount", terms.amount)


async def end_grant(session: WriteSession, viewer: Viewer, grant_id: int) -> Grant:
    """Ends a grant now: what is left returns to the platform, except for what is held."""
    require(may_move_money_of_users, viewer, None)
    found_by_id = select(Grant.user_id).where(Grant.id == grant_id)
    user_id = await session.scalar(found_by_id)
    if user_id is None:
        raise NotFound("There is no such grant.")
    await ledger.lock_wallets(session, user_id)
    made = await session.get_one(Grant, grant_id, with_for_update=True, populate_existing=True)
    now = (await session.scalars(select(func.clock_timestamp()))).one()
    if made.expires_at is not None and made.expires_at <= now:
        raise Conflict("This grant has ended already.")
    # One that has not begun never was in effect.
    made.starts_at, made.expires_at = min(made.starts_at, made.created_at), now
    await session.flush()
    await _take_back(session, made, actor_id=signed_in(viewer))
    audit.record(session, signed_in(viewer), "endGrant", about=made, user_id=made.user_id)
    return made


async def end_due(session: WriteSession) -> int:
    """Takes back what is left of grants that have expired; nobody can spend it already."""
    due = select(Grant.id, Grant.user_id).where(Grant.ended_at.is_(None), Grant.expires_at <= func.now())
    rows = (await session.execute(due.order_by(Grant.user_id, Grant.id).limit(ENDED_AT_ONCE))).all()
    for row in rows:
        await ledger.lock_wallets(session, row.user_id)
        made = await session.get_one(Grant, row.id, with_for_update=True, populate_existing=True)
        if made.ended_at is None:
            await _take_back(session, made, actor_id=None)
    return len(rows)


async def _take_back(session: WriteSession, made: Grant, *, actor_id: int | None) -> Operation | None:
    """Posts back to the platform what is not held. What is held may still pay; the sweep takes what returns of it."""
    account = LedgerAccount.__table__.c
    row = (
        await session.execute(
            select(LedgerAccount.balance, held_of(account.id)).where(LedgerAccount.id == made.account_id)
        )
    ).one()
    balance, held = row
    if held == ZERO:
        made.ended_at = (await session.scalars(select(func.clock_timestamp()))).one()
    if balance - held <= 0:
        return None
    about = About(OperationCause.GRANT_ENDED, actor_id, made.user_id)
    back = await ledger.platform(session, AccountKind.PROMOTION, made.currency)
    return await ledger.post(session, about, [Leg(made.account_id, held - balance), Leg(back, balance - held)])
