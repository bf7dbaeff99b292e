"""GraphQL types for grants and coupon codes."""

from decimal import Decimal

import strawberry
from strawberry import auto

from app.models.billing import coupon_codes as code_tables
from app.models.billing import grants as tables
from resolvers.billing import grants as resolve
from schema.accounts import User
from schema.billing.ledger import Operation
from schema.fields import Connection, connection, field, one
from schema.row import Row


class Grant(Row, of=tables.Grant):
    created_at: auto
    name: auto
    currency: auto
    amount: auto
    priority: auto
    pays_for: auto
    starts_at: auto
    expires_at: auto
    ended_at: auto
    balance: Decimal = field(resolve.balance)
    user: User = one(tables.Grant.user)
    operation: Operation = one(tables.Grant.operation)


class CouponCode(Row, of=code_tables.CouponCode):
    created_at: auto
    coupon_code: auto
    name: auto
    amount: auto
    priority: auto
    uses: auto
    uses_max: auto
    expires_at: auto
    coupons_expire_at: auto
    issued_by: User = one(code_tables.CouponCode.issued_by)


@strawberry.type
class GrantsQuery:
    grants: Connection[Grant] = connection(resolve.grants)
    coupon_codes: Connection[CouponCode] = connection(resolve.coupon_codes)
