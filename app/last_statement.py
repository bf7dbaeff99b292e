"""What a transaction writes last, in one statement: its events, and the outcome stored under an idempotency key.

Nothing else in the transaction reads these rows, so they can wait for its end. One statement costs about as much as one
row in it.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ARRAY, BigInteger, LargeBinary, String, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.base import Json

_EVENTS = """
INSERT INTO events (topic, payload)
SELECT topic, payload::jsonb FROM unnest(:topics, :payloads) WITH ORDINALITY AS told (topic, payload, place)
ORDER BY place
"""
_OUTCOME = """
INSERT INTO idempotency_keys (user_id, key, field, request, outcome)
VALUES (:user_id, :key, :field, :request, :outcome)
"""
_OF_EVENTS = bindparam("topics", type_=ARRAY(Text)), bindparam("payloads", type_=ARRAY(Text))
_OF_OUTCOME = (
    bindparam("user_id", type_=BigInteger),
    bindparam("key", type_=String),
    bindparam("field", type_=String),
    bindparam("request", type_=LargeBinary),
    bindparam("outcome", type_=JSONB),
)
_WITH_EVENTS = text(_EVENTS).bindparams(*_OF_EVENTS)
_WITH_OUTCOME = text(_OUTCOME).bindparams(*_OF_OUTCOME)
_WITH_BOTH = text(f"WITH events_told AS ({_EVENTS}) {_OUTCOME}").bindparams(*_OF_EVENTS, *_OF_OUTCOME)
_PLACE = "last statement"


class Outcome(NamedTuple):
    """What a field of a request came to, under the request's idempotency key."""

    user_id: int
    key: str
    field: str
    request: bytes
    outcome: Json


@dataclass
class Last:
    """What one transaction writes last."""

    events: list[tuple[str, Json]] = field(default_factory=list)
    outcome: Outcome | None = None

    async def write(self, session: AsyncSession) -> None:
        """Sends the statement, if there is anything to write."""
        values: dict[str, Any] = {}
        if self.events:
            values["topics"] = [topic for topic, _ in self.events]
            values["payloads"] = [orjson.dumps(payload).decode() for _, payload in self.events]
        if self.outcome:
            values |= self.outcome._asdict()
        if values:
            statement = _WITH_BOTH if self.events and self.outcome else _WITH_EVENTS if self.events else _WITH_OUTCOME
            await (await session.connection()).execute(statement, values)


def of(session: AsyncSession) -> Last:
    """What this session's transaction writes last, so far."""
    last: Last = session.info.setdefault(_PLACE, Last())
    return last


def taken_from(session: AsyncSession) -> Last:
    """The same; it is empty when asked again."""
    last: Last = session.info.pop(_PLACE, None) or Last()
    return last
