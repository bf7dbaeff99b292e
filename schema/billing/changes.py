"""GraphQL mutations that move money."""

import strawberry

from resolvers.billing import changes as resolve
from schema.billing.ledger import Operation
from schema.billing.problems import InsufficientFunds
from schema.fields import mutation
from schema.problems import InvalidInput


@strawberry.type
class ChangesMutation:
    buy_tokens: Operation | InvalidInput | InsufficientFunds = mutation(resolve.buy_tokens, needs_key=True)
