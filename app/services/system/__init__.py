"""What the other domains stand on: the life of jobs, telling people, and keeping who changed what."""

from app.services.system.grouped import read_together, tell_no_more, tell_together, unname
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
from app.services.system.notifications import (
    delete_notifications,
    notify,
    read_all_notifications,
    read_notifications,
    unread_counts,
)
from app.services.system.pace import Pace
from app.services.system.queue import QueueLoad, Turn, queue_loads, turns
from app.services.system.uploads import Uploaded, UploadLink, upload_link, uploaded

__all__ = [
    "CANCELLED",
    "Claim",
    "LeaseLost",
    "Letter",
    "Pace",
    "Progress",
    "QueueLoad",
    "Turn",
    "UploadLink",
    "Uploaded",
    "abandon",
    "beat",
    "begin",
    "cancel",
    "delete_notifications",
    "end",
    "hold",
    "letter_of",
    "mail_failed",
    "mail_sent",
    "notify",
    "overdue",
    "post",
    "queue_loads",
    "read_all_notifications",
    "read_notifications",
    "read_together",
    "report",
    "require_mail",
    "rest",
    "return_unfinished",
    "tell_no_more",
    "tell_together",
    "try_later",
    "turns",
    "unname",
    "unread_counts",
    "upload_link",
    "uploaded",
    "writes",
]
