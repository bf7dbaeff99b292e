"""Events: what happened, written in the transaction of the change and read by subscriptions in one order.

The table is the truth; Redis only wakes the readers. `record` writes an event; `dispatcher` reads new ones once for the
whole process and hands them to `subscribers`; `streams` turns them into the values of a subscription.
"""

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.base import Json
from app.postgres import last_statement
from app.postgres.last_statement import Part

EVENTS = Part(
    "events_told AS (INSERT INTO events (topic, payload) SELECT topic, payload FROM {rows} ORDER BY place)",
    topic="text",
    payload="jsonb",
    tells=True,
)


def record(session: AsyncSession, topic: str, payload: Json | None = None) -> None:
    """Records an event in this transaction, which writes it last; its readers are woken after the commit."""
    last_statement.of(session).add(EVENTS, topic, orjson.dumps(payload or {}).decode())
