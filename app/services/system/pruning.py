"""Pruning of old rows: every kind in one register, deleted in small transactions.

Each kind is registered by the code that knows when its rows are old. Deletion never takes a long transaction, which
would hold back all readers of events, nor waits for locked rows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Interval, Select, delete, func, inspect, literal, select
from sqlalchemy.orm import QueryableAttribute

from app.database import Database, ReadSession
from app.events import retention
from app.models.accounts import Session
from app.models.base import Base
from app.models.kinds import JobKind
from app.models.system import Event, IdempotencyKey, Job, JobState, LogEntry, Mail, UserNotification
from app.settings import settings

Condition = Callable[[ReadSession], Awaitable[ColumnElement[bool]]]
COUNTED_MAX = 100_000


@dataclass(frozen=True)
class Prunable:
    """Rows of a table that are deleted when a condition holds; the condition is built once per run."""

    table: type[Base]
    condition: Condition


KINDS: dict[str, Prunable] = {}
_followers: list[Callable[[str], None]] = []


def prunable(name: str, table: type[Base]) -> Callable[[Condition], Condition]:
    """Registers a kind of rows."""

    def register(condition: Condition) -> Condition:
        assert name not in KINDS, f"{name} are pruned twice"
        KINDS[name] = Prunable(table, condition)
        for tell in _followers:
            tell(name)
        return condition

    return register


def follow(tell: Callable[[str], None]) -> None:
    """Tells the name of every kind, also of those that are registered later: services are imported in any order."""
    _followers.append(tell)
    for name in KINDS:
        tell(name)


def older_than(column: ColumnElement[Any] | QueryableAttribute[Any], **age: float) -> ColumnElement[bool]:
    """Whether a time is longer ago than this."""
    return column < func.now() - literal(timedelta(**age), Interval)


async def prune(database: Database, name: str) -> int:
    """Deletes the rows of a kind, each batch in its own transaction; returns how many."""
    kind, count, last = KINDS[name], 0, 0
    async with database.reading() as reading:
        is_old = await kind.condition(reading)
    while True:
        async with database.writing() as session:
            batch, last = (await session.execute(_batch(kind.table, is_old, after=last))).one()
        count += batch
        if batch < settings.prune_rows_max:
            return count
        await asyncio.sleep(settings.prune_pause_s)


def _batch(table: type[Base], is_old: ColumnElement[bool], *, after: int) -> Select[int, int]:
    """Deletes some rows; returns how many and the last one, where the next batch continues."""
    [key] = inspect(table).primary_key
    old = select(key.label("key")).where(is_old, key > after).order_by(key).limit(settings.prune_rows_max)
    some = old.with_for_update(skip_locked=True).cte("some")
    gone = delete(table).where(key.in_(select(some.c.key))).cte("gone")
    return select(func.count(), func.coalesce(func.max(some.c.key), 0)).select_from(some).add_cte(gone)


async def waiting(session: ReadSession, name: str) -> int:
    """The number of rows of a kind to be deleted, counted up to a bound."""
    kind = KINDS[name]
    some = select(1).select_from(kind.table.__table__).where(await kind.condition(session)).limit(COUNTED_MAX)
    return (await session.execute(select(func.count()).select_from(some.subquery()))).scalar_one()


@prunable("events", Event)
async def _events(session: ReadSession) -> ColumnElement[bool]:
    return await retention.is_prunable(session)


@prunable("sessions", Session)
async def _sessions(_session: ReadSession) -> ColumnElement[bool]:
    return Session.expires_at < func.now()


@prunable("mails", Mail)
async def _mails(_session: ReadSession) -> ColumnElement[bool]:
    return older_than(Mail.created_at, days=settings.mails_kept_days)


@prunable("notifications", UserNotification)
async def _notifications(_session: ReadSession) -> ColumnElement[bool]:
    return older_than(UserNotification.read_at, days=settings.notifications_read_kept_days)


@prunable("log_entries", LogEntry)
async def _log_entries(_session: ReadSession) -> ColumnElement[bool]:
    return older_than(LogEntry.created_at, days=settings.log_kept_days)


ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@prunable("jobs", Job)
async def _jobs(_session: ReadSession) -> ColumnElement[bool]:
    pruned = Job.kind.in_([kind for kind in JobKind if kind.is_pruned])
    return pruned & Job.state.in_(ENDED) & older_than(Job.finished_at, days=settings.jobs_kept_days)


@prunable("idempotency keys", IdempotencyKey)
async def _idempotency_keys(_session: ReadSession) -> ColumnElement[bool]:
    return older_than(IdempotencyKey.created_at, hours=settings.idempotency_keys_kept_hours)
