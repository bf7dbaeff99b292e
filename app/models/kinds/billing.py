"""Notifications, rate limits and error codes of money."""

from app.errors import ErrorCode
from app.models.kinds import NotificationKind


class BillingErrorCode(ErrorCode):
    """The error codes of this domain."""

    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"


class BillingNotification(NotificationKind):
    """Notifications about the user's money."""

    BILLING = "BILLING", "", "", False
