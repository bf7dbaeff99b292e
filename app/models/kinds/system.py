"""The kinds that belong to no other domain."""

from app.models.kinds import (
    Audience,
    JobKind,
    Lane,
    MailKind,
    NotificationKind,
    RateLimit,
    Trait,
    WebhookTopic,
)


class SystemRateLimit(RateLimit):
    """The rate limits that all domains share."""

    JOBS = "jobs"
    UPLOADS = "uploads"


class SystemJob(JobKind):
    """The jobs of this domain.

    SEND_MAIL: Sends an email.
    """

    SEND_MAIL = "SEND_MAIL", Lane.QUICK, Trait.NOT_LIMITED, Trait.PRUNED


class SystemNotification(NotificationKind):
    """Notifications about the user's own work.

    WORK: The user's own work ended, such as a training.
    """

    WORK = "WORK"


class SystemMail(MailKind):
    """Mails about everything else."""

    NOTIFICATIONS = "NOTIFICATIONS"


class SystemTopic(WebhookTopic):
    """The subscriptions of this domain.

    NOTIFICATION_RECEIVED: Notifications of the account.
    BANNER_CHANGED: Announcements as they start, change or end.
    """

    NOTIFICATION_RECEIVED = "NOTIFICATION_RECEIVED", "notifications", Audience.ACCOUNT
    BANNER_CHANGED = "BANNER_CHANGED", "banners", Audience.EVERYONE
