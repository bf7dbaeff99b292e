"""SQLAlchemy's engine as we use it: within deadlines, with its statements timed, and begun before the first of them."""

from typing import Any, cast

import orjson
import psycopg
import structlog
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import AdaptedConnection, DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.postgres.connection import Session, link, options, punctual
from app.settings import settings
from app.telemetry import tracing
from app.telemetry.metering import current

# A statement that takes a lock mostly waits, for somebody else's work: it is charged up to this.
LOCKS = ("FOR UPDATE", "FOR NO KEY UPDATE", "FOR SHARE", "FOR KEY SHARE", "pg_advisory")
LOCK_S_MAX = 0.05

log = structlog.get_logger(__name__)


def engine(url: str, *, statement_s_max: float) -> AsyncEngine:
    """The connections of one process for sessions."""
    made = create_async_engine(
        url,
        json_deserializer=orjson.loads,  # what it reads, the API can write: numbers of any length, too
        hide_parameters=True,  # they are people's data, and errors are logged
        pool_size=settings.database_pool,
        pool_use_lifo=True,  # few of them stay busy: their statements are prepared, and the server's caches filled
        max_overflow=0,
        pool_timeout=settings.database_pool_wait_s,
        connect_args={
            "options": options(statement_s_max, work_mem=f"{settings.sort_bytes_max}B"),
            "async_creator_fn": punctual(statement_s_max + settings.database_silence_s_max).connect,
            **link(),
        },
    )
    _time(made.sync_engine)
    tracing.statements(made.sync_engine)
    event.listen(made.sync_engine, "connect", _heed_warnings)
    _begin_at_checkout(made.sync_engine)
    return made


def _heed_warnings(dbapi: DBAPIConnection, _record: object) -> None:
    """Log what PostgreSQL warns of: what a role may not do, some commands skip with nothing but a warning."""

    def heed(diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            log.warning("database warned", sqlstate=diagnostic.sqlstate, message=diagnostic.message_primary)

    cast("psycopg.AsyncConnection[Any]", dbapi.driver_connection).add_notice_handler(heed)


def _begin_at_checkout(engine: Engine) -> None:
    """Begins the transaction when a connection is taken from the pool, which shows whether it was lost while idle.

    Nothing has been done on it, so another is opened and the transaction begins there: no ping is needed.
    """

    @event.listens_for(engine, "connect")
    def connected(_dbapi: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        record.info["is_new"] = True

    @event.listens_for(engine, "checkout")
    def begin(dbapi: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        # What was opened just now begins with its first statement. If it is lost, too, there is nothing to try again.
        if record.info.pop("is_new", False):
            return
        try:
            cast("AdaptedConnection", dbapi).run_async(Session.begin)
        except psycopg.Error as error:
            raise InvalidatePoolError from error


def _time(engine: Engine) -> None:
    """Has the time of each statement added to the work it is for."""

    def add(connection: Connection) -> None:
        work, started = current.get(), connection.info.pop("asked", None)
        if work and started:
            work.answered(started, s_max=LOCK_S_MAX if connection.info["locks"] else None)

    @event.listens_for(engine, "before_cursor_execute")
    def begin(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if work := current.get():
            connection.info["locks"] = any(word in statement for word in LOCKS)
            connection.info["asked"] = work.asked()

    @event.listens_for(engine, "after_cursor_execute")
    def end(connection: Connection, *_: object) -> None:
        add(connection)

    @event.listens_for(engine, "handle_error")
    def fail(context: ExceptionContext) -> None:
        # What is lost took its time for no fault of theirs.
        if context.connection is not None and not context.is_disconnect:
            add(context.connection)
