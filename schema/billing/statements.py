"""GraphQL types for statements."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import strawberry

from app.models.billing.ledger import Currency, OperationCause, OperationKind
from app.services.billing import statements as services
from app.services.billing.statement_files import StatementFormat
from resolvers.billing import statements as resolve
from resolvers.enums import show_enum
from schema.fields import field
from schema.row import shows

show_enum(StatementFormat)


@shows(services.Line)
class StatementLine:
    date_time: datetime = strawberry.field(description="When it was posted.")
    uuid: UUID = strawberry.field(description="The UUID of the operation.")
    kind: OperationKind = strawberry.field(description="The kind of the operation.")
    cause: OperationCause = strawberry.field(description="What exactly was paid for.")
    reason: str | None = strawberry.field(description="The reason, where a person decided.")
    reverses: UUID | None = strawberry.field(description="The UUID of the operation that this one reverses.")
    change: Decimal = strawberry.field(description="What it added; negative if it took.")
    balance: Decimal = strawberry.field(description="The balance after it.")


@shows(services.Statement)
class Statement:
    currency: Currency = strawberry.field(description="The currency.")
    since: datetime = strawberry.field(description="The start, which is part of it.")
    until: datetime = strawberry.field(description="The end, which is not part of it.")
    opening: Decimal = strawberry.field(description="What there was before the start.")
    credited: Decimal = strawberry.field(description="The sum of what came.")
    debited: Decimal = strawberry.field(description="The sum of what went, as a positive amount.")
    closing: Decimal = strawberry.field(description="What there was at the end: opening, plus credited, minus debited.")
    lines: list[StatementLine] = field(resolve.lines)
    file: str = field(resolve.file)


@strawberry.type
class StatementsQuery:
    statement: Statement = field(resolve.statement)
    balance_at: Decimal = field(resolve.balance_at)
