"""Adjustments: corrections of balances that one of the staff proposes, and that another one posts."""

from decimal import Decimal

from sqlalchemy import func, select

from app import checks
from app.database import WriteSession
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.models.billing.grants import Adjustment, AdjustmentState
from app.models.billing.ledger import AccountKind, Currency, OperationCause
from app.models.limits.billing import REASON_LENGTH_MAX
from app.policies import Viewer, require, signed_in
from app.policies.billing import may_move_money_of_users
from app.services.billing import amounts, holds, ledger
from app.services.billing.errors import InsufficientFunds
from app.services.billing.grants import open_account_of
from app.services.billing.ledger import About, Leg
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
    made = await _proposed(session, viewer, adjustment_id)
    actor_id = signed_in(viewer)
    if actor_id == made.proposed_by_id:
        raise Forbidden("You proposed this adjustment. Somebody else of the staff has to post it.")
    if actor_id == made.user_id:
        raise Forbidden("This adjustment is about your own balance. Somebody else of the staff has to post it.")
    await ledger.lock_wallets(session, made.user_id)
    available = await holds.available(session, made.user_id, made.currency)
    if available + made.change < 0:
        raise InsufficientFunds(required=-made.change, available=available, currency=made.currency)
    about = About(OperationCause.ADJUSTMENT, actor_id, made.user_id, reason=made.reason)
    other = await ledger.platform(session, AccountKind.ADJUSTMENT, made.currency)
    if made.change > 0:
        own = [Leg(await ledger.wallet(session, made.user_id, made.currency), made.change)]
    else:
        own = await ledger.debits(session, made.user_id, made.currency, -made.change)
    operation = await ledger.post(session, about, [*own, Leg(other, -made.change)])
    made.operation_id = operation.id
    await _decide(session, viewer, made, AdjustmentState.POSTED, "postAdjustment")
    message = f"Your balance was adjusted by {amounts.written(made.change)} {made.currency.value}: {made.reason}"
    await notifications.notify(session, made.user_id, message, about=operation, event="adjusted")
    return made


async def reject(session: WriteSession, viewer: Viewer, adjustment_id: int) -> Adjustment:
    """Rejects an adjustment, or takes back one's own proposal. Nothing is moved."""
    made = await _proposed(session, viewer, adjustment_id)
    await _decide(session, viewer, made, AdjustmentState.REJECTED, "rejectAdjustment")
    return made


async def _proposed(session: WriteSession, viewer: Viewer, adjustment_id: int) -> Adjustment:
    require(may_move_money_of_users, viewer, None)
    sought = select(Adjustment).where(Adjustment.id == adjustment_id).with_for_update()
    made = await session.scalar(sought.execution_options(populate_existing=True))
    if made is None:
        raise NotFound("There is no such adjustment.")
    if made.state is not AdjustmentState.PROPOSED:
        raise Conflict(f"This adjustment is {made.state.value} already.")
    return made


async def _decide(session: WriteSession, viewer: Viewer, made: Adjustment, state: AdjustmentState, action: str) -> None:
    made.state, made.decided_by_id = state, signed_in(viewer)
    made.decided_at = (await session.scalars(select(func.now()))).one()
    await session.flush()
    audit.record(session, signed_in(viewer), action, about=made, user_id=made.user_id)
