"""Fields that this domain adds to the types of lower domains."""

from decimal import Decimal

from resolvers.billing import ledger as resolve
from schema.accounts.users import User
from schema.fields import field
from schema.row import adds_fields


@adds_fields(User)
class MoneyOfUser:
    user_balance: Decimal | None = field(resolve.user_balance)
    user_ixioo_balance: Decimal | None = field(resolve.user_ixioo_balance)
    coupon_balance: Decimal | None = field(resolve.coupon_balance)
