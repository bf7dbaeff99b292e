"""GraphQL types and fields for money."""

import strawberry

from schema.billing.adjustments import AdjustmentsQuery
from schema.billing.automatic_top_ups import AutomaticTopUpsMutation, AutomaticTopUpsQuery
from schema.billing.changes import ChangesMutation
from schema.billing.grants import GrantsQuery
from schema.billing.ledger import LedgerQuery
from schema.billing.spending import SpendingMutation, SpendingQuery
from schema.billing.statements import StatementsQuery
from schema.billing.top_ups import TopUpsQuery


@strawberry.type
class BillingQuery(
    LedgerQuery,
    GrantsQuery,
    AdjustmentsQuery,
    SpendingQuery,
    StatementsQuery,
    TopUpsQuery,
    AutomaticTopUpsQuery,
):
    """The domain's questions."""


@strawberry.type
class BillingMutation(ChangesMutation, SpendingMutation, AutomaticTopUpsMutation):
    """The domain's changes."""
