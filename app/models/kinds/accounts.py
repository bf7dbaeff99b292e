"""Jobs of accounts, and their notifications and mails."""

from app.models.kinds import JobKind, Lane, MailKind, NotificationKind
from app.models.kinds.system import SystemRateLimit


class AccountsJob(JobKind):
    """The jobs of this domain.

    EXPORT_DATA: Collects the data of an account into a file.
    """

    EXPORT_DATA = "EXPORT_DATA", Lane.SLOW, SystemRateLimit.JOBS


class AccountsNotification(NotificationKind):
    """Notifications about teams and the account.

    TEAM: A team and its members.
    ACCOUNT: The account itself, such as its rights.
    """

    TEAM = "TEAM"
    ACCOUNT = "ACCOUNT", "", "", False


class AccountsMail(MailKind):
    """Mails about an account."""

    SIGN_UP = "SIGN_UP"
    EMAIL_VERIFICATION = "EMAIL_VERIFICATION"
    EMAIL_CHANGED = "EMAIL_CHANGED"
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105
    ACCOUNT_DELETION = "ACCOUNT_DELETION"
    DATA_EXPORT = "DATA_EXPORT"
