"""GraphQL types for rate limits."""

import strawberry

from app.telemetry.metering import Standing
from resolvers.system import rates as resolve
from schema.fields import field
from schema.row import shows


@shows(Standing)
class RateLimit:
    payer: str = strawberry.field(
        description="What is counted: `viewer` for an account, from any address, or `address` for anonymous requests."
    )
    limit: int = strawberry.field(description="The points available per minute.")
    remaining: int = strawberry.field(
        description="The points left. The cost of the current operation is charged when it ends."
    )
    reset_s: int = strawberry.field(name="reset", description="Seconds until all points are available again.")


@strawberry.type
class RatesQuery:
    rate_limit: RateLimit = field(resolve.rate_limit)
