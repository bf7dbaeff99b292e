"""How long events are kept."""

from datetime import timedelta

from sqlalchemy import ColumnElement, Interval, and_, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.system import Event
from app.settings import settings


def is_expired() -> ColumnElement[bool]:
    """Whether an event is older than events are kept."""
    return Event.created_at < func.now() - literal(timedelta(days=settings.events_kept_days), Interval)


async def is_prunable(session: AsyncSession) -> ColumnElement[bool]:
    """Whether an event may be deleted: the expired ones, except for the newest of them.

    That one stays as proof that there were events after an old cursor.
    """
    last = select(Event.id).where(is_expired()).order_by(Event.xid.desc(), Event.id.desc()).limit(1)
    return and_(is_expired(), Event.id != (await session.scalar(last) or 0))
