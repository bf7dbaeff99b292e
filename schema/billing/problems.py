"""Problems of money alone."""

from decimal import Decimal

import strawberry

from app.models.billing.ledger import Currency
from app.services.billing import errors
from schema.problems import Problem, shows_error


@shows_error(errors.InsufficientFunds)
@strawberry.type(description="Less money is available than this needs. Nothing was moved.")
class InsufficientFunds(Problem):
    """Shows errors.InsufficientFunds."""

    required: Decimal = strawberry.field(description="How much is needed.")
    available: Decimal = strawberry.field(description="How much is available.")
    currency: Currency = strawberry.field(description="The currency of both.")
