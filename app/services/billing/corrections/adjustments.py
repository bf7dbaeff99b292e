"""Adjustments: corrections of balances that one of the staff proposes, and that another one posts."""

from decimal import Decimal

from app import checks
from app.database import WriteSession
from app.errors import Invalid
from app.limits.billing import REASON_LENGTH_MAX
from app.models.billing.adjustments import Adjustment
from app.models.billing.ledger import AccountKind, Currency, OperationCause
from app.policies import Viewer, require, signed_in
from app.policies.billing import may_move_money_of_users
from app.services.billing import amounts, ledger
from app.services.billing.corrections import proposals
from app.services.billing.ledger import About, Sought
from app.services.billing.promotions.grants import open_account_of
from app.services.system import audit, notifications


async def propose(
    session: WriteSession, viewer: Viewer, user_id: int, *, currency: Currency, change: Decimal, reason: str
) -> Adjustment:
    """Proposes to add to a user's balance, or to take from it. Nothing is moved yet."""
    require(may_move_money_of_users, viewer, None)
    if currency is Currency.COUPON:
        raise Invalid("currency", "Adjust US dollars or EAML tokens. Coupons are granted, and grants are ended.")
    user = await open_account_of(session, viewer, user_id)
    size = amounts.positive("change", abs(change))
    made = Adjustment(
        user_id=user.id,
        proposed_by_id=signed_in(viewer),
        currency=currency,
        change=size if change > 0 else -size,
        reason=checks.text("reason", reason, length_max=REASON_LENGTH_MAX, is_one_line=False),
    )
    session.add(made)
    await session.flush()
    audit.record(session, signed_in(viewer), "proposeAdjustment", about=made, user_id=user.id)
    return made


async def post(session: WriteSession, viewer: Viewer, adjustment_id: int) -> Adjustment:
    """Posts an adjustment that somebody else proposed, and that is not about one's own balance."""
    made = await proposals.locked(session, viewer, Adjustment, adjustment_id)
    proposals.require_another(viewer, made, [made.user_id])
    await open_account_of(session, viewer, made.user_id)
    await ledger.lock_wallets(session, made.user_id)
    about = About(OperationCause.ADJUSTMENT, signed_in(viewer), made.user_id, reason=made.reason)
    own = Sought(AccountKind.WALLET, made.currency, made.user_id)
    other = Sought(AccountKind.ADJUSTMENT, made.currency)
    operation = await ledger.move(session, about, {own: made.change, other: -made.change})
    await proposals.mark_posted(session, viewer, made, operation)
    audit.record(session, signed_in(viewer), "postAdjustment", about=made, user_id=made.user_id)
    message = f"Your balance was adjusted by {amounts.written(made.change)} {made.currency.value}: {made.reason}"
    notifications.notify(session, made.user_id, message, about=operation, event="adjusted")
    return made


async def reject(session: WriteSession, viewer: Viewer, adjustment_id: int) -> Adjustment:
    """Rejects an adjustment, or takes back one's own proposal. Nothing is moved."""
    made = await proposals.locked(session, viewer, Adjustment, adjustment_id)
    await proposals.mark_rejected(session, viewer, made)
    audit.record(session, signed_in(viewer), "rejectAdjustment", about=made, user_id=made.user_id)
    return made
