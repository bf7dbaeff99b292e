"""Offers in the market: what their cards show, how they are found, and their reviews."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import strawberry
from graphql import GRAPHQL_MAX_INT
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from app import checks
from app.errors import Invalid
from app.limits import automl as limits
from app.models.accounts import User
from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.market import (
    Listing,
    ListingKind,
    ListingReview,
    PurchaseKind,
)
from app.models.automl.models import NNModel
from app.pagination import Order
from app.policies import AnyViewer, names_viewer, visible
from app.policies.automl.market import is_offered
from app.services.automl.market import listing, reviewing
from app.services.automl.market.listing import Terms
from app.services.billing.amounts import ZERO
from app.settings import settings
from app.tabular.datatypes import Role
from resolvers import ids
from resolvers.automl.columns import COMMON
from resolvers.automl.figures import OutputMetrics, metrics_of
from resolvers.automl.machines import MachineColumn as ShownColumn
from resolvers.automl.machines import column_of
from resolvers.context import Info
from resolvers.enums import show_enum
from resolvers.loaders import RowOrReference

# Before the arguments that have them.
for enum in (ListingKind, PurchaseKind):
    show_enum(enum)


HAS_LINES = (ListingKind.DATA_SOURCE, ListingKind.MACHINE_COPY)


class ListingOrder(Order):
    """By age, price, rating or the number of buyers.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    CHEAPEST: The cheapest first.
    DEAREST: The most expensive first.
    RATING: The best rated first.
    BUYERS: The one with the most buyers first.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    CHEAPEST = ("price_usd", False)
    DEAREST = ("price_usd", True)
    RATING = ("rating", True)
    BUYERS = ("buyers_count", True)


async def listing_by_id(info: Info, id: strawberry.ID) -> RowOrReference[Listing]:
    """A listing by its id.

    id: The id of the listing.
    """
    return await info.context.find(Listing, id)


def listings(
    info: Info,
    kind: ListingKind | None = None,
    search: str | None = None,
    price_usd_max: Decimal | None = None,
    rating_min: float | None = None,
    level: int | None = None,
    machine_id: strawberry.ID | None = None,
    seller_id: strawberry.ID | None = None,
    mine_only: bool = False,
) -> Select[Listing]:
    """What is offered in the market.

    kind: Only listings of this kind.
    search: Only listings whose summary, or whose machine's name, contains this text, ignoring case.
    price_usd_max: Only listings that cost at most this much.
    rating_min: Only listings with at least this mean of stars.
    level: Only listings of machines of this level.
    machine_id: Only listings of this machine.
    seller_id: Only listings of this seller.
    mine_only: Only listings of the viewer's own machines, closed ones, too.
    """
    viewer = info.context.viewer
    query = visible(Listing, viewer)
    query = query.where(names_viewer(viewer, Listing.seller_id) if mine_only else is_offered(viewer))
    if kind is not None:
        query = query.where(Listing.kind == kind)
    if price_usd_max is not None:
        if not price_usd_max.is_finite():
            raise Invalid("priceUsdMax", "Use a number.")
        query = query.where(Listing.price_usd <= price_usd_max)
    if rating_min is not None:
        query = query.where(Listing.rating >= checks.within("ratingMin", rating_min, 0, limits.REVIEW_STARS_MAX))
    if machine_id is not None:
        query = query.where(Listing.machine_id == ids.key(machine_id, Machine))
    if seller_id is not None:
        query = query.where(Listing.seller_id == ids.key(seller_id, User))
    if level is not None:
        query = query.where(Listing.machine.has(Machine.machine_level == level))
    sought = checks.optional_text("search", search, length_max=limits.MACHINE_NAME_LENGTH_MAX)
    if sought is None:
        return query
    named = Listing.machine.has(Machine.machine_name.icontains(sought, autoescape=True))
    return query.where(or_(named, Listing.summary.icontains(sought, autoescape=True)))


def _sample(viewer: AnyViewer) -> ColumnElement[Any]:
    """The first lines to learn from, always the same: who asks often sees no more of them."""
    del viewer
    value = MachineLine.values.op("->")(MachineColumn.position)
    as_text = value.op("#>>")(cast(literal("{}"), ARRAY(Text)))
    short = case(
        (
            func.length(as_text) > limits.SAMPLE_TEXT_LENGTH_MAX,
            func.to_jsonb(func.left(as_text, limits.SAMPLE_TEXT_LENGTH_MAX)),
        ),
        else_=value,
    )
    cells = (
        select(
            func.jsonb_object_agg(MachineColumn.name, aggregate_order_by(short, MachineColumn.position), type_=JSONB)
        )
        .where(
            MachineColumn.machine_id == MachineLine.machine_id,
            MachineColumn.role != Role.IGNORE,
            MachineColumn.position < limits.SAMPLE_COLUMNS_MAX,
        )
        .scalar_subquery()
    )
    first = (
        select(MachineLine.id, cells.label("cells"))
        .where(MachineLine.machine_id == Listing.machine_id, MachineLine.is_for_learning)
        .order_by(MachineLine.id)
        .limit(func.least(Listing.sample_line_count, settings.listing_sample_lines_max))
        .correlate(Listing)
        .subquery()
    )
    rows = select(func.jsonb_agg(aggregate_order_by(first.c.cells, first.c.id), type_=JSONB)).scalar_subquery()
    empty = literal([], JSONB)
    return case((Listing.kind.in_(HAS_LINES), func.coalesce(rows, empty, type_=JSONB)), else_=empty)


def sample_rows(viewer: AnyViewer) -> ColumnElement[Any]:
    """Some lines of what is for sale, as objects with values by the names of columns. Long texts are cut."""
    return _sample(viewer)


