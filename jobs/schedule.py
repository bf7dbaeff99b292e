"""What runs by the clock: the sweep for lost nudges and lost workers, the heartbeat, the pruning."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError

from app import queue
from app.database import Database
from app.errors import DomainError
from app.models import Event, Session
from app.services import system
from app.settings import settings
from jobs.broker import WORKS

log = structlog.get_logger()
HEARTBEAT_KEY = f"fieldgraph:worker:{socket.gethostname()}:{os.getpid()}"
PRUNE_S = 3_600.0


async def sweep(database: Database) -> None:
    """Calls again for what waits too long, and ends what nobody may begin any more."""
    async with database.writing() as session:
        for job in await system.abandon(session):
            reason = "Cancelled." if job.cancel_requested else job.error or ""
            await WORKS[job.kind].failed(session, job.subject_id, reason)
        waiting = await system.overdue(session, after_s=settings.job_sweep_s)
    await queue.nudge(waiting)


async def prune(database: Database) -> None:
    """Forgets old events and sessions that have ended."""
    now = datetime.now(UTC)
    async with database.writing() as session:
        await session.execute(delete(Event).where(Event.created_at < now - timedelta(days=settings.events_kept_days)))
        await session.execute(delete(Session).where(Session.expires_at < now))


async def beat(redis: Redis) -> None:
    """Says that this worker lives; `fieldgraph doctor` listens."""
    await redis.set(HEARTBEAT_KEY, datetime.now(UTC).isoformat(), ex=int(settings.job_sweep_s * 5))


async def every(seconds: float, deed: Callable[[], Awaitable[None]]) -> None:
    """Does something again and again; a failure is logged and costs one turn."""
    while True:
        try:
            await deed()
        except (SQLAlchemyError, RedisError, DomainError, OSError) as error:
            log.warning("missed a turn", deed=getattr(deed, "__name__", "?"), error=str(error))
        await asyncio.sleep(seconds)


async def keep_time(database: Database) -> None:
    """Everything that runs by the clock, until cancelled."""
    async with Redis.from_url(str(settings.redis_url)) as redis, asyncio.TaskGroup() as group:
        group.create_task(every(settings.job_sweep_s, lambda: sweep(database)))
        group.create_task(every(settings.job_sweep_s, lambda: beat(redis)))
        group.create_task(every(PRUNE_S, lambda: prune(database)))
