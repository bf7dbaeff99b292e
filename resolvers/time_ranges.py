"""Lists of what happened in a range of time."""

from datetime import datetime
from typing import TypeVar

from sqlalchemy import Select

from app.models.base import Record

R = TypeVar("R", bound=Record)


def created_within(query: Select[R], table: type[R], since: datetime | None, until: datetime | None) -> Select[R]:
    """Only rows that were created at or after one time and before another; null for no bound."""
    if since is not None:
        query = query.where(table.created_at >= since)
    return query if until is None else query.where(table.created_at < until)
