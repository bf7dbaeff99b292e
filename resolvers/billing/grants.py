"""Grants and coupon codes."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import strawberry
from sqlalchemy import Select, select

from app.database import ReadSession
from app.models.billing.coupon_codes import CouponCode
from app.models.billing.grants import Grant
from app.models.billing.ledger import LedgerAccount
from app.policies import names_viewer, signed_in, visible
from app.services.billing.amounts import ZERO
from app.services.billing.holds import is_in_effect
from resolvers.context import Info


async def _balances(session: ReadSession, grant_ids: Sequence[int]) -> Mapping[int, Decimal]:
    query = select(Grant.id, LedgerAccount.balance).join(LedgerAccount, LedgerAccount.id == Grant.account_id)
    rows = await session.execute(query.where(Grant.id.in_(grant_ids)))
    return dict.fromkeys(grant_ids, ZERO) | {row.id: row.balance for row in rows}


async def balance(root: strawberry.Parent[Grant], info: Info) -> Decimal:
    """What is left of it, including what is held for work."""
    left: Decimal = await info.context.load.about(_balances, root.id)
    return left


def grants(info: Info, spendable: bool = False) -> Select[Grant]:
    """The viewer's coupons and promotional tokens, newest first.

    spendable: Only grants that have begun and have not expired.
    """
    viewer = info.context.viewer
    signed_in(viewer)
    query = visible(Grant, viewer).where(names_viewer(viewer, Grant.user_id))
    return query.where(is_in_effect()) if spendable else query


def coupon_codes(info: Info) -> Select[CouponCode]:
    """Coupon codes, newest first. For staff."""
    viewer = info.context.viewer
    signed_in(viewer)
    return visible(CouponCode, viewer)
