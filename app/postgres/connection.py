"""A connection to PostgreSQL that only reads: prepared statements on bare libpq; a cursor costs more than the query."""

import asyncio
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from socket import SHUT_RDWR, socket
from time import perf_counter
from typing import Any

from psycopg import AsyncConnection, Error, OperationalError, generators
from psycopg.adapt import Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, QueryCanceled, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from app.errors import Busy, DomainError, TimedOut
from app.lru import LRU
from app.postgres.sqlstates import is_transient
from app.settings import settings
from app.telemetry import metering

Row = tuple[Any, ...]
# So often a wait of psycopg's looks at the clock.
WAKES_S = 0.1
GOOD = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
# Where the log (WAL) ends that holds all that others see by now, in bytes.
POSITION = """pg_wal_lsn_diff(CASE WHEN current_setting('synchronous_commit') = 'off' THEN pg_current_wal_insert_lsn()
    ELSE pg_current_wal_flush_lsn() END, '0/0')::bigint"""
# After every other; Redis compares positions as floating-point numbers.
UNKNOWN_POSITION = 2**53


class Lost(Exception):
    """The connection ended before the answer came; since it was a read, it may be asked again."""


def options(statement_s_max: float, **more: str) -> str:
    """What every session is bound to, for libpq's `options`; in UTC, so that all ways of reading read the same."""
    limits = {
        "statement_timeout": statement_s_max,
        "lock_timeout": settings.lock_s_max,
        "idle_in_transaction_session_timeout": settings.transaction_idle_s_max,
    }
    # Statements here are short: to compile one would take longer than to run it.
    session = {"TimeZone": "UTC", "jit": "off"} | {name: str(int(s * 1000)) for name, s in limits.items()} | more
    return " ".join(f"-c {name}={value}" for name, value in session.items())


def link() -> dict[str, Any]:
    """How libpq notices that the other end is gone; what says nothing at all is for our own deadlines."""
    silence_s = max(1, round(settings.database_silence_s_max))
    return {
        "connect_timeout": settings.database_connect_s_max,
        "keepalives_idle": 5 * silence_s,
        "keepalives_interval": silence_s,
        "keepalives_count": 3,
        "tcp_user_timeout": round(1_000 * (settings.database_connect_s_max + silence_s)),
    }


