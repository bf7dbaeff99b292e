"""Purchases, usage, income and estimates in the market."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import strawberry
from sqlalchemy import Select

from app import checks
from app.models.automl.machines import Machine
from app.models.automl.market import (
    Listing,
    ListingKind,
    ListingUsage,
    Purchase,
    PurchaseKind,
)
from app.models.billing.ledger import OperationCause
from app.policies import names_viewer, signed_in, visible
from app.services.automl.answering import asking
from app.services.automl.market import buying, income
from app.services.automl.market.calling import CallEstimate
from app.settings import settings
from resolvers import ids
from resolvers.context import Info
from resolvers.enums import show_enum
from resolvers.loaders import RowOrReference

# Before the arguments that have them.
for enum in (ListingKind, PurchaseKind):
    show_enum(enum)


@dataclass(frozen=True)
class MarketIncome:
    """What a seller earned on one day (UTC) with one kind of sale of one machine. Reversed sales are subtracted."""

    day: date
    machine_id: strawberry.ID
    cause: OperationCause
    sales_count: int
    lines_count: int
    gross_usd: Decimal
    commission_usd: Decimal
    net_usd: Decimal
    key: strawberry.Private[int]


def purchases(info: Info, kind: PurchaseKind | None = None) -> Select[Purchase]:
    """What the viewer bought in the market.

    kind: Only purchases of this kind.
    """
    viewer = info.context.viewer
    signed_in(viewer)
    query = visible(Purchase, viewer).where(names_viewer(viewer, Purchase.buyer_id))
    return query if kind is None else query.where(Purchase.kind == kind)


def listing_usages(
    info: Info, listing_id: strawberry.ID | None = None, since: date | None = None, until: date | None = None
) -> Select[ListingUsage]:
    """What the viewer asked of machines in the market, by day.

    listing_id: Only of this listing.
    since: Only on or after this day.
    until: Only on or before this day.
    """
    viewer = info.context.viewer
    signed_in(viewer)
    query = visible(ListingUsage, viewer).where(names_viewer(viewer, ListingUsage.user_id))
    if listing_id is not None:
        query = query.where(ListingUsage.listing_id == ids.key(listing_id, Listing))
    if since is not None:
        query = query.where(ListingUsage.day >= since)
    return query if until is None else query.where(ListingUsage.day <= until)


async def market_income(
    info: Info, since: date, until: date, machine_id: strawberry.ID | None = None
) -> list[MarketIncome]:
    """What the viewer earned in the market, by day, machine and what was sold; never from whom. Newest first.

    since: The first day (UTC).
    until: The last day, at most {automl.INCOME_DAYS_MAX} days in all.
    machine_id: Only with this machine.
    """
    key = None if machine_id is None else ids.key(machine_id, Machine)
    async with info.context.reading() as session:
        rows = await income.income(session, info.context.viewer, since=since, until=until, machine_key=key)
    return [
        MarketIncome(
            each.day,
            ids.encode_key(Machine, each.machine_key),
            each.cause,
            each.sales_count,
            each.lines_count,
            each.gross_usd,
            each.commission_usd,
            each.net_usd,
            each.machine_key,
        )
        for each in rows
    ]


async def income_machine(root: strawberry.Parent[MarketIncome], info: Info) -> RowOrReference[Machine] | None:
    """The machine; null if it was deleted."""
    return await info.context.load.one(Machine, root.key)


async def estimate_solving(info: Info, machine_id: strawberry.ID, lines: int) -> CallEstimate:
    """What answers for so many lines would cost the viewer: the price of the listing, and the platform's fee.

    For a machine that the viewer uses there is no price, and its owner pays the fee.

    machine_id: The machine.
    lines: How many lines, from 1 to {settings.solve_rows_max}.
    """
    context = info.context
    checks.within("lines", lines, 1, settings.solve_rows_max)
    return await asking.estimate(context.database, context.viewer, ids.key(machine_id, Machine), lines=lines)


async def buy_listing(info: Info, id: strawberry.ID, expected_price_usd: Decimal, name: str | None = None) -> Purchase:
    """Buys what is offered: the right to read the lines of a machine, or a copy of it.

    The lines are paid at once, and can be read with `dataInputLines` from then on, also when the offer has ended. A
    copy is the viewer's own machine, with the lines and without the model: its price is held until its lines are there,
    and returns if they cannot be copied. The same listing is bought once.

    id: The listing.
    expected_price_usd: The price as the listing shows it. With another price, nothing is bought and nothing is charged.
    name: The name of a copy; `Copy of` and the name of the machine if left out.
    """
    async with info.context.writing() as session:
        key = ids.key(id, Listing)
        return await buying.buy(session, info.context.viewer, key, expected_price=expected_price_usd, name=name)


async def buy_copy_update(info: Info, id: strawberry.ID, expected_price_usd: Decimal) -> Purchase:
    """Brings a copy that was bought up to date: it gets the lines that its source has now, with a fresh split.

    Lines that came with the copy are replaced; lines that the viewer added stay. The price is held until that is done.

    id: The purchase of the copy.
    expected_price_usd: The price of an update as the listing shows it. With another price, nothing is charged.
    """
    async with info.context.writing() as session:
        key = ids.key(id, Purchase)
        return await buying.buy_copy_update(session, info.context.viewer, key, expected_price=expected_price_usd)
