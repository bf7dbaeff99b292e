"""Statements on one connection that do not wait for each other's answers (libpq's pipeline mode).

For rows by their keys alone: a statement that takes long would hold up all that come behind it. Callers are answered by
a callback. A pipeline only proves success: if the connection is lost or the statement refused they get None, and
ask in the ordinary way.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any

import structlog
from psycopg import AsyncConnection, Error, OperationalError
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

from app.lru import LRU
from app.postgres.connection import PreparedStatement, Row, is_outdated
from app.telemetry import metering

IN_FLIGHT_MAX = 1_000
# So many go out together at most: PostgreSQL looks for the first rows while we read who asks for the next ones.
BATCH_MAX = 8
# A row by its key takes a millisecond. What has taken so long is asked for in the ordinary way.
SILENCE_S_MAX = 1.0
# After a failure, so long nobody tries to connect again.
PAUSE_S = 1.0

Deliver = Callable[[list[Row] | None], None]

log = structlog.get_logger(__name__)


class _Batch:
    """What goes out together; the answers come together, too."""

    __slots__ = ("asked", "count")

    def __init__(self, asked: tuple[float, float]) -> None:
        self.asked = asked
        self.count = 0


_Pending = tuple[bytes, PreparedStatement, metering.Work, _Batch, Deliver]
"""A statement whose answer somebody waits for: its text, on whose account it is, with which others it went out."""


class Pipeline:
    """Connects when it is first asked, and again after it has lost its connection."""

    def __init__(self, arguments: dict[str, Any], statements_max: int) -> None:
        self._arguments = arguments
        self._statements: LRU[bytes, PreparedStatement] = LRU(statements_max)
        self._statements_max = statements_max
        self._prepared = 0
        self._connection: AsyncConnection[Any] | None = None
        self._socket = -1
        self._connecting: asyncio.Task[None] | None = None
        self._not_before = 0.0
        # None is for what nobody waits for, as a preparation.
        self._in_flight: deque[_Pending | None] = deque()
        self._batch: _Batch | None = None
        self._syncs = 0
        self._answered_at = 0.0
        self._heard_at = 0.0
        self._closed = False

    def ask(self, sql: bytes, parameters: Sequence[bytes | None], work: metering.Work, deliver: Deliver) -> bool:
        """Have `deliver` called once with the rows a statement gives; False if that cannot be now.

        The parameters are in PostgreSQL's text format. Its time is added to the work.
        """
        connection = self._connection
        if connection is None:
            self._connect()
            return False
        if len(self._in_flight) >= IN_FLIGHT_MAX:
            return False
        try:
            statement = self._statements.get(sql) or self._prepare(connection, sql)
            connection.pgconn.send_query_prepared(statement.name, parameters, None, Format.BINARY)
        except OperationalError:
            self._lose()
            return False
        if not self._in_flight:
            self._heard_at = self._loop.time()
        if self._batch is None:
            self._batch = _Batch(work.asked())
            self._loop.call_soon(self._send)
        self._batch.count += 1
        self._in_flight.append((sql, statement, work, self._batch, deliver))
        if self._batch.count == BATCH_MAX:
            self._send()
        return True

    def look(self) -> None:
        """Give up a connection that says nothing; to be called every now and then."""
        if self._in_flight and self._loop.time() - self._heard_at > SILENCE_S_MAX:
            log.warning("a pipeline did not answer", waiting=len(self._in_flight))
            self._lose()

    async def close(self) -> None:
        """End the connection; whoever waits for an answer gets None."""
        self._closed = True
        if self._connecting:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        self._lose()

    def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        if self._connecting is None and not self._closed and loop.time() >= self._not_before:
            self._loop, self._not_before = loop, loop.time() + PAUSE_S
            self._connecting = loop.create_task(self._open())

    async def _open(self) -> None:
        try:
            with suppress(Error, OSError):  # the ordinary way says what is wrong with the database
                connection = await AsyncConnection.connect(**self._arguments)
                connection.pgconn.enter_pipeline_mode()
                self._socket = connection.pgconn.socket
                self._loop.add_reader(self._socket, self._on_readable, connection.pgconn)
                self._connection = connection
        finally:
            self._connecting = None

    def _lose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            connection.pgconn.finish()
        lost, self._in_flight, self._syncs, self._batch = self._in_flight, deque(), 0, None
        self._statements = LRU(self._statements_max)
        for pending in lost:
            if pending:
                _, _, _, _, deliver = pending
                deliver(None)

    def _prepare(self, connection: AsyncConnection[Any], sql: bytes) -> PreparedStatement:
        if len(self._statements) >= self._statements_max:
            self._forget(connection, next(iter(self._statements)))
        self._prepared += 1
        statement = PreparedStatement(b"p%d" % self._prepared, connection)
        connection.pgconn.send_prepare(statement.name, sql)
        self._in_flight.append(None)
        self._statements.put(sql, statement)
        return statement

    def _forget(self, connection: AsyncConnection[Any], sql: bytes) -> None:
        statement = self._statements.get(sql)
        assert statement, "it was prepared"
        connection.pgconn.send_query_params(b"DEALLOCATE " + statement.name, None)
        self._in_flight.append(None)
        self._statements.drop(sql)

    def _send(self) -> None:
        """What was asked in one turn of the event loop goes out together, as far as it has not gone yet."""
        batch, self._batch = self._batch, None
        if self._connection is None or batch is None:
            return
        libpq = self._connection.pgconn
        try:
            libpq.pipeline_sync()
            self._syncs += 1
            if libpq.flush():
                self._loop.add_writer(self._socket, self._on_writable, libpq)
        except OperationalError:
            self._loop.call_soon(self._lose)  # whoever has just asked does not know yet that an answer will come

    def _on_writable(self, libpq: PGconn) -> None:
        try:
            if not libpq.flush():
                self._loop.remove_writer(self._socket)
        except OperationalError:
            self._lose()

    def _on_readable(self, libpq: PGconn) -> None:
        self._heard_at = self._loop.time()
        try:
            libpq.consume_input()
            self._take(libpq)
        except OperationalError:
            self._lose()
        else:
            if self._connection and libpq.status != ConnStatus.OK:
                self._lose()

    def _take(self, libpq: PGconn) -> None:
        was_end = False
        # A callback may lose the connection.
        while self._connection and (self._in_flight or self._syncs) and not libpq.is_busy():
            result = libpq.get_result()
            if result is None:
                if was_end:
                    return  # it ends the results of each statement, and says so for ever if the connection is lost
            elif result.status == ExecStatus.PIPELINE_SYNC:
                self._syncs -= 1
                self._answered_at = perf_counter() - metering.loop.busy_s
            elif pending := self._in_flight.popleft():
                self._deliver(pending, result)
            was_end = result is None

    def _deliver(self, pending: _Pending, result: PGresult) -> None:
        sql, statement, work, batch, deliver = pending
        if result.status != ExecStatus.TUPLES_OK:
            if result.status == ExecStatus.FATAL_ERROR and is_outdated(error_from_result(result)):
                self._statements.drop(sql)  # it is prepared anew for whoever comes next
            deliver(None)
            return
        now, (asked_at, ready_s) = perf_counter() - metering.loop.busy_s, batch.asked
        # Each pays its part of the time of all, and nobody for having waited behind those before.
        share_s = (now - max(asked_at, self._answered_at)) / batch.count
        work.answered((now - share_s, ready_s), now)
        metering.begin_step(work)
        try:
            try:
                rows = statement.rows(result)
            except Error:  # one has a value that Python cannot hold, as a time that is infinite
                rows = None
            deliver(rows)
        finally:
            metering.end_step(work)
