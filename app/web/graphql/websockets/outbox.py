"""What is said on one WebSocket: written at once while the other end reads, kept up to a bound while it does not."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app.events.positions import Position
from app.settings import settings

# Where an application finds the line, among the extensions of its scope.
LINE = "fieldgraph.line"
TEXT = b"\x81"


class Line(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, on which a text is written without a task, a frame object or a wait.

    ASGI's `send` would hide whether the other end reads, and costs more than the rest of a delivery.
    """

    outbox: "Outbox | None" = None

    def run_asgi(self) -> Coroutine[Any, Any, None]:
        """Let the application find this line."""
        self.scope["extensions"][LINE] = {"line": self}
        return super().run_asgi()

    @property
    def is_free(self) -> bool:
        """Whether the other end takes what is written."""
        return self.writable.is_set()

    @property
    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self.close_sent or self.transport.is_closing()

    def admit(self, bytes_max: int) -> None:
        """Take messages of so many bytes from now on; a larger one ends the connection with 1009."""
        self.conn.max_message_size = bytes_max

    def write(self, parts: tuple[bytes, ...]) -> None:
        """Write one text, unless the connection is closing."""
        if self.is_closing:
            return
        length = sum(map(len, parts))
        if length < 126:
            size = bytes((length,))
        elif length < 65_536:
            size = b"\x7e" + length.to_bytes(2, "big")
        else:
            size = b"\x7f" + length.to_bytes(8, "big")
        self.transport.write(b"".join((TEXT, size, *parts)))

    def hang_up(self, code: int, reason: str) -> None:
        """Close behind all that was written. Whoever has not read that in uvicorn's time for it is cut off."""
        if self.is_closing:
            return
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.outbox:
            self.outbox.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.outbox:
            self.outbox.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.outbox:
            self.outbox.resume()


class Reads(Protocol):
    """Somebody who reads events and may want to know which was the last."""

    written: Position | None


class Outbox:
    """The messages for one socket, in order. Nobody who says something waits for whoever should read it."""

    __slots__ = ("_bytes", "_deadline", "_is_closed", "_line", "_too_slow", "_waiting")

    def __init__(self, line: Line, too_slow: Callable[[], None]) -> None:
        self._line = line
        self._too_slow = too_slow
        self._waiting: deque[tuple[tuple[bytes, ...], Reads | None, Position | None]] = deque()
        self._bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._is_closed = False
        line.outbox = self

    def put(self, parts: tuple[bytes, ...], reader: Reads | None = None, position: Position | None = None) -> None:
        """Say it, if it is an event's to this reader; too much that waits is `too_slow`."""
        if self._is_closed:
            return
        if self._line.is_free and not self._waiting:
            self._write(parts, reader, position)
            return
        self._waiting.append((parts, reader, position))
        self._bytes += sum(map(len, parts))
        if len(self._waiting) > settings.socket_outbox_events_max or self._bytes > settings.socket_outbox_bytes_max:
            self._give_up()

    async def room(self) -> None:
        """Return when what is put would be written at once: for those who can wait before they ask for more."""
        while self._waiting or not self._line.is_free:
            await self._line.writable.wait()
        if self._is_closed or self._line.is_closing:
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
        while self._waiting and self._line.is_free:
            parts, reader, position = self._waiting.popleft()
            self._bytes -= sum(map(len, parts))
            self._write(parts, reader, position)

    def close(self) -> None:
        """Say nothing more, not even what waits."""
        self._is_closed = True
        self._stop_waiting()
        self._waiting.clear()

    def _write(self, parts: tuple[bytes, ...], reader: Reads | None, position: Position | None) -> None:
        self._line.write(parts)
        if reader:
            reader.written = position

    def _give_up(self) -> None:
        self.close()
        self._too_slow()

    def _stop_waiting(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
