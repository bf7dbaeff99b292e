"""Coupon codes: issued by staff, redeemed once by each user. Of many who redeem the last use at once, one gets it."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from limits import RateLimitItemPerHour
from sqlalchemy import func, or_, select, update

from app import checks
from app.database import WriteSession
from app.errors import Conflict, Invalid, NotFound
from app.limits.billing import (
    COUPON_CODE_LENGTH_MAX,
    COUPON_CODE_LENGTH_MIN,
    COUPON_CODE_USES_MAX,
    GRANT_NAME_LENGTH_MAX,
    GRANT_PRIORITY_MAX,
)
from app.models.billing.coupon_codes import CouponCode
from app.models.billing.grants import Grant
from app.models.billing.ledger import Currency
from app.policies import Viewer, require, signed_in
from app.policies.billing import may_move_money_of_users
from app.rates import Rates
from app.services.billing import amounts
from app.services.billing.promotions import grants
from app.services.billing.promotions.grants import Terms
from app.services.system import audit
from app.settings import settings

CODE = re.compile(rf"[A-Z0-9]{{{COUPON_CODE_LENGTH_MIN},{COUPON_CODE_LENGTH_MAX}}}")
UNKNOWN = "This code cannot be redeemed: it does not exist, has expired, or was redeemed as often as it can be."


@dataclass(frozen=True)
class CodeTerms:
    """What a code gives, how often, and until when."""

    code: str
    name: str
    amount: Decimal
    uses_max: int
    priority: int
    expires_at: datetime | None = None
    coupons_expire_at: datetime | None = None


def normal(code: str) -> str:
    """A code as it is kept: people write it with small letters, spaces and hyphens."""
    return re.sub(r"[\s-]", "", code[: 4 * COUPON_CODE_LENGTH_MAX]).upper()


async def issue(session: WriteSession, viewer: Viewer, terms: CodeTerms) -> CouponCode:
    """Issues a code."""
    require(may_move_money_of_users, viewer, None)
    name, code = checks.name("name", terms.name, length_max=GRANT_NAME_LENGTH_MAX), normal(terms.code)
    if not CODE.fullmatch(code):
        raise Invalid(
            "code", f"Use {COUPON_CODE_LENGTH_MIN} to {COUPON_CODE_LENGTH_MAX} letters from A to Z and digits."
        )
    checks.within("usesMax", terms.uses_max, 1, COUPON_CODE_USES_MAX)
    checks.within("priority", terms.priority, 1, GRANT_PRIORITY_MAX)
    now = (await session.scalars(select(func.now()))).one()
    for field, end in (("expiresAt", terms.expires_at), ("couponsExpireAt", terms.coupons_expire_at)):
        if end is not None and checks.moment(field, end) <= now:
            raise Invalid(field, "Choose an end after now.")
    made = CouponCode(
        issued_by_id=signed_in(viewer),
        coupon_code=code,
        name=name,
        amount=amounts.positive("amount", terms.amount),
        priority=terms.priority,
        uses_max=terms.uses_max,
        expires_at=terms.expires_at,
        coupons_expire_at=terms.coupons_expire_at,
    )
    session.add(made)
    await session.flush()
    audit.record(session, signed_in(viewer), "issueCouponCode", about=made)
    return made


async def end(session: WriteSession, viewer: Viewer, code_id: int) -> CouponCode:
    """Ends a code now. What was redeemed stays."""
    require(may_move_money_of_users, viewer, None)
    sought = select(CouponCode).where(CouponCode.id == code_id).with_for_update()
    made = await session.scalar(sought.execution_options(populate_existing=True))
    if made is None:
        raise NotFound("There is no such code.")
    now = (await session.scalars(select(func.clock_timestamp()))).one()
    if made.expires_at is not None and made.expires_at <= now:
        raise Conflict("This code has ended already.")
    made.expires_at = now
    await session.flush()
    audit.record(session, signed_in(viewer), "endCouponCode", about=made)
    return made


async def limit_rate(rates: Rates, viewer: Viewer, *, address: str) -> None:
    """Counts a try, also one that fails: nobody finds a code by trying."""
    most = settings.coupon_tries_per_hour_max
    for payer, factor in (
        (f"account:{signed_in(viewer)}", 1),
        (f"address:{address}", settings.accounts_per_address_factor),
    ):
        limit = RateLimitItemPerHour(most * factor)
        await rates.take(limit, f"coupon-code:{payer}", what=f"You tried too many codes. The limit is {most} per hour.")


async def redeem(session: WriteSession, viewer: Viewer, *, code: str) -> Grant:
    """Gives the viewer the coupons of a code: the use is claimed and the coupons are posted in one transaction."""
    user_id, now = signed_in(viewer), func.clock_timestamp()
    is_left = CouponCode.uses < CouponCode.uses_max, or_(CouponCode.expires_at.is_(None), CouponCode.expires_at > now)
    lasts = or_(CouponCode.coupons_expire_at.is_(None), CouponCode.coupons_expire_at > now)
    claim = update(CouponCode).where(CouponCode.coupon_code == normal(code), *is_left, lasts)
    claimed = await session.scalar(claim.values(uses=CouponCode.uses + 1).returning(CouponCode))
    if claimed is None:
        raise Invalid("code", UNKNOWN)
    redeemed = Grant.coupon_code_id == claimed.id, Grant.user_id == user_id
    if await session.scalar(select(Grant.id).where(*redeemed)) is not None:
        raise Conflict("You have redeemed this code already.")
    terms = Terms(claimed.name, Currency.COUPON, claimed.amount, claimed.priority, expires_at=claimed.coupons_expire_at)
    return await grants.give(session, user_id, terms, actor_id=user_id, coupon_code_id=claimed.id)
