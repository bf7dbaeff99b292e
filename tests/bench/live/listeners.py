"""Thousands of subscribers in one process that costs as little as it can: sockets, epoll, and one look at each frame.

It prints `ready` and the seconds that took when all of them are subscribed, and notes what comes. At a byte on its
standard input all hang up, and at the next one come back at once, each from the last event that it was sent; it prints
the seconds until all have received what they missed. When the input ends, it prints the noted delays. The stamp in an
event is `time.monotonic_ns()` of whoever recorded it.
"""

import json
import os
import re
import select
import socket
import struct
import sys
import time

OPENING_MAX = 64
RECEIVE_BYTES = 65_536
# An address has some 28 000 ports for those who connect.
SOCKETS_PER_ADDRESS = 20_000
MISSED = b'"message":"-2:'
CURSOR = re.compile(rb'"cursor":"([^"]+)"')
STAMP = re.compile(rb'"message":"(-?\d+):(\d+):')
PONG = b'{"type":"pong"}'


def masked(payload: bytes, opcode: int = 0x1) -> bytes:
    """A client's frame; the mask of zeros leaves the payload as it is."""
    size = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
    return bytes((0x80 | opcode,)) + size + bytes(4) + payload


class Listeners:
    """All sockets, by their file descriptors, and what each is about to say."""

    def __init__(self, port: int, inits: list[bytes], subscribe: bytes) -> None:
        upgrade = (
            f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        )
        self._port = port
        self._subscribe = subscribe
        self._sayings = [(upgrade.encode(), masked(init), masked(subscribe)) for init in inits]
        self._sockets: dict[int, socket.socket] = {}
        self._said: dict[int, int] = {}
        self._connected = 0
        self._awaited = b'"next"'
        self._epoll = select.epoll()
        self.noted: list[tuple[int, bytes]] = []
        self.dropped = 0

    def open(self, count: int, at_once: int = OPENING_MAX) -> None:
        """Connect and subscribe so many, some at a time, each step when the last was answered."""
        opened = ready = 0
        while ready < count:
            while opened < count and opened - ready < at_once:
                self._connect()
                opened += 1
            for fd, _ in self._epoll.poll(10):
                received = self._sockets[fd].recv(RECEIVE_BYTES)
                assert received, "The server has hung up."
                said = self._said[fd]
                if b'"next"' not in received and said >= len(self._sayings[0]):
                    # Whoever is ready may wait for the others for longer than the server waits for a sign of life.
                    self._answer(fd, received)
                elif said < len(self._sayings[0]):
                    self._say(fd)
                elif said == len(self._sayings[0]) and self._awaited in received:
                    self._said[fd] += 1
                    ready += 1

    def hang_up(self) -> int:
        """Leave with all of them; they were so many."""
        self._epoll.unregister(sys.stdin.fileno())
        count = len(self._sockets)
        for each in self._sockets.values():
            each.close()
        self._sockets.clear()
        self._said.clear()
        return count

    def come_back(self, count: int) -> float:
        """Connect all at once, from the last event on; the seconds until all have received what they missed."""
        [cursor] = CURSOR.findall(self.noted[-1][1])[-1:]
        resumed = self._subscribe.replace(b'"after": null', b'"after": "%s"' % cursor)
        assert resumed != self._subscribe, "there is no place to go on from"
        self._sayings = [(upgrade, init, masked(resumed)) for upgrade, init, _ in self._sayings]
        self._awaited, begun = MISSED, time.monotonic()
        self.open(count, at_once=count)
        return time.monotonic() - begun

    def listen(self) -> None:
        """Note what comes, and when, until something comes by the standard input."""
        self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        sockets, note, now = self._sockets, self.noted.append, time.monotonic_ns
        while True:
            for fd, _ in self._epoll.poll():
                if fd not in sockets:
                    return
                try:
                    received = sockets[fd].recv(RECEIVE_BYTES)
                except ConnectionError:
                    received = b""
                if len(received) > 100:
                    note((now(), received))
                else:
                    self._answer(fd, received)

    def _answer(self, fd: int, received: bytes) -> None:
        if not received:
            self._epoll.unregister(fd)
            self.dropped += 1
        elif received[0] == 0x89:
            self._sockets[fd].send(masked(received[2:], 0xA))
        elif b'"ping"' in received:
            self._sockets[fd].send(masked(PONG))

    def _connect(self) -> None:
        source = f"127.0.0.{1 + self._connected // SOCKETS_PER_ADDRESS}"
        self._connected += 1
        connection = socket.create_connection(("127.0.0.1", self._port), source_address=(source, 0))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fd = connection.fileno()
        self._sockets[fd] = connection
        self._said[fd] = 0
        self._epoll.register(fd, select.EPOLLIN)
        self._say(fd)

    def _say(self, fd: int) -> None:
        self._sockets[fd].send(self._sayings[fd % len(self._sayings)][self._said[fd]])
        self._said[fd] += 1


def main() -> None:
    """Be as many listeners as the arguments say."""
    port, count, subscribe = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()
    listeners = Listeners(port, [init.encode() for init in sys.argv[4:]], subscribe)
    begun = time.monotonic()
    listeners.open(count)
    print(json.dumps({"ready_s": time.monotonic() - begun}), flush=True)  # noqa: T201 - this is how it answers
    listeners.listen()
    while os.read(sys.stdin.fileno(), 1):
        here = listeners.hang_up()
        os.read(sys.stdin.fileno(), 1)
        print(json.dumps({"back_s": listeners.come_back(here)}), flush=True)  # noqa: T201
        listeners.listen()
    delays: dict[int, list[float]] = {}
    for heard_at, frames in listeners.noted:
        for number, sent_at in STAMP.findall(frames):
            delays.setdefault(int(number), []).append((heard_at - int(sent_at)) / 1e9)
    print(json.dumps({"delays": list(delays.values()), "dropped": listeners.dropped}), flush=True)  # noqa: T201
    os._exit(0)


if __name__ == "__main__":
    main()
