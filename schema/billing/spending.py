"""GraphQL types for limits of spending, and for what work would cost."""

from decimal import Decimal

import strawberry
from strawberry import auto

from app.models.billing import reservations as reservation_tables
from app.models.billing import spending as tables
from app.models.billing.ledger import Currency
from app.services.billing.charges import Estimate
from resolvers.billing import spending as resolve
from resolvers.enums import show_enum
from schema.accounts import User
from schema.billing.ledger import Operation
from schema.fields import Connection, connection, field, mutation, one
from schema.problems import InvalidInput
from schema.row import Row, shows

show_enum(reservation_tables.ReservationState)


class SpendingRules(Row, of=tables.SpendingRules):
    month_tokens_notice: auto
    month_tokens_max: auto
    low_balance_tokens: auto
    month_usd_notice: auto
    month_usd_max: auto
    spent_usd_this_month: Decimal = field(resolve.spent_usd_this_month)
    spent_this_month: Decimal = field(resolve.spent_this_month)


class Reservation(Row, of=reservation_tables.Reservation):
    created_at: auto
    cause: auto
    currency: auto
    amount: auto
    posted: auto
    state: auto
    expires_at: auto
    count_of_lines: auto
    count_of_training_epoch: auto
    user: User = one(reservation_tables.Reservation.user)
    operation: Operation | None = one(reservation_tables.Reservation.operation)


@shows(Estimate)
class CostEstimate:
    price: Decimal = strawberry.field(description="What the work would cost, exactly.")
    available: Decimal = strawberry.field(
        description="What its payer has for it now: coupons, promotional tokens and tokens that nothing holds."
    )
    currency: Currency = strawberry.field(description="The currency of both. A coupon counts as one token.")
    is_affordable: bool = strawberry.field(description="Whether as much is available.")


@strawberry.type
class SpendingQuery:
    spending_rules: SpendingRules | None = field(resolve.spending_rules)
    reservations: Connection[Reservation] = connection(resolve.reservations)


@strawberry.type
class SpendingMutation:
    update_spending_rules: SpendingRules | InvalidInput = mutation(resolve.update_spending_rules)
