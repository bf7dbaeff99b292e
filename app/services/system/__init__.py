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
    return_unfinished,
    try_later,
)
from app.services.system.notifications import notify, read_notifications

__all__ = [
    "CANCELLED",
    "Claim",
    "LeaseLost",
    "Progress",
    "abandon",
    "beat",
    "begin",
    "cancel",
    "end",
    "hold",
    "notify",
    "overdue",
    "read_notifications",
    "report",
    "return_unfinished",
    "try_later",
]
