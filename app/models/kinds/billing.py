"""Jobs, notifications, rate limits and error codes of money."""

from app.errors import ErrorCode
from app.models.kinds import JobKind, Lane, NotificationKind, RateLimit, Trait


class BillingRateLimit(RateLimit):
    """The rate limits of this domain."""

    TOP_UPS = "top_ups"


class BillingJob(JobKind):
    """The jobs of this domain.

    OPEN_CHECKOUT: Opens a payment page for a top-up.
    CHARGE_CARD: Charges a saved card for an automatic top-up.
    FORGET_CARD: Detaches a card that is no longer saved.
    """

    OPEN_CHECKOUT = "OPEN_CHECKOUT", Lane.SLOW, BillingRateLimit.TOP_UPS
    CHARGE_CARD = "CHARGE_CARD", Lane.QUICK, Trait.NOT_LIMITED
    FORGET_CARD = "FORGET_CARD", Lane.QUICK, Trait.NOT_LIMITED


class BillingErrorCode(ErrorCode):
    """The error codes of this domain.

    INSUFFICIENT_FUNDS: The balance is too low.
    """

    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"


class BillingNotification(NotificationKind):
    """Notifications about the user's money.

    BILLING: The user's money, such as a top-up or a grant.
    """

    BILLING = "BILLING", "", "", False
