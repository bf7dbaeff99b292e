"""GraphQL mutations that move money."""

import strawberry

from app.models.choices import Scope
from app.models.kinds.billing import BillingRateLimit
from resolvers.billing import changes as resolve
from schema.billing.adjustments import Adjustment, Reversal
from schema.billing.grants import CouponCode, Grant
from schema.billing.ledger import Operation
from schema.billing.problems import InsufficientFunds
from schema.billing.top_ups import TopUp
from schema.fields import mutation
from schema.problems import Conflict, InvalidInput, Unavailable


@strawberry.type
class ChangesMutation:
    buy_tokens: Operation | InvalidInput | InsufficientFunds = mutation(
        resolve.buy_tokens, needs_key=True, claims_first=True
    )
    start_top_up: TopUp | InvalidInput | Unavailable = mutation(
        resolve.start_top_up, needs_key=True, rate_limit=BillingRateLimit.TOP_UPS
    )
    top_up_balance: Operation | InvalidInput | Conflict = mutation(
        resolve.top_up_balance, scope=Scope.ADMIN, needs_key=True, claims_first=True
    )
    grant_credit: Grant | InvalidInput | Conflict = mutation(resolve.grant_credit, scope=Scope.ADMIN, needs_key=True)
    issue_coupon_code: CouponCode | InvalidInput | Conflict = mutation(resolve.issue_coupon_code, scope=Scope.ADMIN)
    end_coupon_code: CouponCode | Conflict = mutation(resolve.end_coupon_code, scope=Scope.ADMIN)
    redeem_coupon: Grant | InvalidInput | Conflict = mutation(
        resolve.redeem_coupon, needs_key=True, once_per_operation=True
    )
    end_grant: Grant | Conflict = mutation(resolve.end_grant, scope=Scope.ADMIN, needs_key=True)
    propose_adjustment: Adjustment | InvalidInput | Conflict = mutation(
        resolve.propose_adjustment, scope=Scope.ADMIN, needs_key=True
    )
    post_adjustment: Adjustment | Conflict | InsufficientFunds = mutation(
        resolve.post_adjustment, scope=Scope.ADMIN, needs_key=True
    )
    reject_adjustment: Adjustment | Conflict = mutation(resolve.reject_adjustment, scope=Scope.ADMIN)
    propose_reversal: Reversal | InvalidInput | Conflict = mutation(
        resolve.propose_reversal, scope=Scope.ADMIN, needs_key=True
    )
    post_reversal: Reversal | Conflict | InsufficientFunds = mutation(
        resolve.post_reversal, scope=Scope.ADMIN, needs_key=True
    )
    reject_reversal: Reversal | Conflict = mutation(resolve.reject_reversal, scope=Scope.ADMIN)
