"""The rule by which a saved card tops up the balance."""

from datetime import UTC, datetime
from decimal import Decimal

import strawberry

from app.models.billing.automatic_top_ups import AutomaticTopUp
from app.policies import signed_in
from app.services.billing.top_ups import automatic_top_ups
from resolvers.context import Info
from resolvers.deleted import Deleted


async def automatic_top_up(info: Info) -> AutomaticTopUp | None:
    """The rule by which the viewer's saved card tops up the balance; null without a saved card."""
    async with info.context.reading() as session:
        return await session.get(AutomaticTopUp, signed_in(info.context.viewer))


async def charged_usd_this_month(root: strawberry.Parent[AutomaticTopUp], info: Info) -> Decimal:
    """What the rule has charged in this calendar month (UTC), with what it is charging now."""
    begins = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    async with info.context.reading() as session:
        return await automatic_top_ups.charged_since(session, root.id, begins)


async def set_automatic_top_up(info: Info, below_usd: Decimal, usd: Decimal, month_usd_max: Decimal) -> AutomaticTopUp:
    """Switches on automatic top-ups: once a payment leaves too little, the saved card is charged.

    The card is that of the last top-up that was started with `saveCard` and paid. After
    {settings.automatic_top_up_tries_max} failed tries the rule is switched off, and this switches it on again.

    below_usd: Once less than this is available in US dollars, the card is charged.
    usd: How much to charge, in whole cents, at least `belowUsd`.
    month_usd_max: How much to charge at most in a calendar month (UTC), at least `usd`.
    """
    async with info.context.writing() as session:
        return await automatic_top_ups.set_rule(
            session, info.context.viewer, below_usd=below_usd, usd=usd, month_usd_max=month_usd_max
        )


async def delete_automatic_top_up(info: Info) -> Deleted:
    """Ends automatic top-ups, and removes the saved card."""
    async with info.context.writing() as session:
        return Deleted.of(await automatic_top_ups.forget(session, info.context.viewer))
