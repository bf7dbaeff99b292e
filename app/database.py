"""The servers and their two kinds of session. A transaction begins and ends here, and nowhere else."""

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

import psycopg
from sqlalchemy import Constraint, Index
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session as SyncSession

from app import queue, redis_client
from app.errors import Busy, Conflict, OutcomeUnknown, TransactionTooLong
from app.events import waking
from app.models.base import Base
from app.postgres import last_statement
from app.postgres.after_commit import Aside
from app.postgres.connection import UNKNOWN_POSITION, Session, abort, in_words, is_alive
from app.postgres.engines import engine
from app.postgres.last_statement import Last
from app.postgres.reader import Reader, ReplicaReader, failing
from app.postgres.replica import Replica
from app.postgres.sqlstates import ends_connection
from app.settings import settings

ReadSession = NewType("ReadSession", AsyncSession)
WriteSession = NewType("WriteSession", ReadSession)
Deed = Callable[[], Awaitable[object]]

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


class FlushingSession(SyncSession):
    """A session that writes what was changed before it reads a row again: SQLAlchemy drops it."""

    def refresh(self, instance: object, *arguments: Any, **options: Any) -> None:
        """Reads a row again."""
        self.flush()
        super().refresh(instance, *arguments, **options)


class Reads:
    """Where a process reads: sessions, and prepared statements, on one server."""

    def __init__(self, url: str, reader: Reader, *, statement_s_max: float) -> None:
        self.engine = engine(url, statement_s_max=statement_s_max)
        self.reader = reader
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False, sync_session_class=FlushingSession)
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

    async def close(self) -> None:
        """Closes every connection."""
        await self.reader.close()
        await self.engine.dispose()


class ReplicaReads(Reads):
    """The same at a replica: failures there raise ReplicaFailed."""

    def __init__(self, url: str, replica: Replica, *, statement_s_max: float) -> None:
        reader = ReplicaReader(url, statement_s_max=statement_s_max, doubt=replica.doubt)
        super().__init__(url, reader, statement_s_max=statement_s_max)
        self._doubt = replica.doubt

    @asynccontextmanager
    async def reading(self, *, in_turn: bool = False) -> AsyncIterator[ReadSession]:
        """A session for one batch of reads."""
        with failing(self._doubt):
            async with super().reading(in_turn=in_turn) as session:
                yield session


class Database(Reads):
    """The connections of one process: to the primary, where all is written, and to a replica, if there is one."""

    def __init__(
        self,
        url: str,
        redis_url: str,
        *,
        replica_url: str | None = None,
        statement_s_max: float = settings.statement_s_max,
        transaction_s_max: float = settings.transaction_s_max,
    ) -> None:
        super().__init__(url, Reader(url, statement_s_max=statement_s_max), statement_s_max=statement_s_max)
        self._transaction_s_max = transaction_s_max
        self._redis = redis_client.client(redis_url)
        self._nudges: Aside[queue.Nudge] = Aside("nudges", queue.nudge)
        self._wakes: Aside[None] = Aside("wake-ups", self._wake)
        self._deeds: Aside[Deed] = Aside("deeds", _do_all)
        self.replica = Replica(url, replica_url, redis_url) if replica_url else None
        """How the replica is, once its `background` is started."""
        self._there = (
            ReplicaReads(replica_url, self.replica, statement_s_max=statement_s_max)
            if replica_url and self.replica
            else None
        )

    async def reads_of(self, user_id: int | None) -> Reads:
        """Where a query of a person, or of a stranger, is read so that they find what they have written."""
        if self.replica is None or self._there is None:
            return self
        serves = self.replica.serves_strangers() if user_id is None else await self.replica.serves(user_id)
        return self._there if serves else self

    def reads_now(self, user_id: int | None) -> Reads:
        """The same without asking anybody: what a person has written, only the primary has for certain."""
        if self.replica is None or self._there is None or user_id is not None:
            return self
        return self._there if self.replica.serves_strangers() else self

    async def remember(self, session: WriteSession, user_id: int | None) -> None:
        """Have a person find what a session has written, also at a replica; to be called before they are answered."""
        position = session.info.pop("position", None)
        if self.replica is not None and position is not None:
            for writer in (user_id, session.info.pop("signed in", None)):
                if writer is not None:
                    await self.replica.remember(writer, position)

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
                    await self._commit(session)
                except (OutcomeUnknown, asyncio.CancelledError):
                    self._tell(session, last)  # it may be committed, and telling for nothing does no harm
                    raise
                self._tell(session, last)
                self._deeds.put(session.info.pop("deeds", []))

    async def _commit(self, session: AsyncSession) -> None:
        if self.replica is None:
            await _commit(session)
            return
        connection = await driver_of(session)
        connection.tells_position = True
        session.info["position"] = UNKNOWN_POSITION  # it may be committed, even if that fails
        await _commit(session)
        session.info["position"] = connection.position

    def _tell(self, session: AsyncSession, last: Last) -> None:
        self._nudges.put(queue.pop_nudges(session))
        self._wakes.put([None] if last.tells else [])

    async def _wake(self, _: Sequence[None]) -> None:
        await waking.wake(self._redis)

    async def settle(self) -> None:
        """Finishes what follows the last commits."""
        await asyncio.gather(self._nudges.close(), self._wakes.close(), self._deeds.close())

    async def close(self) -> None:
        """Finishes what follows the last commits, and closes every connection."""
        await self.settle()
        await self._redis.aclose()
        if self.replica is not None and self._there is not None:
            await self.replica.close()
            await self._there.close()
        await super().close()


def after_commit(session: WriteSession, deed: Deed) -> None:
    """Has this done once the transaction has committed, and not before; its failure is logged."""
    session.info.setdefault("deeds", []).append(deed)


def acts_for(session: WriteSession, user_id: int) -> None:
    """Says who is signed in by this transaction: what it writes is theirs, too."""
    session.info["signed in"] = user_id


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
    limit = asyncio.get_running_loop().call_later(settings.commit_s_max, abort, connection)
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
    if isinstance(failure, DBAPIError) and (
        not isinstance(failure.orig, psycopg.Error) or ends_connection(failure.orig)
    ):
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


async def driver_of(session: AsyncSession) -> Session:
    """The connection of a session, for what SQLAlchemy does not do."""
    fairy = await (await session.connection()).get_raw_connection()
    return cast("Session", fairy.driver_connection)


@asynccontextmanager
async def part(session: WriteSession) -> AsyncIterator[None]:
    """A part of a transaction, which is undone alone if it fails."""
    last, locks = last_statement.of(session), _locks(session)
    lengths_before, locks_before = last.lengths(), set(locks)
    try:
        async with session.begin_nested():
            yield
    except BaseException:
        last.cut(lengths_before)
        locks &= locks_before  # PostgreSQL releases what was locked since
        raise


async def lock(session: WriteSession, what: str) -> None:
    """Waits until no other transaction holds the lock of this name, and holds it until this one ends."""
    held = _locks(session)
    if what not in held:
        await (await session.connection()).exec_driver_sql(_LOCK, (what,))
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
