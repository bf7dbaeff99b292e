"""Notifications of consulting."""

from app.models.kinds import Audience, NotificationKind, WebhookTopic


class ConsultingNotification(NotificationKind):
    """Notifications about contracts, whose deadlines decide about money.

    CONSULTING: A consulting request or its contract.
    """

    CONSULTING = "CONSULTING", "", "", False


class ConsultingTopic(WebhookTopic):
    """The subscriptions of this domain.

    CONSULTING_REQUEST_UPDATED: What happens to requests in which the account is the client or the consultant.
    """

    CONSULTING_REQUEST_UPDATED = (
        "CONSULTING_REQUEST_UPDATED",
        "consulting",
        Audience.OWNERS,
        "consulting_requests",
        "user_id",
        "consultant_user_id",
    )