class Session(AsyncConnection[Any]):
    """A connection of the pool: it can begin a transaction before the first statement."""

    _has_only_begun = False
    tells_position = False
    """Whether its next commit tells its place in the log, which takes no second round trip."""

    position = UNKNOWN_POSITION
    """Up to where the log holds the last commit, if its answer had that."""

    async def begin(self) -> None:
        """Sends the BEGIN that psycopg would send with the first statement, if none is sent yet."""
        async with self.lock:
            await self.wait(self._start_query())
        self._has_only_begun = True

    async def wait(self, gen: Any, interval: float = WAKES_S, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - psycopg's
        self._has_only_begun = False
        return await super().wait(gen, interval, timeout)

    def _commit_gen(self) -> Generator[Any, Any, None]:
        tells, self.tells_position = self.tells_position, False
        if not tells or self.pgconn.transaction_status != TransactionStatus.INTRANS:
            yield from super()._commit_gen()
            return
        self.position = UNKNOWN_POSITION
        self.pgconn.send_query(f"COMMIT; SELECT {POSITION}".encode())
        committed, *answers = yield from generators.execute(self.pgconn)
        if committed.status != ExecStatus.COMMAND_OK:
            raise error_from_result(committed)
        if answers and answers[0].status == ExecStatus.TUPLES_OK:
            self.position = int(answers[0].get_value(0, 0) or UNKNOWN_POSITION)

    async def set_autocommit(self, value: bool) -> None:
        """As psycopg's, which refuses it in a transaction: one in which nothing was done is ended first."""
        if self._has_only_begun:
            async with self.lock:
                await self.wait(self._rollback_gen())
        await super().set_autocommit(value)


def punctual(answer_s_max: float) -> type[Session]:
    """A kind of connection that ends when the server says nothing for so long: BEGIN, COMMIT and ROLLBACK included."""

    class Punctual(Session):
        async def wait(self, gen: Any, interval: float = WAKES_S, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - psycopg's
            try:
                return await super().wait(gen, interval, answer_s_max if timeout is None else timeout)
            except OperationalError as error:
                if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                    raise
                # What it would say later must not meet the next statement.
                self.pgconn.finish()
                raise OperationalError(f"The database did not answer for {answer_s_max:g} s.") from error

    return Punctual


def in_words(error: Error) -> DomainError | None:
    """What the database says, in the domain's words, where it has any."""
    if isinstance(error, QueryCanceled):
        return TimedOut("The database took too long. Request less at a time.")
    return Busy() if is_transient(error) else None


def is_alive(connection: AsyncConnection[Any]) -> bool:
    """Whether the server, as far as its socket tells by now, has not ended this connection."""
    try:
        connection.pgconn.consume_input()  # the server's last words, if there are any,
        connection.pgconn.consume_input()  # and behind them the end
    except OperationalError:
        return False
    return connection.pgconn.status == ConnStatus.OK


def abort(connection: AsyncConnection[Any]) -> None:
    """Ends a connection from below: whoever waits for it learns at once that it is lost."""
    with suppress(OSError, OperationalError), socket(fileno=os.dup(connection.pgconn.socket)) as same:
        same.shutdown(SHUT_RDWR)


class PreparedStatement:
    """A statement as one connection prepared it: its name there and how its columns become values."""

    __slots__ = ("_columns_known", "_transformer", "name")

    def __init__(self, name: bytes, connection: AsyncConnection[Any]) -> None:
        self.name = name
        self._transformer = Transformer(connection)
        self._columns_known = False  # they stay: PostgreSQL refuses to run it when they would not

    def rows(self, result: PGresult) -> list[Row]:
        self._transformer.set_pgresult(result, set_loaders=not self._columns_known)
        self._columns_known = True
        try:
            return self._transformer.load_rows(0, result.ntuples, tuple)
        finally:
            self._transformer.set_pgresult(None, set_loaders=False)  # or it would hold the result until the next one


class Connection:
    """One statement at a time: whoever sends another before `busy` is over breaks both."""

    def __init__(self, connection: AsyncConnection[Any], statements_max: int) -> None:
        self._connection = connection
        self._libpq = connection.pgconn
        self._socket = connection.pgconn.socket
        self._loop = asyncio.get_running_loop()
        self._statements: LRU[bytes, PreparedStatement] = LRU(statements_max)
        self._statements_max = statements_max
        self._prepared = 0
        self._asked = 0.0
        self._answer: asyncio.Future[PGresult] | None = None
        self._result: PGresult | None = None
        self.answered_at = 0.0
        """When the last answer was complete, by the clock of `metering.Work.asked`."""
        self.closed = False
        self._loop.add_reader(self._socket, self._on_readable)

    @property
    def waits_s(self) -> float:
        """How long the statement that is under way has been."""
        return self._loop.time() - self._asked if self.busy else 0.0

    @property
    def busy(self) -> bool:
        """Whether a statement is under way, be it one that nobody waits for any more."""
        return self._answer is not None

    async def rows(self, sql: bytes, parameters: Sequence[bytes | None]) -> list[Row]:
        """The rows a statement gives; `Lost`, or what PostgreSQL has against it, which leaves the connection usable."""
        for is_prepared_anew in (False, True):
            statement = self._statements.get(sql) or await self._prepare(sql)
            try:
                return statement.rows(
                    await self._ask(self._libpq.send_query_prepared, statement.name, parameters, None, Format.BINARY)
                )
            except (FeatureNotSupported, InvalidSqlStatementName) as error:
                if is_prepared_anew or not is_outdated(error):
                    raise
            await self._forget(sql)
        raise AssertionError("the second try gives rows or fails")

    async def _prepare(self, sql: bytes) -> PreparedStatement:
        while len(self._statements) >= self._statements_max:
            await self._forget(next(iter(self._statements)))
        self._prepared += 1
        statement = PreparedStatement(b"s%d" % self._prepared, self._connection)
        self._statements.put(sql, statement)  # before it is sent: a cancelled task does not know whether it arrived
        await self._ask(self._libpq.send_prepare, statement.name, sql)
        return statement

    async def _forget(self, sql: bytes) -> None:
        statement = self._statements.get(sql)
        assert statement, "it was prepared"
        with suppress(InvalidSqlStatementName):
            await self._ask(self._libpq.send_query, b"DEALLOCATE " + statement.name)
        self._statements.drop(sql)

    async def settle(self) -> None:
        """Cancels the statement nobody waits for any more; then the connection is as good as new, or closed."""
        if not self.busy:  # it has ended by itself
            return
        drained = self._answer = self._loop.create_future()
        try:
            async with asyncio.timeout(settings.database_connect_s_max):
                await self._connection.cancel_safe()
                with suppress(Error, Lost):  # nobody waits for what it says
                    await drained
        except BaseException:
            self.close()  # a request to cancel that is still on its way must not meet the next statement
            raise

    def close(self) -> None:
        """Ends it; whoever waits for an answer learns that it is lost."""
        if not self.closed:
            self.closed = True
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._libpq.finish()
            self._result = None
            self._deliver()

    def _ask(self, send: Callable[..., None], *what: Any) -> "asyncio.Future[PGresult]":
        try:
            send(*what)
            if self._libpq.flush():
                self._loop.add_writer(self._socket, self._on_writable)
        except OperationalError as error:
            self.close()
            raise Lost from error
        self._asked = self._loop.time()
        self._answer = answer = self._loop.create_future()
        return answer

    def _on_readable(self) -> None:
        try:
            self._libpq.consume_input()
            while not self._libpq.is_busy():
                result = self._libpq.get_result()
                if result is None:
                    self._deliver()
                    return
                self._result = result
        except OperationalError:
            self.close()

    def _on_writable(self) -> None:
        try:
            if not self._libpq.flush():
                self._loop.remove_writer(self._socket)
        except OperationalError:
            self.close()

    def _deliver(self) -> None:
        answer, result = self._answer, self._result
        self._answer = self._result = None
        self.answered_at = perf_counter() - metering.loop.busy_s
        if answer is None or answer.done():  # its task may have been cancelled
            return
        if result is None:
            answer.set_exception(Lost())
        elif result.status not in GOOD:
            answer.set_exception(error_from_result(result))
        else:
            answer.set_result(result)


def is_outdated(error: Error) -> bool:
    """Whether it was prepared for tables that have changed since, or is no longer prepared; messages are translated."""
    if isinstance(error, InvalidSqlStatementName):
        return True
    return error.diag.source_function == "RevalidateCachedQuery"
