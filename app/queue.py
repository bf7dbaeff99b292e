"""Work to be done later: PostgreSQL keeps it, Redis carries the nudges.

A job is a row written in the transaction that asks for it. After the commit a message is sent; if that is lost, the
sweep in `jobs/schedule.py` finds the job. So a message is never the truth, only a hint to look.
"""

import asyncio
from collections.abc import Sequence
from functools import cache

import structlog
from dramatiq import Consumer, Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import dq_name
from dramatiq.errors import BrokerConnectionError
from redis.exceptions import RedisError
from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.kinds import JobKind, Lane
from app.models.system import Job, JobState
from app.operations import disk
from app.redis_client import threads_client
from app.settings import settings

log = structlog.get_logger()

Nudge = tuple[int, JobKind]
# How long Dramatiq waits where it keeps what is sent for later.
LATER_MS = 500

# Written out, not bound: only so does PostgreSQL know that a partial index holds all that is asked for.
IS_QUEUED = Job.state == bindparam(None, JobState.QUEUED, Job.state.type, literal_execute=True)
IS_RUNNING = Job.state == bindparam(None, JobState.RUNNING, Job.state.type, literal_execute=True)
IS_UNFINISHED = Job.state.in_(
    bindparam("unfinished", (JobState.QUEUED, JobState.RUNNING), expanding=True, literal_execute=True)
)


class _Broker(RedisBroker):
    """Looks seldom where Dramatiq keeps what is sent for later: nothing ever is, and each look is a call of Redis."""

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5_000) -> Consumer:
        is_for_later = queue_name == dq_name(queue_name)
        return super().consume(queue_name, prefetch, max(timeout, LATER_MS) if is_for_later else timeout)


def broker() -> RedisBroker:
    """The way to the workers; no actor is declared here, so no worker's library is loaded."""
    return _broker(str(settings.redis_url))


@cache
def _broker(url: str) -> RedisBroker:
    return _Broker(client=threads_client(url), middleware=[])  # type: ignore[no-untyped-call]


async def enqueue(
    session: AsyncSession,
    kind: JobKind,
    *,
    subject_id: int,
    user_id: int | None,
    account_key: int | None = None,
    attempts_max: int | None = None,
) -> Job:
    """A new job about a row, to be begun once this transaction has committed.

    It takes its turn as `account_key`: the user's unless another is given, and the installation's where there is none.
    What somebody asks for is refused while a disk is nearly full; what only follows from it may make room.
    """
    if kind.rate_limit is not None:
        disk.require_room()
    key = account_key if account_key is not None else user_id or 0
    job = Job(
        kind=kind,
        subject_id=subject_id,
        user_id=user_id,
        account_key=key,
        turn=await next_turn(session, kind.lane, key),
        attempts_max=attempts_max or settings.job_attempts_max,
    )
    session.add(job)
    await session.flush()
    session.info.setdefault("nudges", []).append((job.id, kind))
    return job


async def next_turn(session: AsyncSession, lane: Lane, account_key: int) -> int:
    """The turn of an account's next job in a lane: behind its own, but beside the first of everybody else's.

    This is start-time fair queueing: each account's jobs are numbered one by one, and whoever has none joins at the
    number that is being worked on. So accounts take turns, however many jobs one of them has, and a job's place is
    known when it is queued.
    """
    if lane is not Lane.QUICK:
        # Requests of one account sent at the same instant must not all get the same turn. A quick job's turn is not
        # worth a lock: mails are posted from within all kinds of transactions.
        name = func.hashtextextended(f"turn {lane.value} {account_key}", 0)
        await session.execute(select(func.pg_advisory_xact_lock(name)))
    here = Job.lane == lane
    own = select(func.max(Job.turn) + 1).where(here, Job.account_key == account_key, IS_UNFINISHED)
    begun = select(func.max(Job.turn)).where(here, IS_RUNNING)
    first = select(func.min(Job.turn)).where(here, IS_QUEUED)
    now = func.coalesce(begun.scalar_subquery(), first.scalar_subquery(), 0)
    turn: int = (await session.execute(select(func.greatest(own.scalar_subquery(), now)))).scalar_one()
    return turn


def pop_nudges(session: AsyncSession) -> list[Nudge]:
    """The nudges of a transaction, and none when asked again."""
    nudges: list[Nudge] = session.info.pop("nudges", [])
    return nudges


async def nudge(nudges: Sequence[Nudge]) -> None:
    """Tells the workers. A Redis that is away costs latency and nothing else: they look for themselves, too."""
    if not nudges:
        return
    try:
        await asyncio.to_thread(_send, nudges)
    except (RedisError, BrokerConnectionError, OSError) as error:
        log.warning("nudge lost", error=str(error), jobs=[id for id, _ in nudges])


def _send(nudges: Sequence[Nudge]) -> None:
    # It names no job: whoever receives it begins the one whose turn it is.
    for _, kind in nudges:
        name = queue_of(kind.lane)
        broker().enqueue(Message(queue_name=name, actor_name=name, args=(), kwargs={}, options={}))


def queue_of(lane: Lane) -> str:
    """The name of a lane's queue in Redis, and of the actor that listens to it."""
    return lane.value.lower()
