"""The kinds that belong to no other domain."""

from app.models.kinds import JobKind, Lane, MailKind, NotificationKind, Trait


class SystemJob(JobKind):
    """The jobs of this domain."""

    SEND_MAIL = "SEND_MAIL", Lane.QUICK, Trait.PRUNED


class SystemNotification(NotificationKind):
    """What people are told of their own work, whatever it is about."""

    WORK = "WORK"


class SystemMail(MailKind):
    """What people are sent about everything else."""

    NOTIFICATIONS = "NOTIFICATIONS"
