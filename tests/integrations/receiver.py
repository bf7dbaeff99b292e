"""A receiver of webhooks behind a real socket, with faults to order."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
HUGE_CHUNKS = 50_000


class Request(NamedTuple):
    """What was received."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Fault = Callable[[asyncio.StreamWriter], Awaitable[None]]


def status(code: int, *headers: str) -> Fault:
    """Answers with a status."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        head = "".join(f"{header}\r\n" for header in headers)
        writer.write(f"HTTP/1.1 {code} Fault\r\nContent-Length: 0\r\n{head}\r\n".encode())

    return answer


async def reset(writer: asyncio.StreamWriter) -> None:
    """Cuts the connection without an answer."""
    writer.transport.abort()


async def slow(writer: asyncio.StreamWriter) -> None:
    """Says nothing until the other side goes."""
    del writer
    await asyncio.Event().wait()


async def huge(writer: asyncio.StreamWriter) -> None:
    """Answers with far more than anybody reads."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(HUGE_CHUNKS):
        writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        await writer.drain()


async def fine(writer: asyncio.StreamWriter) -> None:
    """Accepts."""
    writer.write(OK)


class Receiver:
    """Remembers all requests; answers each with the next fault, and then as always."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.always: Fault = fine
        self.host = ""

    @property
    def url(self) -> str:
        return f"http://{self.host}/hook"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, with one request."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            headers = {name.lower(): value for name, value in headers.items()}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append(Request(head[0].split()[1], headers, body))
            await (self.faults.pop(0) if self.faults else self.always)(writer)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver at a port of its own, until the block ends."""
    receiver, connections = Receiver(), set[asyncio.Task[None]]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        connections.add(task)
        try:
            await receiver.answer(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            connections.discard(task)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    receiver.host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
