"""What the other domains stand on: the life of jobs, telling people, and keeping who changed what."""

from app.services.system.jobs import (
    CANCELLED,
    Claim,
    LeaseLost,
    Progress,
    abandon,
    beat,
    begin,
    cancel,
    end,
    hold,
    overdue,
    report,
    rest,
    return_unfinished,
    try_later,
)
from app.services.system.mail import Letter, letter_of, mail_failed, mail_sent, post, require_mail, writes
from app.services.system.notifications import notify, read_notifications

__all__ = [
    "CANCELLED",
    "Claim",
    "LeaseLost",
    "Letter",
    "Progress",
    "abandon",
    "beat",
    "begin",
    "cancel",
    "end",
    "hold",
    "letter_of",
    "mail_failed",
    "mail_sent",
    "notify",
    "overdue",
    "post",
    "read_notifications",
    "report",
    "require_mail",
    "rest",
    "return_unfinished",
    "try_later",
    "writes",
]
