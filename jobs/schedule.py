"""What runs by the clock: the sweep for lost nudges and lost workers, the heartbeat, the pruning."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import Interval, delete, func, literal
from sqlalchemy.exc import SQLAlchemyError

from app import events
from app.database import Database
from app.errors import DomainError
from app.models import Mail, Session
from app.services import accounts, mapping, system
from app.services.accounts import exports, profiles
from app.services.social import pictures
from app.services.system import banners, digests, logbook, uploads
from app.settings import settings
from jobs.broker import WORKS, Runner

T = TypeVar("T")

log = structlog.get_logger()
HEARTBEAT_KEY = f"fieldgraph:worker:{socket.gethostname()}:{os.getpid()}"
PRUNE_S = 3_600.0
PARTING_S = 60.0


async def sweep(runner: Runner) -> None:
    """Ends what nobody may begin any more, and calls again for what waits too long."""
    async with runner.database.writing() as session:
        for job in await system.abandon(session):
            await WORKS[job.kind].give_up(session, job.subject_id, str(job.error))
    await runner.call(after_s=settings.job_sweep_s)


async def announce(database: Database) -> None:
    """Tells of banners that start and end, and mails what people were told."""
    async with database.writing() as session:
        await banners.announce_banners(session)
    async with database.writing() as session:
        await digests.post_digests(session)


async def prune(database: Database) -> None:
    """Forgets what is old: events, mails, sessions that have ended, what was read, errors, files that nobody uses."""
    kept = literal(timedelta(days=settings.mails_kept_days), Interval)
    async with database.writing() as session:
        await events.prune(session)
        await session.execute(delete(Session).where(Session.expires_at < func.now()))
        await session.execute(delete(Mail).where(Mail.created_at < func.now() - kept))
        await digests.prune_notifications(session)
        await logbook.prune_log_entries(session)
        await mapping.discard_old_files(session)
    await uploads.prune_uploads()
    await profiles.prune_avatars(database)
    await pictures.prune_pictures(database)
    await exports.remove_old_exports(database)


async def beat(redis: Redis) -> None:
    """Says that this worker lives; `fieldgraph doctor` listens."""
    await redis.set(HEARTBEAT_KEY, datetime.now(UTC).isoformat(), px=int(settings.job_sweep_s * 5_000))


async def every(seconds: float, deed: Callable[[T], Awaitable[None]], on: T) -> None:
    """Does something again and again; a failure is logged and costs one turn."""
    while True:
        try:
            await deed(on)
        except (SQLAlchemyError, RedisError, DomainError, OSError) as error:
            log.warning("missed a turn", deed=deed.__name__, error=str(error))
        except Exception:
            log.exception("missed a turn", deed=deed.__name__)
        await asyncio.sleep(seconds)


async def keep_time(runner: Runner) -> None:
    """Everything that runs by the clock, until cancelled."""
    async with Redis.from_url(str(settings.redis_url)) as redis, asyncio.TaskGroup() as group:
        group.create_task(every(settings.job_sweep_s, sweep, runner))
        group.create_task(every(settings.job_sweep_s, beat, redis))
        group.create_task(every(settings.job_sweep_s, announce, runner.database))
        group.create_task(every(PRUNE_S, prune, runner.database))
        group.create_task(every(PARTING_S, accounts.delete_due_accounts, runner.database))
