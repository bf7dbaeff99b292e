"""GraphQL types for automatic top-ups."""

from decimal import Decimal

import strawberry
from strawberry import auto

from app.models.billing import automatic_top_ups as tables
from resolvers.billing import automatic_top_ups as resolve
from schema.deleted import Deleted
from schema.fields import field, mutation
from schema.problems import Conflict, InvalidInput, Unavailable
from schema.row import Row


class AutomaticTopUp(Row, of=tables.AutomaticTopUp):
    below_usd: auto
    usd: auto
    month_usd_max: auto
    is_on: auto
    failures_count: auto
    next_try_at: auto
    charged_usd_this_month: Decimal = field(resolve.charged_usd_this_month)


@strawberry.type
class AutomaticTopUpsQuery:
    automatic_top_up: AutomaticTopUp | None = field(resolve.automatic_top_up)


@strawberry.type
class AutomaticTopUpsMutation:
    set_automatic_top_up: AutomaticTopUp | InvalidInput | Conflict | Unavailable = mutation(
        resolve.set_automatic_top_up, needs_key=True
    )
    delete_automatic_top_up: Deleted = mutation(resolve.delete_automatic_top_up)
