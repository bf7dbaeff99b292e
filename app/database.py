"""The engine and its two kinds of session. A transaction begins and ends here, and nowhere else."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any, NewType, cast

import orjson
import psycopg
import structlog
from sqlalchemy import Connection, Constraint, Engine, Index, event, func, select
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import AdaptedConnection, DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app import last_statement, queue, redis_client, tracing
from app.after_commit import Aside
from app.connection import Session, hang_up, in_words, is_alive, link, options, punctual
from app.errors import Busy, Conflict, OutcomeUnknown, TransactionTooLong
from app.events import waking
from app.last_statement import Last
from app.metering import current
from app.models.base import Base
from app.reader import Reader
from app.settings import settings

ReadSession = NewType("ReadSession", AsyncSession)
WriteSession = NewType("WriteSession", ReadSession)
Deed = Callable[[], Awaitable[object]]

# By these PostgreSQL says that the connection ends; whether it had committed before, it does not say.
ENDS_CONNECTION = ("08", "57P")

# A statement that takes a lock mostly waits, for somebody else's work: it is charged up to this.
LOCKS = ("FOR UPDATE", "FOR NO KEY UPDATE", "FOR SHARE", "FOR KEY SHARE", "pg_advisory")
LOCK_S_MAX = 0.05

log = structlog.get_logger(__name__)


class Database:
    """The connection pool of one process."""

    def __init__(
        self,
        url: str,
        redis_url: str,
        *,
        statement_s_max: float = settings.statement_s_max,
        transaction_s_max: float = settings.transaction_s_max,
    ) -> None:
        self.engine = create_async_engine(
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
        self._transaction_s_max = transaction_s_max
        _time(self.engine.sync_engine)
        tracing.statements(self.engine.sync_engine)
        event.listen(self.engine.sync_engine, "connect", _heed_warnings)
        _begin_at_checkout(self.engine.sync_engine)
        self.reader = Reader(url, statement_s_max=statement_s_max)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._redis = redis_client.client(redis_url)
        self._nudges: Aside[queue.Nudge] = Aside("nudges", queue.nudge)
        self._wakes: Aside[None] = Aside("wake-ups", self._wake)
        self._deeds: Aside[Deed] = Aside("deeds", _do_all)
        self._turns = asyncio.Semaphore(max(1, settings.database_pool // 2))

    @asynccontextmanager
    async def reading(self, *, in_turn: bool = False) -> AsyncIterator[ReadSession]:
        """A session for reads; each batch of reads opens its own, since sessions do not share.

        One event may wake hundreds of subscriptions at once. They read `in_turn`: however long that takes, none of
        them is refused, and half of the pool stays free for those who ask.
        """
        async with self._turns if in_turn else nullcontext():
            with _in_words():
                async with self._sessions() as session:
                    yield ReadSession(session)
                    await _end_reading(session)

    @asynccontextmanager
    async def writing(self, *, s_max: float | None = None) -> AsyncIterator[WriteSession]:
        """One transaction: commits on success, rolls back on any error.

        Raises `TransactionTooLong` if all of it, up to its COMMIT, takes longer than it may: readers of events wait for
        the oldest transaction that writes. Raises `OutcomeUnknown` if it may have been committed or not. What follows a
        commit, its nudges and wake-ups, is done aside: it neither delays nor changes the answer.
        """
        with _in_words():
            async with (
                _bounded(self._transaction_s_max if s_max is None else s_max) as limit,
                self._sessions() as session,
            ):
                await session.begin()
                yield WriteSession(ReadSession(session))
                await session.flush()
                last = last_statement.taken_from(session)
                await last.write(session)
                limit.reschedule(None)  # a COMMIT has a limit of its own, and cannot be taken back
                try:
                    await _commit(session)
                except (OutcomeUnknown, asyncio.CancelledError):
                    self._tell(session, last)  # it may be committed, and telling for nothing does no harm
                    raise
                self._tell(session, last)
                self._deeds.put(session.info.pop("deeds", []))

    def _tell(self, session: AsyncSession, last: Last) -> None:
        self._nudges.put(queue.pop_nudges(session))
        self._wakes.put([None] if last.events else [])

    async def _wake(self, _: Sequence[None]) -> None:
        await waking.wake(self._redis)

    async def close(self) -> None:
        """Finishes what follows the last commits, and closes every connection."""
        await asyncio.gather(self._nudges.close(), self._wakes.close(), self._deeds.close())
        await self._redis.aclose()
        await self.reader.close()
        await self.engine.dispose()


def after_commit(session: WriteSession, deed: Deed) -> None:
    """Has this done once the transaction has committed, and not before; its failure is logged."""
    session.info.setdefault("deeds", []).append(deed)


async def _do_all(deeds: Sequence[Deed]) -> None:
    for deed in deeds:
        await deed()


@asynccontextmanager
async def _bounded(s_max: float) -> AsyncIterator[asyncio.Timeout]:
    """Cancels what takes longer, which rolls it back."""
    limit = asyncio.timeout(s_max)
    try:
        async with limit:
            yield limit
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise TransactionTooLong(s_max) from error


async def _end_reading(session: AsyncSession) -> None:
    """Ends a transaction by COMMIT: after a ROLLBACK the driver would have to prepare all its statements anew."""
    if session.in_transaction():
        try:
            await (await driver_of(session)).commit()
        except psycopg.Error:
            await session.invalidate()  # what was read is read


async def _commit(session: AsyncSession) -> None:
    """Commits, even if nobody waits any more: a COMMIT under way cannot be taken back. One without an answer is cut."""
    connection = await driver_of(session)
    if not is_alive(connection):
        raise Busy  # no COMMIT is sent, so nothing is changed
    committing = asyncio.create_task(session.commit())
    limit = asyncio.get_running_loop().call_later(settings.commit_s_max, hang_up, connection)
    cancelled = None
    while not committing.done():
        try:
            await asyncio.wait({committing})
        except asyncio.CancelledError as error:
            cancelled = error
    limit.cancel()
    failure = committing.exception()
    if cancelled:
        raise cancelled
    if isinstance(failure, DBAPIError):
        state = getattr(failure.orig, "sqlstate", None)
        if state is None or state.startswith(ENDS_CONNECTION):
            raise OutcomeUnknown from failure
    if failure:
        raise failure


async def copy_in(session: WriteSession, statement: str, pieces: AsyncIterable[bytes]) -> None:
    """Sends rows in the text format of COPY, which is many times as fast as inserting them."""
    async with (await driver_of(session)).cursor() as cursor, cursor.copy(statement) as copy:
        async for piece in pieces:
            await copy.write(piece)


async def copy_out(session: ReadSession, statement: str, values: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
    """What a COPY … TO STDOUT answers, piece by piece; its values are named `%(name)s`."""
    async with (await driver_of(session)).cursor() as cursor, cursor.copy(statement, values) as copy:
        async for piece in copy:
            yield bytes(piece)


async def driver_of(session: AsyncSession) -> "psycopg.AsyncConnection[Any]":
    """The connection of a session, for what SQLAlchemy does not do."""
    fairy = await (await session.connection()).get_raw_connection()
    return cast("psycopg.AsyncConnection[Any]", fairy.driver_connection)


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


@asynccontextmanager
async def part(session: WriteSession) -> AsyncIterator[None]:
    """A part of a transaction, which is undone alone if it fails."""
    told, locks = last_statement.of(session).events, _locks(session)
    told_before, locks_before = len(told), set(locks)
    try:
        async with session.begin_nested():
            yield
    except BaseException:
        del told[told_before:]
        locks &= locks_before  # PostgreSQL releases what was locked since
        raise


async def lock(session: WriteSession, what: str) -> None:
    """Waits until no other transaction holds the lock of this name, and holds it until this one ends."""
    held = _locks(session)
    if what not in held:
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(what, 0))))
        held.add(what)


def _locks(session: AsyncSession) -> set[str]:
    held: set[str] = session.info.setdefault("locks", set())
    return held


@contextmanager
def _in_words() -> Iterator[None]:
    """What the database says, in the domain's words."""
    try:
        yield
    except IntegrityError as error:
        raise conflict_from(error) from error
    except PoolTimeout:
        raise Busy from None
    except DBAPIError as error:
        wording = in_words(error.orig) if isinstance(error.orig, psycopg.Error) else None
        if wording is None:
            raise
        raise wording from error


def conflict_from(error: IntegrityError) -> Exception:
    """The message declared beside the violated constraint or index, or one for all keys, or the error itself."""
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    for table in Base.metadata.tables.values():
        rules: list[Constraint | Index] = [*table.constraints, *table.indexes]
        for rule in rules:
            if rule.name == name and "conflict" in rule.info:
                return Conflict(rule.info["conflict"])
    if isinstance(error.orig, psycopg.errors.ForeignKeyViolation):
        return Conflict(
            "A related row was deleted meanwhile, or other rows still depend on this one. Reload and try again."
        )
    return error
