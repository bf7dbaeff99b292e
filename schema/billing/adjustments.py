"""GraphQL types for what two of the staff agree on: adjustments and reversals."""

import strawberry
from strawberry import auto

from app.models.billing import adjustments as tables
from resolvers.billing import adjustments as resolve
from resolvers.enums import show_enum
from schema.accounts import User
from schema.billing.ledger import Operation
from schema.fields import Connection, connection, one
from schema.row import Row

show_enum(tables.AdjustmentState)


class Adjustment(Row, of=tables.Adjustment):
    created_at: auto
    currency: auto
    change: auto
    reason: auto
    state: auto
    decided_at: auto
    user: User = one(tables.Adjustment.user)
    proposed_by: User = one(tables.Adjustment.proposed_by)
    decided_by: User | None = one(tables.Adjustment.decided_by)
    operation: Operation | None = one(tables.Adjustment.operation)


class Reversal(Row, of=tables.Reversal):
    created_at: auto
    reason: auto
    state: auto
    decided_at: auto
    reverses: Operation = one(tables.Reversal.reverses)
    proposed_by: User = one(tables.Reversal.proposed_by)
    decided_by: User | None = one(tables.Reversal.decided_by)
    operation: Operation | None = one(tables.Reversal.operation)


@strawberry.type
class AdjustmentsQuery:
    adjustments: Connection[Adjustment] = connection(resolve.adjustments)
    reversals: Connection[Reversal] = connection(resolve.reversals)
