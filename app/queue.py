"""Work to be done later: PostgreSQL keeps it, Redis carries the nudges.

A job is a row written in the transaction that asks for it. After the commit a message with its id is sent; if that is
lost, the sweep in `jobs/schedule.py` sends it again. So a message is never the truth, only a hint to look.
"""

import asyncio
from collections.abc import Sequence
from functools import cache

import structlog
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Job, JobKind
from app.redis_client import threads_client
from app.settings import settings

log = structlog.get_logger()

Nudge = tuple[int, JobKind]


@cache
def broker() -> RedisBroker:
    """The way to the workers; no actor is declared here, so no worker's library is loaded."""
    return RedisBroker(client=threads_client(str(settings.redis_url)), middleware=[])  # type: ignore[no-untyped-call]


async def enqueue(
    session: AsyncSession, kind: JobKind, *, subject_id: int, user_id: int | None, attempts_max: int | None = None
) -> Job:
    """A new job about a row, to be begun once this transaction has committed."""
    job = Job(kind=kind, subject_id=subject_id, user_id=user_id, attempts_max=attempts_max or settings.job_attempts_max)
    session.add(job)
    await session.flush()
    session.info.setdefault("nudges", []).append((job.id, kind))
    return job


def taken_from(session: AsyncSession) -> list[Nudge]:
    """The nudges a transaction owes, once."""
    nudges: list[Nudge] = session.info.pop("nudges", [])
    return nudges


async def nudge(nudges: Sequence[Nudge]) -> None:
    """Tells the workers. A Redis that is away costs latency and nothing else: the sweep tells them later."""
    if not nudges:
        return
    try:
        await asyncio.to_thread(_send, nudges)
    except (RedisError, BrokerConnectionError, OSError) as error:
        log.warning("nudge lost", error=str(error), jobs=[id for id, _ in nudges])


def _send(nudges: Sequence[Nudge]) -> None:
    for id, kind in nudges:
        broker().enqueue(
            Message(queue_name="default", actor_name=kind.value.lower(), args=(id,), kwargs={}, options={})
        )
