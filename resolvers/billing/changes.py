"""What moves money."""

from datetime import datetime
from decimal import Decimal

import strawberry

from app.models.accounts import User
from app.models.billing.adjustments import Adjustment, Reversal
from app.models.billing.coupon_codes import CouponCode
from app.models.billing.grants import Grant
from app.models.billing.ledger import Currency, Operation, OperationCause
from app.models.billing.top_ups import TopUp
from app.services.billing.corrections import adjustments, reversals
from app.services.billing.promotions import coupon_codes, grants
from app.services.billing.promotions.coupon_codes import CodeTerms
from app.services.billing.promotions.grants import Terms
from app.services.billing.top_ups import card_top_ups, topping_up
from resolvers import ids
from resolvers.context import Info


async def buy_tokens(info: Info, usd: Decimal) -> Operation:
    """Pays for EAML tokens from the viewer's US dollars, at the price of this installation.

    usd: How much to pay.
    """
    async with info.context.writing() as session:
        return await topping_up.buy_tokens(session, info.context.viewer, usd=usd)


async def start_top_up(info: Info, usd: Decimal, save_card: bool = False) -> TopUp:
    """Begins to top up the viewer's balance by card. Poll `checkoutUrl`, and pay there.

    Where the operator has set up no payment provider, this is UNAVAILABLE, and only staff top up balances.

    usd: How much, in whole cents, from {billing.TOP_UP_USD_MIN} to {settings.top_up_usd_max}.
    save_card: Whether the payment provider keeps the card for automatic top-ups. They stay off until you set them.
    """
    async with info.context.writing() as session:
        return await card_top_ups.start(session, info.context.viewer, usd=usd, saves_card=save_card)


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

    user_id: Who receives them.
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


async def issue_coupon_code(
    info: Info,
    code: str,
    name: str,
    amount: Decimal,
    uses_max: int,
    priority: int = 20,
    expires_at: datetime | None = None,
    coupons_expire_at: datetime | None = None,
) -> CouponCode:
    """Issues a code that gives coupons to each user who redeems it. For staff.

    code: From {billing.COUPON_CODE_LENGTH_MIN} to {billing.COUPON_CODE_LENGTH_MAX} letters from A to Z and digits.
        Small letters count as capitals; spaces and hyphens do not count.
    name: The name that users see, at most {billing.GRANT_NAME_LENGTH_MAX} characters.
    amount: How many coupons each user gets.
    uses_max: How often it can be redeemed, at most {billing.COUPON_CODE_USES_MAX} times; each user redeems it once.
    priority: From 1 to {billing.GRANT_PRIORITY_MAX}. Among coupons those with a lower number are spent first.
    expires_at: From when on it cannot be redeemed; by default it does not expire.
    coupons_expire_at: From when on its coupons cannot be spent; by default they do not expire.
    """
    terms = CodeTerms(code, name, amount, uses_max, priority, expires_at, coupons_expire_at)
    async with info.context.writing() as session:
        return await coupon_codes.issue(session, info.context.viewer, terms)


async def end_coupon_code(info: Info, id: strawberry.ID) -> CouponCode:
    """Ends a code now. Coupons that were redeemed stay. For staff.

    id: The code.
    """
    async with info.context.writing() as session:
        return await coupon_codes.end(session, info.context.viewer, ids.key(id, CouponCode))


async def redeem_coupon(info: Info, code: str) -> Grant:
    """Redeems a code: the viewer gets its coupons, once.

    Each account may try {settings.coupon_tries_per_hour_max} codes per hour, whether they exist or not.

    code: The code, in capital or small letters.
    """
    context = info.context
    await coupon_codes.limit_rate(context.rates, context.viewer, address=context.address)
    async with context.writing() as session:
        return await coupon_codes.redeem(session, context.viewer, code=code)


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


async def propose_reversal(info: Info, operation_id: strawberry.ID, reason: str) -> Reversal:
    """Proposes to reverse an operation. Nothing is moved until somebody else of the staff posts it. For staff.

    Contracts, grants and payments by card have their own ways back, and their operations cannot be reversed.

    operation_id: The operation. It stays, and is reversed by another one, once.
    reason: The reason, which those whose money it moves see, at most {billing.REASON_LENGTH_MAX} characters.
    """
    async with info.context.writing() as session:
        key = ids.key(operation_id, Operation)
        return await reversals.propose(session, info.context.viewer, key, reason=reason)


async def post_reversal(info: Info, id: strawberry.ID) -> Reversal:
    """Posts a reversal that somebody else proposed. For staff, except for their own money.

    It moves money alone: what was trained, answered or bought stays. Those whose money it moves are notified.

    id: The reversal.
    """
    async with info.context.writing() as session:
        return await reversals.post(session, info.context.viewer, ids.key(id, Reversal))


async def reject_reversal(info: Info, id: strawberry.ID) -> Reversal:
    """Rejects a reversal, or takes back one's own proposal. Nothing is moved. For staff.

    id: The reversal.
    """
    async with info.context.writing() as session:
        return await reversals.reject(session, info.context.viewer, ids.key(id, Reversal))
