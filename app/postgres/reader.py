"""Reads without sessions: a small pool of connections on which statements stay prepared."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import coroutine
from typing import Any, TypeVar
from weakref import WeakSet

import psycopg
import structlog
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from app.errors import Busy, ReplicaFailed, TimedOut
from app.postgres.connection import Connection, Lost, Row, in_words, link, options
from app.postgres.pipeline import Pipeline
from app.postgres.sqlstates import ends_connection
from app.settings import settings
from app.telemetry import tracing
from app.telemetry.metering import Work, current

LOOK_S = 0.5

T = TypeVar("T")
ReadRows = Callable[[bytes, Sequence[bytes | None]], Awaitable[list[Row]]]
"""What reads rows as `Reader.rows` does."""

log = structlog.get_logger(__name__)


class Reader:
    """Opens connections as they are needed, up to its limit; whoever comes then waits in turn."""

    asks_again = True
    """Whether what a lost connection was asked is asked on another."""

    def __init__(
        self,
        url: str,
        *,
        connections: int = settings.reader_connections,
        statement_s_max: float = settings.statement_s_max,
        wait_s: float = settings.database_pool_wait_s,
        statements_max: int = settings.reader_statements_max,
    ) -> None:
        self._arguments = _arguments(url, statement_s_max)
        self._wait_s = wait_s
        self._statements_max = statements_max
        self._connections = connections
        self._turns = _Turns(connections)
        self._in_turn = asyncio.Semaphore(max(1, connections // 2))
        self._open = WeakSet[Connection]()  # and with them the loop, which watches them until they are closed
        self._idle: list[Connection] = []
        self._settling: set[asyncio.Task[None]] = set()
        self._answer_s_max = statement_s_max + settings.database_silence_s_max
        self._looks: asyncio.TimerHandle | None = None
        self._closed = False
        self.pipeline = Pipeline(self._arguments, statements_max)
        """Beside the pool, for rows by their keys."""

    def rows(
        self, sql: bytes, parameters: Sequence[bytes | None], *, in_turn: bool = False
    ) -> Coroutine[Any, Any, list[Row]]:
        """What a statement gives, its parameters in PostgreSQL's text format; what psycopg has no type for is bytes.

        Who reads `in_turn` is never refused, however long it takes, and leaves half of the connections to others.
        """
        return self._rows_in_turn(sql, parameters) if in_turn else self._rows(sql, parameters, self._wait_s)

    async def rows_by_key(self, sql: bytes, parameters: Sequence[bytes | None]) -> list[Row]:
        """The same of a statement by a key, which takes a millisecond: it waits behind none that takes long."""
        answer: asyncio.Future[list[Row] | None] = asyncio.get_running_loop().create_future()

        def deliver(rows: list[Row] | None) -> None:
            _tell(answer, rows)

        if self.pipeline.ask(sql, parameters, current.get() or Work(), deliver) and (rows := await answer) is not None:
            return rows
        return await self._rows(sql, parameters, self._wait_s)

    async def rows_of(
        self, queries: Sequence[tuple[bytes, Sequence[bytes | None]]], *, in_turn: bool = False
    ) -> list[list[Row]]:
        """What several statements give, which run side by side."""
        answers = [self.rows(sql, parameters, in_turn=in_turn) for sql, parameters in queries]
        if in_turn or len(self._idle) < len(answers) or self._turns.free < len(answers):
            return await asyncio.gather(*answers)
        return await side_by_side(answers)

    async def _rows_in_turn(self, sql: bytes, parameters: Sequence[bytes | None]) -> list[Row]:
        async with self._in_turn:
            return await self._rows(sql, parameters, None)

    async def close(self) -> None:
        """Ends every connection; whoever waits for one, or for an answer, gets Busy."""
        if not self._closed:
            self._closed = True
            if self._looks:
                self._looks.cancel()
            await self.pipeline.close()
            for connection in list(self._open):
                connection.close()
            for _ in range(self._connections):  # until everybody has left
                await self._turns.take(None)

    async def _rows(self, sql: bytes, parameters: Sequence[bytes | None], wait_s: float | None) -> list[Row]:
        if self._closed:
            raise Busy
        await self._turns.take(wait_s)
        connection, work = None, current.get()
        begun = work.asked() if work else None
        try:
            connection = self._idle.pop() if self._idle else await self._connect()
            try:
                with tracing.statement(sql):
                    rows = await connection.rows(sql, parameters)
            except Lost:  # the server may have restarted, and what is idle be just as dead
                self._drop_idle()
                if not self.asks_again:
                    raise
                connection = await self._connect()
                rows = await connection.rows(sql, parameters)
        except Lost as lost:
            raise Busy from lost
        except psycopg.Error as error:
            if connection and work and begun:
                work.answered(begun, connection.answered_at)
            if (wording := in_words(error)) is None:
                raise
            raise wording from error
        else:
            # Nobody pays for a connection that was lost.
            if work and begun:
                work.answered(begun, connection.answered_at)
            return rows
        finally:
            self._leave(connection)

    async def _connect(self) -> Connection:
        if not self._closed:
            connection = Connection(await psycopg.AsyncConnection.connect(**self._arguments), self._statements_max)
            self._open.add(connection)
            if not self._closed:
                if self._looks is None:
                    self._look_later()
                return connection
            connection.close()
        raise Busy

    def _drop_idle(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def _look(self) -> None:
        """End what has not answered for too long: one timer for all, since most statements take a millisecond."""
        for connection in list(self._open):
            if connection.waits_s > self._answer_s_max:
                log.warning("a connection did not answer", seconds=round(connection.waits_s, 1))
                connection.close()
        self.pipeline.look()
        self._look_later()

    def _look_later(self) -> None:
        self._looks = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _leave(self, connection: Connection | None) -> None:
        """Makes room for the next one, once a statement that nobody waits for any more has ended."""
        if connection is not None and connection.busy:
            settling = asyncio.create_task(self._settle(connection))
            self._settling.add(settling)
            settling.add_done_callback(self._settling.discard)
            return
        if connection is not None and not connection.closed:
            self._idle.append(connection)
        self._turns.give()

    async def _settle(self, connection: Connection) -> None:
        try:
            with suppress(psycopg.Error, TimeoutError):
                await connection.settle()
        finally:
            self._leave(connection)


class ReplicaReader(Reader):
    """The same at a replica. Failures there raise ReplicaFailed, and have the replica checked again."""

    asks_again = False  # one that restarts may have gone back a little

    def __init__(self, url: str, *, statement_s_max: float, doubt: Callable[[str], None]) -> None:
        super().__init__(url, statement_s_max=statement_s_max)
        self._doubt = doubt

    async def _rows(self, sql: bytes, parameters: Sequence[bytes | None], wait_s: float | None) -> list[Row]:
        with failing(self._doubt):
            return await super()._rows(sql, parameters, wait_s)


@contextmanager
def failing(doubt: Callable[[str], None]) -> Iterator[None]:
    """What fails inside has failed at a replica, unless it took too long: so it would at the primary."""
    try:
        yield
    except TimedOut:
        raise
    except (Busy, psycopg.Error, DBAPIError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, Lost) or (isinstance(cause, psycopg.Error) and ends_connection(cause)):
            doubt("it ended a connection")
        raise ReplicaFailed from error


class _Turns:
    """So many at a time, the others in the order they came: a semaphore, but for half the time when many wait."""

    def __init__(self, at_once: int) -> None:
        self.free = at_once
        self._waiting: deque[asyncio.Future[bool]] = deque()

    async def take(self, wait_s: float | None) -> None:
        """Waits for a turn, or so long that it is better to come again."""
        if self.free:
            self.free -= 1
            return
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(turn)
        timer = loop.call_later(wait_s, _tell, turn, False) if wait_s is not None else None
        try:
            if not await turn:
                raise Busy
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.result():  # it was cancelled just after its turn had come
                self.give()
            raise
        finally:
            if timer:
                timer.cancel()

    def give(self) -> None:
        """Lets the next one go on."""
        while self._waiting:
            if _tell(self._waiting.popleft(), True):
                return
        self.free += 1


def _tell(turn: asyncio.Future[T], answer: T) -> bool:
    """Whether somebody still waits for an answer."""
    if turn.done():
        return False
    turn.set_result(answer)
    return True


def _arguments(url: str, statement_s_max: float) -> dict[str, Any]:
    """What SQLAlchemy would open a connection with, so that one URL says the same to both."""
    parsed = make_url(url)
    _, arguments = parsed.get_dialect()().create_connect_args(parsed)
    bound = {
        # One plan for all parameters: to plan anew would cost as much again as a small statement, and a page would be
        # found now in one way, now in another. Nor does it begin workers beside it, which takes longer than a page.
        "options": options(
            statement_s_max,
            default_transaction_read_only="on",
            plan_cache_mode="force_generic_plan",
            max_parallel_workers_per_gather="0",
        ),
        **link(),
        "client_encoding": "UTF8",
        "autocommit": True,
    }
    return {**arguments, **bound}


@coroutine
def side_by_side(works: Sequence[Coroutine[Any, Any, T]]) -> Generator[Any, Any, list[T]]:
    """What several coroutines give, without a task for each, which would cost more than most statements.

    All of them begin at once. Then they go on one after the other, the last first: when its answer is there, those of
    the others mostly are, too. So none may wait for one before it, nor have a deadline of its own in its first step,
    which would cancel whichever goes on.
    """
    waiting: list[tuple[int, Any]] = []
    results: dict[int, T] = {}
    try:
        for number, work in enumerate(works):
            try:
                waiting.append((number, work.send(None)))
            except StopIteration as done:
                results[number] = done.value
        for number, awaited in reversed(waiting):
            results[number] = yield from _ended(works[number], awaited)
    finally:
        for work in works:
            work.close()
        for _, awaited in waiting:
            if isinstance(awaited, asyncio.Future) and awaited.done() and not awaited.cancelled():
                awaited.exception()  # of one that nobody goes on with: it counts as seen
    return [results[number] for number in range(len(works))]


def _ended(work: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """What a coroutine gives that waits for something, which may be over."""
    step: Callable[[Any], Any]
    sent: Any
    while True:
        try:
            if not (isinstance(awaited, asyncio.Future) and awaited.done()):
                yield awaited
        except BaseException as error:  # noqa: BLE001 - whatever is thrown in, a cancellation included, is for the work
            step, sent = work.throw, error
        else:
            step, sent = work.send, None
        try:
            awaited = step(sent)
        except StopIteration as done:
            result: T = done.value
            return result
