"""GraphQL types and fields of the market."""

from datetime import date
from decimal import Decimal

import strawberry
from strawberry import auto
from strawberry.scalars import JSON

from app.models.automl import market as tables
from app.models.automl.machines import Machine as MachineRow
from app.models.billing.ledger import OperationCause
from app.models.kinds.system import SystemRateLimit
from app.services.automl.market import calling
from resolvers.automl import listings
from resolvers.automl import market as resolve
from resolvers.enums import show_enum
from schema.accounts.users import User
from schema.automl.figures import OutputMetrics
from schema.automl.machines import Machine, MachineColumn
from schema.billing.ledger import Operation
from schema.billing.problems import InsufficientFunds
from schema.fields import Connection, computed, connection, field, many, mutation, one
from schema.problems import Conflict, InvalidInput
from schema.row import Row, adds_fields, shows

show_enum(tables.PurchaseState)


class ListingReview(Row, of=tables.ListingReview):
    created_at: auto
    updated_at: auto
    stars: auto
    comment: auto
    user: User | None = one(tables.ListingReview.user)
    listing: "Listing | None" = one(tables.ListingReview.listing)


class Listing(Row, of=tables.Listing):
    created_at: auto
    kind: auto
    is_open: auto
    price_usd: auto
    update_price_usd: auto
    summary: auto
    licence: auto
    licence_terms: auto
    sample_line_count: auto
    caller_lines_per_day_notice: auto
    caller_lines_per_day_max: auto
    buyers_count: auto
    reviews_count: auto
    rating: auto
    line_count: int = computed(listings.line_count, needs_read=True)
    sample_rows: JSON = computed(listings.sample_rows, needs_read=True)
    columns: list[MachineColumn] = field(listings.columns, prefetch=listings.listed_columns, needs_read=True)
    metrics: list[OutputMetrics] = field(listings.metrics, prefetch=listings.listed_figures, needs_read=True)
    machine: Machine | None = one(tables.Listing.machine)
    seller: User | None = one(tables.Listing.seller)
    reviews: Connection[ListingReview] = many(tables.Listing.reviews)


class Purchase(Row, of=tables.Purchase):
    created_at: auto
    kind: auto
    state: auto
    machine_name: auto
    price_usd: auto
    licence: auto
    licence_terms: auto
    buyer: User | None = one(tables.Purchase.buyer)
    listing: Listing | None = one(tables.Purchase.listing)
    machine: Machine | None = one(tables.Purchase.machine)
    copy: Machine | None = one(tables.Purchase.copy)
    operation: Operation | None = one(tables.Purchase.operation)


class ListingUsage(Row, of=tables.ListingUsage):
    day: auto
    calls_count: auto
    lines_count: auto
    price_usd: auto
    licence: auto
    licence_terms: auto
    listing: Listing | None = one(tables.ListingUsage.listing)


@shows(resolve.MarketIncome)
class MarketIncome:
    day: date = strawberry.field(description="The day (UTC).")
    machine_id: strawberry.ID = strawberry.field(description="The id of the machine.")
    machine: Machine | None = field(resolve.income_machine)
    cause: OperationCause = strawberry.field(description="What was sold.")
    sales_count: int = strawberry.field(description="How many sales or calls there were.")
    lines_count: int = strawberry.field(description="How many lines were answered.")
    gross_usd: Decimal = strawberry.field(description="What buyers paid.")
    commission_usd: Decimal = strawberry.field(description="What the platform kept of it.")
    net_usd: Decimal = strawberry.field(description="What the seller got.")


@shows(calling.CallEstimate)
class CallEstimate:
    price_usd: Decimal = strawberry.field(description="The price in US dollars, which goes to the seller.")
    fee_tokens: Decimal = strawberry.field(description="The platform's fee in EAML tokens.")
    available_usd: Decimal = strawberry.field(description="What the payer has in US dollars, and nothing holds.")
    available_tokens: Decimal = strawberry.field(
        description="What the payer has for the fee: coupons, promotional tokens and tokens that nothing holds."
    )
    is_affordable: bool = strawberry.field(description="Whether both can be paid now.")


@adds_fields(Machine)
class ListingsOfMachine:
    listings: Connection[Listing] = many(MachineRow.listings)


@strawberry.type
class MarketQuery:
    listing: Listing | None = field(listings.listing_by_id)
    listings: Connection[Listing] = connection(listings.listings, order=listings.ListingOrder)
    purchases: Connection[Purchase] = connection(resolve.purchases)
    listing_usages: Connection[ListingUsage] = connection(resolve.listing_usages)
    market_income: list[MarketIncome] = field(resolve.market_income)
    estimate_solving: CallEstimate = field(resolve.estimate_solving)


@strawberry.type
class MarketMutation:
    list_machine: Listing | InvalidInput | Conflict = mutation(listings.list_machine)
    unlist_machine: Listing = mutation(listings.unlist_machine)
    buy_listing: Purchase | InvalidInput | Conflict | InsufficientFunds = mutation(
        resolve.buy_listing, needs_key=True, rate_limit=SystemRateLimit.JOBS
    )
    buy_copy_update: Purchase | InvalidInput | Conflict | InsufficientFunds = mutation(
        resolve.buy_copy_update, needs_key=True, rate_limit=SystemRateLimit.JOBS
    )
    review_listing: ListingReview | InvalidInput | Conflict = mutation(listings.review_listing)
    delete_review: Listing = mutation(listings.delete_review)
