"""Limits of spending, and what work would cost."""

from decimal import Decimal

import strawberry
from sqlalchemy import Select

from app.models.billing.reservations import Reservation, ReservationState
from app.models.billing.spending import SpendingRules
from app.models.billing.top_ups import TopUp
from app.policies import names_viewer, signed_in, visible
from app.services.billing import sales, spending
from resolvers.context import Info
from resolvers.optional_arguments import provided


def top_ups(info: Info) -> Select[TopUp]:
    """The viewer's top-ups by card, newest first."""
    viewer = info.context.viewer
    signed_in(viewer)
    return visible(TopUp, viewer).where(names_viewer(viewer, TopUp.user_id))


def reservations(info: Info, state: ReservationState | None = None) -> Select[Reservation]:
    """What is or was held of the viewer's coupons and tokens for work, newest first.

    state: Only reservations in this state.
    """
    viewer = info.context.viewer
    signed_in(viewer)
    query = visible(Reservation, viewer).where(names_viewer(viewer, Reservation.user_id))
    return query if state is None else query.where(Reservation.state == state)


async def spending_rules(info: Info) -> SpendingRules | None:
    """What the viewer has set for spending; null for nothing."""
    async with info.context.reading() as session:
        return await spending.rules_of(session, signed_in(info.context.viewer))


async def spent_this_month(root: strawberry.Parent[SpendingRules], info: Info) -> Decimal:
    """What work of this calendar month has cost so far, with what is held for work under way."""
    async with info.context.reading() as session:
        return await spending.spent_this_month(session, root.id)


async def spent_usd_this_month(root: strawberry.Parent[SpendingRules], info: Info) -> Decimal:
    """What purchases of this calendar month have cost so far in US dollars, with what is held for some under way."""
    async with info.context.reading() as session:
        return await sales.spent_this_month(session, root.id)


async def update_spending_rules(
    info: Info,
    month_tokens_notice: strawberry.Maybe[Decimal | None] = None,
    month_tokens_max: strawberry.Maybe[Decimal | None] = None,
    low_balance_tokens: strawberry.Maybe[Decimal | None] = None,
    month_usd_notice: strawberry.Maybe[Decimal | None] = None,
    month_usd_max: strawberry.Maybe[Decimal | None] = None,
) -> SpendingRules:
    """Sets limits of the viewer's spending. What is left out stays; null takes a limit away.

    month_tokens_notice: Once work of a month costs this much, you are notified.
    month_tokens_max: Work that would bring the month above this does not start.
    low_balance_tokens: Once less than this is available, you are notified, once a day.
    month_usd_notice: Once purchases of a month cost this much in US dollars, you are notified.
    month_usd_max: What would bring the purchases of the month above this is not sold to you.
    """
    changes = provided(
        month_tokens_notice=month_tokens_notice,
        month_tokens_max=month_tokens_max,
        low_balance_tokens=low_balance_tokens,
        month_usd_notice=month_usd_notice,
        month_usd_max=month_usd_max,
    )
    async with info.context.writing() as session:
        return await spending.set_rules(session, info.context.viewer, changes)
