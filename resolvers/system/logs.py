"""The error log."""

from datetime import datetime

from sqlalchemy import Select, or_

from app import checks
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.system import LogEntry, LogLevel
from app.policies import signed_in, visible
from resolvers.context import Info
from resolvers.time_ranges import created_within


def log_entries(
    info: Info,
    level: LogLevel | None = None,
    search: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Select[LogEntry]:
    """The error log of this installation. For staff; empty for others.

    level: Only errors of this level.
    search: Only errors whose message, logger, module, function or request id contains this text, ignoring case.
    since: Only entries at or after this time.
    until: Only entries before this time.
    """
    signed_in(info.context.viewer)
    query = visible(LogEntry, info.context.viewer)
    if level is not None:
        query = query.where(LogEntry.level == level)
    sought = checks.optional_text("search", search, length_max=NOTE_LENGTH_MAX)
    if sought is not None:
        columns = (
            LogEntry.message,
            LogEntry.logger,
            LogEntry.main_module,
            LogEntry.main_function,
            LogEntry.request_id,
        )
        query = query.where(or_(*(column.icontains(sought, autoescape=True) for column in columns)))
    return created_within(query, LogEntry, since, until)
