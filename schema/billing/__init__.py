"""GraphQL types and fields for money."""

import strawberry

from schema.billing.changes import ChangesMutation
from schema.billing.ledger import LedgerQuery


@strawberry.type
class BillingQuery(LedgerQuery):
    """The domain's questions."""


@strawberry.type
class BillingMutation(ChangesMutation):
    """The domain's changes."""
