"""Notifications of consulting."""

from app.models.kinds import NotificationKind


class ConsultingNotification(NotificationKind):
    """Notifications about contracts, whose deadlines decide about money.

    CONSULTING: A consulting request or its contract.
    """

    CONSULTING = "CONSULTING", "", "", False
