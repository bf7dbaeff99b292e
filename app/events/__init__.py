"""Events: what happened, written in the transaction of the change and read by subscriptions in one order.

The table is the truth; Redis only wakes the readers. `record` writes an event; `dispatcher` reads new ones once for the
whole process and hands them to `subscribers`; `streams` turns them into the values of a subscription.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from app.models.base import Json
from app.models.system import Event


def record(session: AsyncSession, topic: str, payload: Json | None = None) -> None:
    """Records an event in this transaction; its readers are woken after the commit."""
    session.add(Event(topic=topic, payload=payload or {}))
    session.info["events"] = True


def pop_recorded(session: AsyncSession) -> bool:
    """Whether the transaction recorded an event; false when asked again."""
    return bool(session.info.pop("events", False))
