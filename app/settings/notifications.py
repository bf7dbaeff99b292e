"""Mails and notifications."""

from pydantic import BaseModel, Field, SecretStr

from app.settings.kinds import Count, Days, DaysOrPart, Duration, Pause


class NotificationsSettings(BaseModel):
    """Mails and notifications."""

    # Mail
    smtp_url: SecretStr | None = Field(
        default=None, description="The mail server: smtp://user:password@host:587 or smtps://…."
    )
    smtp_s_max: Duration = Field(default=20, description="Time for one answer of the mail server.")
    smtp_mail_s_max: Duration = Field(default=60, description="Time to hand over one mail.")
    mail_attempts_max: Count = Field(default=8, description="Tries to send a mail.")
    mails_kept_days: Days = Field(default=7, description="Days that sent mails are kept.")
    mail_from: str = Field(default="Fieldgraph <fieldgraph@localhost>", description="The sender of all mails.")

    # Notifications
    notification_settle_s: Pause = Field(default=60, description="Age from which a notification can be mailed.")
    notification_mail_minutes: Pause = Field(
        default=60, description="Minutes between mails with notifications to one person."
    )
    notification_things_max: Count = Field(
        default=100, description="Things that a grouped notification remembers for each person who acted."
    )
    notifications_per_mail_max: Count = Field(default=20, description="Notifications that one mail shows.")
    notifications_read_kept_days: DaysOrPart = Field(
        default=90, description="Days that notifications are kept after they were read."
    )
    digests_at_once: Count = Field(
        default=100, description="People whose mails with notifications are written in one transaction."
    )
    thing_url: str | None = Field(
        default=None, description="Where people find a thing, such as https://app.example.org/{type}/{id}."
    )
