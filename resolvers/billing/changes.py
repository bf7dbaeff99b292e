"""What moves money."""

from datetime import datetime
from decimal import Decimal

import strawberry

from app.models.accounts import User
from app.models.billing.grants import Adjustment, Grant
from app.models.billing.ledger import Currency, Operation, OperationCause
from app.models.billing.top_ups import TopUp
from app.services.billing import adjustments, card_top_ups, grants, topping_up
from app.services.billing.grants import Terms
from resolvers import ids
from resolvers.context import Info


async def buy_tokens(info: Info, usd: Decimal) -> Operation:
    """Pays for EAML tokens from the viewer's US dollars, at the price of this installation.

    usd: How much to pay.
    """
    async with info.context.writing() as session:
        return await topping_up.buy_tokens(session, info.context.viewer, usd=usd)


async def start_top_up(info: Info, usd: Decimal) -> TopUp:
    """Begins to top up the viewer's balance by card. Poll `checkoutUrl`, and pay there.

    Where the operator has set up no payment provider, this is UNAVAILABLE, and only staff top up balances.

    usd: How much, in whole cents, from {billing.TOP_UP_USD_MIN} to {settings.top_up_usd_max}.
    """
    async with info.context.writing() as session:
        return await card_top_ups.start(session, info.context.viewer, usd=usd)


async def top_up_balance(info: Info, user_id: strawberry.ID, usd: Decimal, reason: str) -> Operation:
    """Adds US dollars that were received outside, such as by a bank transfer, to a user's balance. For staff.

    user_id: Whose balance. Nobody tops up their own.
    usd: How much was received.
    reason: The reason, such as the number of the transfer, at most {billing.REASON_LENGTH_MAX} characters.
    """
    async with info.context.writing() as session:
        key = ids.key(user_id, User)
        return await topping_up.top_up(session, info.context.viewer, key, usd=usd, reason=reason)


async def grant_credit(
    info: Info,
    user_id: strawberry.ID,
    name: str,
    currency: Currency,
    amount: Decimal,
    reason: str,
    priority: int = 20,
    pays_for: list[OperationCause] | None = None,
    starts_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> Grant:
    """Gives a user coupons or promotional tokens. They pay for the platform's work, and go to nobody else. For staff.

    user_id: Who is given them.
    name: The name that the user sees, at most {billing.GRANT_NAME_LENGTH_MAX} characters.
    currency: COUPON or EAML. Coupons are spent before tokens.
    amount: How much.
    reason: The reason, at most {billing.REASON_LENGTH_MAX} characters.
    priority: From 1 to {billing.GRANT_PRIORITY_MAX}. Among grants of one currency lower numbers are spent first.
    pays_for: What it pays for; by default all work that costs tokens.
    starts_at: From when on it can be spent; by default now.
    expires_at: From when on it can no longer be spent; by default it does not expire.
    """
    terms = Terms(name, currency, amount, priority, pays_for, starts_at, expires_at)
    async with info.context.writing() as session:
        return await grants.grant(session, info.context.viewer, ids.key(user_id, User), terms, reason=reason)


async def end_grant(info: Info, id: strawberry.ID) -> Grant:
    """Ends a grant now. What is left of it returns to the platform; work for which it is held is still paid. For staff.

    id: The grant.
    """
    async with info.context.writing() as session:
        return await grants.end_grant(session, info.context.viewer, ids.key(id, Grant))


async def propose_adjustment(
    info: Info, user_id: strawberry.ID, currency: Currency, change: Decimal, reason: str
) -> Adjustment:
    """Proposes a correction of a user's balance. Nothing is moved until somebody else of the staff posts it. For staff.

    user_id: Whose balance.
    currency: USD or EAML.
    change: What to add; negative to take.
    reason: The reason, which the user sees, at most {billing.REASON_LENGTH_MAX} characters.
    """
    async with info.context.writing() as session:
        key = ids.key(user_id, User)
        return await adjustments.propose(
            session, info.context.viewer, key, currency=currency, change=change, reason=reason
        )


async def post_adjustment(info: Info, id: strawberry.ID) -> Adjustment:
    """Posts an adjustment that somebody else proposed. For staff, except for one's own balance.

    id: The adjustment.
    """
    async with info.context.writing() as session:
        return await adjustments.post(session, info.context.viewer, ids.key(id, Adjustment))


async def reject_adjustment(info: Info, id: strawberry.ID) -> Adjustment:
    """Rejects an adjustment, or takes back one's own proposal. Nothing is moved. For staff.

    id: The adjustment.
    """
    async with info.context.writing() as session:
        return await adjustments.reject(session, info.context.viewer, ids.key(id, Adjustment))