def listed_columns(viewer: AnyViewer) -> ColumnElement[Any]:
    """The columns of the machine, with what their values look like where the lines are for sale."""
    del viewer
    pairs: list[Any] = ["notes", null()]
    for name in COMMON:
        pairs += [name, getattr(MachineColumn, name)]
    profile = case((Listing.kind.in_(HAS_LINES), MachineColumn.profile), else_=null())
    built = aggregate_order_by(func.jsonb_build_object(*pairs, "profile", profile), MachineColumn.position)
    query = select(func.jsonb_agg(built, type_=JSONB)).where(MachineColumn.machine_id == Listing.machine_id)
    return func.coalesce(query.scalar_subquery(), literal([], JSONB), type_=JSONB)


async def columns(root: strawberry.Parent[Listing], info: Info) -> list[ShownColumn]:
    """The columns of the machine. What their values look like is shown where the lines are for sale.

    Of the most frequent values, those are shown that at least {automl.LISTED_VALUE_LINES_MIN} lines have.
    """
    return [_without_people(column_of(each)) for each in await info.context.load.prefetched(root, listed_columns)]


def _without_people(column: ShownColumn) -> ShownColumn:
    """Without values that may tell of single people."""
    if column.profile is None:
        return column
    common = [each for each in column.profile.top_values if each.count >= limits.LISTED_VALUE_LINES_MIN]
    return replace(column, profile=replace(column.profile, top_values=common))


def listed_figures(viewer: AnyViewer) -> ColumnElement[Any]:
    """The figures of the version that answers now."""
    del viewer
    current = select(NNModel.figures).join(Machine, Machine.training_nn_model_id == NNModel.id)
    return current.where(Machine.id == Listing.machine_id).scalar_subquery()


async def metrics(root: strawberry.Parent[Listing], info: Info) -> list[OutputMetrics]:
    """How good the machine is on lines that it never saw, for each output; empty if it has not been trained."""
    return metrics_of(await info.context.load.prefetched(root, listed_figures))


def line_count(viewer: AnyViewer) -> ColumnElement[Any]:
    """How many lines with outputs the machine has."""
    del viewer
    both = cast(Machine.learning_line_count, BigInteger) + Machine.evaluation_line_count
    # GraphQL's Int is as wide as each of the two.
    counted = select(cast(func.least(both, GRAPHQL_MAX_INT), Integer))
    return func.coalesce(counted.where(Machine.id == Listing.machine_id).scalar_subquery(), 0)


async def list_machine(
    info: Info,
    machine_id: strawberry.ID,
    kind: ListingKind,
    price_usd: Decimal,
    update_price_usd: Decimal = ZERO,
    summary: str | None = None,
    licence: str = limits.LICENCE_DEFAULT,
    licence_terms: str | None = None,
    sample_line_count: int = 0,
    caller_lines_per_day_notice: int | None = None,
    caller_lines_per_day_max: int | None = None,
) -> Listing:
    """Offers a machine in the market, or changes what is offered. For its owner.

    What was bought before keeps its price and terms. It sets the fields of the machine that say the same, such as
    `machineApiSolvingIsPublic`.

    machine_id: The machine.
    kind: What is offered: answers, the right to read its lines, or copies.
    price_usd: The price in US dollars: of one answer, of the lines, or of a copy. 0 is free; else at least
        {settings.market_price_usd_min}.
    update_price_usd: The price of bringing a copy up to date; 0 is free.
    summary: What it is, at most {automl.LISTING_SUMMARY_LENGTH_MAX} characters.
    licence: The name of the licence, at most {automl.LICENCE_LENGTH_MAX} characters.
    licence_terms: The terms of the licence, at most {automl.LICENCE_TERMS_LENGTH_MAX} characters.
    sample_line_count: How many of its lines everybody may see, at most {settings.listing_sample_lines_max}. None of a
        listing of answers.
    caller_lines_per_day_notice: Once an account has had this many lines answered in a day, it is notified.
    caller_lines_per_day_max: How many lines of an account are answered in a day.
    """
    terms = Terms(
        price_usd,
        update_price_usd,
        summary,
        licence,
        licence_terms,
        sample_line_count,
        caller_lines_per_day_notice,
        caller_lines_per_day_max,
    )
    async with info.context.writing() as session:
        key = ids.key(machine_id, Machine)
        return await listing.list_machine(session, info.context.viewer, key, kind=kind, terms=terms)


async def unlist_machine(info: Info, id: strawberry.ID) -> Listing:
    """Ends an offer. Buyers keep what they bought. For the owner of the machine.

    id: The listing.
    """
    async with info.context.writing() as session:
        return await listing.unlist_machine(session, info.context.viewer, ids.key(id, Listing))


async def review_listing(info: Info, id: strawberry.ID, stars: int, comment: str | None = None) -> ListingReview:
    """Reviews a listing. For those who bought it or had lines answered. Another review replaces the first one.

    The review has the viewer's name.

    id: The listing.
    stars: From {automl.REVIEW_STARS_MIN} to {automl.REVIEW_STARS_MAX}.
    comment: The review in words, at most {automl.REVIEW_LENGTH_MAX} characters.
    """
    async with info.context.writing() as session:
        key = ids.key(id, Listing)
        return await reviewing.review(session, info.context.viewer, key, stars=stars, comment=comment)


async def delete_review(info: Info, id: strawberry.ID) -> Listing:
    """Deletes a review. For who wrote it, and staff.

    id: The review.
    """
    async with info.context.writing() as session:
        return await reviewing.delete_review(session, info.context.viewer, ids.key(id, ListingReview))
