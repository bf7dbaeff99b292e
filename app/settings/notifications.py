"""Mails, notifications and banners."""

from pydantic import BaseModel, SecretStr


class NotificationsSettings(BaseModel):
    """Mails, notifications and banners."""

    # Mail
    smtp_url: SecretStr | None = None
    smtp_s_max: float = 20
    smtp_mail_s_max: float = 60
    mail_attempts_max: int = 8
    mails_kept_days: int = 7
    mail_from: str = "Fieldgraph <fieldgraph@localhost>"

    # Notifications
    notification_settle_s: float = 60
    notification_mail_minutes: float = 60
    notification_things_max: int = 100
    notifications_per_mail_max: int = 20
    notifications_read_kept_days: float = 90
    digests_at_once: int = 100
    # Where people find a thing, such as https://app.example.org/{type}/{id}
    thing_url: str | None = None

    # Announcements
    banner_length_max: int = 500
