"""Limits that users set for their spending: what would exceed one does not start, and they are notified in time."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import case, func, select

from app.database import ReadSession, WriteSession
from app.errors import Invalid
from app.models.billing.ledger import Currency
from app.models.billing.reservations import Reservation, ReservationState
from app.models.billing.spending import SpendingRules
from app.policies import Viewer, signed_in
from app.services.billing import amounts
from app.services.billing.amounts import ZERO, rounded, written
from app.services.billing.errors import SpendingLimitReached
from app.services.system import audit, notifications


async def rules_of(session: ReadSession, user_id: int) -> SpendingRules | None:
    """What a user has set; None for nothing."""
    return await session.get(SpendingRules, user_id)


async def set_rules(session: WriteSession, viewer: Viewer, changes: Mapping[str, Decimal | None]) -> SpendingRules:
    """Changes what the viewer has set; null takes a rule away."""
    user_id = signed_in(viewer)
    rules = await rules_of(session, user_id)
    if rules is None:
        rules = SpendingRules(id=user_id)
        session.add(rules)
    for name, amount in changes.items():
        setattr(rules, name, None if amount is None else _bound(name, amount))
    await session.flush()
    audit.record(session, user_id, "updateSpendingRules", about=rules, fields=sorted(changes))
    return rules


def _bound(name: str, amount: Decimal) -> Decimal:
    field = "".join(part.capitalize() if number else part for number, part in enumerate(name.split("_")))
    if amount < 0:
        raise Invalid(field, "Use an amount of at least 0.")
    return ZERO if amount == 0 else amounts.positive(field, amount)


async def spent_this_month(session: ReadSession, user_id: int) -> Decimal:
    """What work of this month has cost, and what is held for it. Coupons count as what they pay for."""
    begins = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    is_held = (Reservation.state == ReservationState.HELD) & (Reservation.expires_at > func.clock_timestamp())
    counted = case((is_held, Reservation.amount), else_=Reservation.posted)
    of_user = Reservation.user_id == user_id, Reservation.currency == Currency.EAML
    of_month = *of_user, Reservation.created_at >= begins
    return rounded((await session.scalar(select(func.sum(counted)).where(*of_month))) or ZERO)


async def check_before(session: WriteSession, user_id: int, amount: Decimal) -> None:
    """SpendingLimitReached if this would exceed the user's own limit. The wallet is locked by now."""
    rules = await rules_of(session, user_id)
    if rules is None or rules.month_tokens_max is None:
        return
    left = rounded(max(ZERO, rules.month_tokens_max - await spent_this_month(session, user_id)))
    if amount > left:
        raise SpendingLimitReached(
            required=amount, available=left, currency=Currency.EAML, limit=rules.month_tokens_max
        )


async def tell_after(session: WriteSession, user_id: int, available: Decimal) -> None:
    """Tells a user whose month has come to cost what they set, or who has little left."""
    rules = await rules_of(session, user_id)
    if rules is None:
        return
    now = datetime.now(UTC)
    if rules.low_balance_tokens is not None and available < rules.low_balance_tokens:
        message = f"You have {written(available)} EAML tokens left for work."
        notifications.notify(session, user_id, message, about=rules, event=f"low:{now:%Y-%m-%d}")
    if rules.month_tokens_notice is None:
        return
    spent = await spent_this_month(session, user_id)
    if spent >= rules.month_tokens_notice:
        message = f"Your work of this month costs {written(spent)} EAML tokens so far."
        notifications.notify(session, user_id, message, about=rules, event=f"month:{now:%Y-%m}")
