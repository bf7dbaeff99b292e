"""GraphQL types for the ledger: operations, entries and the former bills."""

import strawberry
from strawberry import auto

from app.models.billing import ledger as tables
from app.models.billing import legacy
from resolvers.billing import ledger as resolve
from resolvers.enums import show_enum
from schema.accounts import User
from schema.fields import Connection, connection, field, many, one
from schema.row import Node, Row, rows_of_one_table

for enum in (tables.Currency, tables.OperationKind, tables.OperationCause):
    show_enum(enum)


@rows_of_one_table(tables.LedgerEntry)
class LedgerEntry(Node):
    created_at: auto
    date_time: auto
    amount: auto
    change: auto
    currency: auto
    position: auto
    balance: auto
    user: User | None = one(tables.LedgerEntry.user)
    operation: "Operation | None" = one(tables.LedgerEntry.operation)


class Credit(LedgerEntry, Row, of=tables.Credit):
    pass


class Debit(LedgerEntry, Row, of=tables.Debit):
    pass


class CreditIXIOO(LedgerEntry, Row, of=tables.CreditIXIOO):
    pass


class DebitIXIOO(LedgerEntry, Row, of=tables.DebitIXIOO):
    pass


class CreditCoupon(LedgerEntry, Row, of=tables.CreditCoupon):
    pass


class DebitCoupon(LedgerEntry, Row, of=tables.DebitCoupon):
    pass


class PlatformEntry(LedgerEntry, Row, of=tables.PlatformEntry):
    pass


class Operation(Row, of=tables.Operation):
    created_at: auto
    uuid: auto
    kind: auto
    cause: auto
    reason: auto
    count_of_lines: auto
    count_of_training_epoch: auto
    is_training_operation: auto
    is_solving_operation: auto
    is_solving_with_api_operation: auto
    is_solving_with_api_market_operation: auto
    is_buy_data_source_operation: auto
    is_machine_copy_operation: auto
    is_machine_copy_update_operation: auto
    is_credit_from_user_operation: auto
    is_pay_a_bill_operation: auto
    operation_user: User | None = field(resolve.operation_user)
    owner_user: User | None = one(tables.Operation.owner_user)
    reverses: "Operation | None" = one(tables.Operation.reverses)
    entries: Connection[LedgerEntry] = many(tables.Operation.entries)
    subject: Node | None = field(resolve.subject)


class Billing(Row, of=legacy.Billing):
    created_at: auto
    date: auto
    operation_is_training: auto
    count_of_lines_training: auto
    count_of_training_epoch: auto
    training_cost_machine_usd: auto
    operation_is_solving: auto
    count_of_lines_solved_owner: auto
    solving_cost_machine_usd: auto
    operation_is_solving_api: auto
    count_of_lines_solved_api: auto
    solving_api_income_usd: auto
    solving_cost_machine_api_total_usd: auto
    operation_is_buy_data_source: auto
    machine_buy_data_source_income_usd: auto
    operation_is_machine_copy: auto
    machine_copy_cost_income_usd: auto
    operation_is_machine_copy_update: auto
    machine_copy_update_income_usd: auto
    credit_from_ixioo: auto
    credit_from_user: auto
    machine_owner_user: User | None = one(legacy.Billing.machine_owner_user)
    operation_user: User | None = field(resolve.billing_user)


@strawberry.type
class LedgerQuery:
    operations: Connection[Operation] = connection(resolve.operations)
    credits: Connection[Credit] = connection(resolve.credits)
    debits: Connection[Debit] = connection(resolve.debits)
    credits_ixioo: Connection[CreditIXIOO] = connection(resolve.credits_ixioo)
    debits_ixioo: Connection[DebitIXIOO] = connection(resolve.debits_ixioo)
    billings: Connection[Billing] = connection(resolve.billings)
