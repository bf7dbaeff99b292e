"""Messages to one WebSocket: written at once while the other end reads, kept up to a bound while it does not."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from app.events.positions import Position
from app.settings import settings
from app.web.graphql.websockets.connection import Connection


class Reads(Protocol):
    """Somebody who reads events and may want to know which was the last."""

    written: Position | None


class Outbox:
    """The messages for one socket, in order. Whoever sends does not wait for the other end to read."""

    __slots__ = ("_bytes", "_connection", "_deadline", "_is_closed", "_too_slow", "_waiting")

    def __init__(self, connection: Connection, too_slow: Callable[[], None]) -> None:
        self._connection = connection
        self._too_slow = too_slow
        self._waiting: deque[tuple[tuple[bytes, ...], Reads | None, Position | None]] = deque()
        self._bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._is_closed = False
        connection.outbox = self

    def put(self, parts: tuple[bytes, ...], reader: Reads | None = None, position: Position | None = None) -> None:
        """Send it; of an event, note its position at the reader. Too much that waits is `too_slow`."""
        if self._is_closed:
            return
        if self._connection.is_writable and not self._waiting:
            self._write(parts, reader, position)
            return
        self._waiting.append((parts, reader, position))
        self._bytes += sum(map(len, parts))
        if len(self._waiting) > settings.socket_outbox_events_max or self._bytes > settings.socket_outbox_bytes_max:
            self._give_up()

    async def room(self) -> None:
        """Return when what is put would be written at once: for those who can wait before they ask for more."""
        while self._waiting or not self._connection.is_writable:
            await self._connection.writable()
        if self._is_closed or self._connection.is_closing:
            # What is put is dropped and never waits. Without a turn for others, nobody could end who puts it.
            await asyncio.sleep(0)

    def pause(self) -> None:
        """The other end has stopped reading: not for long, or it is `too_slow`."""
        if not self._is_closed:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(settings.socket_send_s_max, self._give_up)

    def resume(self) -> None:
        """It reads again."""
        self._stop_waiting()
        while self._waiting and self._connection.is_writable:
            parts, reader, position = self._waiting.popleft()
            self._bytes -= sum(map(len, parts))
            self._write(parts, reader, position)

    def close(self) -> None:
        """Send nothing more, not even what waits."""
        self._is_closed = True
        self._stop_waiting()
        self._waiting.clear()

    def _write(self, parts: tuple[bytes, ...], reader: Reads | None, position: Position | None) -> None:
        self._connection.write(parts)
        if reader:
            reader.written = position

    def _give_up(self) -> None:
        self.close()
        self._too_slow()

    def _stop_waiting(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
