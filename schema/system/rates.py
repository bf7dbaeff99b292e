"""What clients see of what they may spend."""

import strawberry

from app.metering import Standing
from resolvers.system import rates as resolve
from schema.fields import field
from schema.row import shows


@shows(Standing)
class RateLimit:
    payer: str = strawberry.field(
        description="Who is counted: `viewer` for an account, wherever it asks from, or `address` for a stranger."
    )
    limit: int = strawberry.field(description="How many points may be spent in a minute.")
    remaining: int = strawberry.field(
        description="How many points are left. What this operation turns out to cost is charged when it has ended."
    )
    reset_s: int = strawberry.field(name="reset", description="Seconds until all of them are there again.")


@strawberry.type
class RatesQuery:
    rate_limit: RateLimit = field(resolve.rate_limit)
