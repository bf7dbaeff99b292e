"""The connection of a WebSocket: uvicorn's until the application has accepted it, and then one that holds little."""

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame, Opcode

if TYPE_CHECKING:
    from app.web.graphql.websockets.outbox import Outbox

# Where an application finds the handshake, among the extensions of its scope.
HANDSHAKE = "fieldgraph.handshake"
TEXT = b"\x81"
# Whoever has not read by then that we close is cut off.
CLOSE_S_MAX = 10.0


class Receiver(Protocol):
    """Takes the messages of a connection, each when it comes."""

    def begin(self, connection: "Connection") -> None:
        """Take the connection, before its first message."""

    def receive(self, text: str | None) -> None:
        """Take the next message; None if it is no text."""

    def disconnected(self) -> None:
        """The other end has left; nothing can be sent any more. A second call does nothing."""


class Handshake(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket. The application may hand over one that it has accepted, and return."""

    async def run_asgi(self) -> None:
        """Let the application find this."""
        self.scope["extensions"][HANDSHAKE] = {"handshake": self}
        await super().run_asgi()
        # Else it would hold itself until garbage is looked for.
        self.scope["extensions"].clear()

    def hand_over(self, receiver: Receiver) -> None:
        """Give the connection to a receiver, without ASGI's task, queue and scope. It gets first what has come."""
        connection = Connection(self, receiver)
        self.transport.set_protocol(connection)
        connections: set[Any] = self.connections
        connections.discard(self)
        connections.add(connection)
        receiver.begin(connection)
        while not self.queue.empty():
            event = self.queue.get_nowait()
            if event["type"] == "websocket.disconnect":
                receiver.disconnected()
            else:
                receiver.receive(event.get("text"))  # type: ignore[arg-type]
        if self.read_paused:
            connection.resume()
        # When the application returns, this is not closed, nor refused if the connection was closing meanwhile.
        self.transport = _TakenOver()
        self.handshake_complete = True


class _TakenOver(asyncio.Transport):
    """The transport of a connection that has been taken over."""

    def close(self) -> None:
        """Do nothing: whoever took it over closes it."""


class Connection(asyncio.Protocol):
    """A WebSocket on which texts are written and received without a task, a queue or a wait.

    ASGI's `send` would hide whether the other end reads, and costs more than the rest of a delivery. To wait in
    ASGI's `receive` would hold twice as much memory as all that a quiet subscription needs.
    """

    __slots__ = (
        "_close_sent",
        "_close_timer",
        "_conn",
        "_connections",
        "_is_text",
        "_parts",
        "_paused",
        "_receiver",
        "outbox",
        "transport",
    )

    def __init__(self, handshake: Handshake, receiver: Receiver) -> None:
        self.transport = handshake.transport
        self.outbox: Outbox | None = None
        self._conn = handshake.conn
        self._connections: set[Any] = handshake.connections
        self._receiver = receiver
        # What has come of a message in several frames.
        self._parts: list[bytes] = handshake.frames
        self._is_text = handshake.curr_msg_data_type == "text"
        # Set when the other end reads again.
        self._paused: asyncio.Event | None = None
        self._close_sent = False
        self._close_timer: asyncio.TimerHandle | None = None

    @property
    def is_writable(self) -> bool:
        """Whether the other end takes what is written."""
        return self._paused is None

    @property
    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self._close_sent or self.transport.is_closing()

    async def writable(self) -> None:
        """Return when the other end takes what is written, or has left."""
        if self._paused:
            await self._paused.wait()

    def limit_messages(self, bytes_max: int) -> None:
        """Take messages of so many bytes from now on; a larger one ends the connection with 1009."""
        self._conn.max_message_size = bytes_max

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

    def pause(self) -> None:
        """Receive nothing more for now."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """Receive again."""
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def close(self, code: int, reason: str) -> None:
        """Close behind all that was written. Whoever has not read that in time is cut off."""
        if self.is_closing:
            return
        self._conn.send_close(code, reason)
        self._close_sent = True
        self._flush()
        self.resume()
        self._close_timer = asyncio.get_running_loop().call_later(CLOSE_S_MAX, self.transport.abort)

    def shutdown(self) -> None:
        """Close at once, as the server does at its end."""
        self.close(CloseCode.SERVICE_RESTART, "")
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Receive all messages that are complete."""
        self._conn.receive_data(data)
        for frame in self._conn.events_received():
            assert isinstance(frame, Frame), "the handshake is over"
            self._take(frame)
        if self._conn.parser_exc is not None and not self.is_closing:
            self._fail()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self._end()
        elif frame.opcode is Opcode.PING:
            self._flush()
        elif frame.opcode is not Opcode.PONG and not self._close_sent:
            if frame.opcode is not Opcode.CONT:
                self._is_text = frame.opcode is Opcode.TEXT
            self._parts.append(bytes(frame.data))
            if frame.fin:
                self._receive()

    def _receive(self) -> None:
        message = b"".join(self._parts)
        self._parts.clear()
        try:
            self._receiver.receive(message.decode() if self._is_text else None)
        except UnicodeDecodeError:
            self._conn.fail(CloseCode.INVALID_DATA)
            self._fail()

    def _end(self) -> None:
        """The other end has closed, or has answered that we have."""
        if not self._close_sent:
            self._receiver.disconnected()
            self._flush()
        self.transport.close()

    def _fail(self) -> None:
        """Close with the code of what was wrong with a frame."""
        self._receiver.disconnected()
        self._flush()
        self._close_sent = True
        self.transport.close()

    def _flush(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"".join(self._conn.data_to_send()))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who would send or receive on it."""
        del exc
        self._connections.discard(self)
        if self._close_timer:
            self._close_timer.cancel()
        if self._paused:
            # Nobody reads any more, and nobody waits for that.
            self._paused.set()
        if self.outbox:
            self.outbox.close()
        self._receiver.disconnected()

    def pause_writing(self) -> None:
        """The other end has stopped reading."""
        self._paused = self._paused or asyncio.Event()
        if self.outbox:
            self.outbox.pause()

    def resume_writing(self) -> None:
        """It reads again."""
        paused, self._paused = self._paused, None
        if paused:
            paused.set()
        if self.outbox:
            self.outbox.resume()
