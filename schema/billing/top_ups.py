"""GraphQL types for top-ups by card."""

import strawberry
from strawberry import auto

from app.models.billing import top_ups as tables
from resolvers.billing import spending as resolve
from resolvers.enums import show_enum
from schema.accounts import User
from schema.fields import Connection, connection, one
from schema.row import Row
from schema.system.jobs import Job

show_enum(tables.TopUpState)


class TopUp(Row, of=tables.TopUp):
    created_at: auto
    usd: auto
    state: auto
    checkout_url: auto
    is_automatic: auto
    saves_card: auto
    paid_usd: auto
    refunded_usd: auto
    disputed_usd: auto
    credited_usd: auto
    user: User = one(tables.TopUp.user)
    job: Job | None = one(tables.TopUp.job)


@strawberry.type
class TopUpsQuery:
    top_ups: Connection[TopUp] = connection(resolve.top_ups)
