"""What accounts have done later, what they are told of, and what they are sent."""

from app.models.kinds import JobKind, Lane, MailKind, NotificationKind


class AccountsJob(JobKind):
    """The jobs of this domain."""

    EXPORT_DATA = "EXPORT_DATA", Lane.SLOW


class AccountsNotification(NotificationKind):
    """What people are told of their teams and of their account."""

    TEAM = "TEAM"
    ACCOUNT = "ACCOUNT", "", "", False


class AccountsMail(MailKind):
    """What people are sent about their account, or asked for."""

    SIGN_UP = "SIGN_UP"
    EMAIL_VERIFICATION = "EMAIL_VERIFICATION"
    EMAIL_CHANGED = "EMAIL_CHANGED"
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105
    ACCOUNT_DELETION = "ACCOUNT_DELETION"
    DATA_EXPORT = "DATA_EXPORT"
