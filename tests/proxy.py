"""A proxy for tests that fails as networks do: it falls silent, is slow, is cut, or loses the answer to a question."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import make_url

COMMIT = b"COMMIT\0"
CHUNK_BYTES = 65_536


class Proxy:
    """Stands before a server that listens at a unix socket or at (host, port), and passes bytes both ways.

    What comes while it is silent is kept, and passed on when it speaks again: late, as from a network that heals.
    """

    def __init__(self, there: str | tuple[str, int], *, port: int = 0) -> None:
        self._there = there
        self._port = port
        self._server: asyncio.Server | None = None
        self._ways: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}
        self._asks, self._answers = asyncio.Event(), asyncio.Event()
        self._question: bytes | None = None
        self._is_dropped = False
        self._lost = asyncio.Event()
        self.delay_s = 0.0
        self.opened = 0
        self.speak()

    @property
    def port(self) -> int:
        return self._port

    @property
    def host(self) -> str:
        """Where it listens, with its port."""
        return f"127.0.0.1:{self._port}"

    async def mend(self) -> None:
        """Listen, and pass on what comes."""
        self.speak()
        self._server = await asyncio.start_server(self._lead, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Close every connection, and refuse new ones."""
        if self._server:
            self._server.close()
        for task, writers in list(self._ways.items()):
            for writer in writers:
                writer.transport.abort()
            task.cancel()
        if self._ways:
            await asyncio.wait(list(self._ways))
        self._server = None

    def silence(self, *, answers_only: bool = False) -> None:
        """Pass nothing more and close nothing; new connections get nothing. `answers_only`: one way."""
        self._answers.clear()
        if not answers_only:
            self._asks.clear()

    def speak(self) -> None:
        """Pass on again, first what was kept."""
        self._asks.set()
        self._answers.set()

    def forget(self) -> None:
        """Pass nothing more on what is open now, and close nothing; new connections are as good as ever."""
        self._asks.clear()
        self._answers.clear()
        self._asks, self._answers = asyncio.Event(), asyncio.Event()
        self.speak()

    def lose_answer(self, question: bytes = COMMIT) -> asyncio.Event:
        """Close the connection that asks this next, once the server has answered. The event tells that it came so."""
        self._question, self._lost = question, asyncio.Event()
        return self._lost

    def drop(self, question: bytes = COMMIT) -> asyncio.Event:
        """Close the connection that asks this next, before the server learns of it."""
        self._is_dropped = True
        return self.lose_answer(question)

    def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: asyncio reports those it makes itself as broken when they are cancelled.
        self.opened += 1
        task = asyncio.create_task(self._carry(reader, writer))
        self._ways[task] = (writer,)
        task.add_done_callback(self._ways.pop)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if isinstance(self._there, str):
                there, back = await asyncio.open_unix_connection(self._there)
            else:
                there, back = await asyncio.open_connection(*self._there)
        except OSError:
            writer.close()
            return
        task = asyncio.current_task()
        assert task
        self._ways[task] = writer, back
        asked = asyncio.Event()
        asks, answers = self._asks, self._answers
        await asyncio.gather(self._ask(reader, back, asks, asked), self._answer(there, writer, answers, asked))

    async def _ask(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        flowing: asyncio.Event,
        asked: asyncio.Event,
    ) -> None:
        with suppress(ConnectionError):
            while some := await source.read(CHUNK_BYTES):
                await self._passing(flowing)
                if self._question is not None and self._question in some:
                    self._question = None
                    asked.set()
                    if self._is_dropped:
                        self._is_dropped = False
                        self._lost.set()
                        break
                target.write(some)
                await target.drain()
        target.close()

    async def _answer(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        flowing: asyncio.Event,
        asked: asyncio.Event,
    ) -> None:
        with suppress(ConnectionError):
            while some := await source.read(CHUNK_BYTES):
                if asked.is_set():
                    self._lost.set()
                    break
                await self._passing(flowing)
                target.write(some)
                await target.drain()
        target.close()

    async def _passing(self, flowing: asyncio.Event) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        await flowing.wait()


@asynccontextmanager
async def proxied(there: str | tuple[str, int]) -> AsyncIterator[Proxy]:
    """A proxy before a server, until the block ends."""
    proxy = Proxy(there)
    await proxy.mend()
    try:
        yield proxy
    finally:
        await proxy.cut()


@asynccontextmanager
async def before_database(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before the PostgreSQL that a URL finds by its unix socket, and the URL that leads through the proxy."""
    there = make_url(url)
    rest = {name: value for name, value in there.query.items() if name not in {"host", "port"}}
    async with proxied(f"{there.query['host']}/.s.PGSQL.{there.query['port']}") as proxy:
        through = there.set(host="127.0.0.1", port=proxy.port, query=rest | {"sslmode": "disable"})
        yield proxy, through.render_as_string(hide_password=False)


@asynccontextmanager
async def before_redis(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before the Redis at a `unix://` URL, and the URL that leads through the proxy."""
    async with proxied(url.removeprefix("unix://")) as proxy:
        yield proxy, f"redis://{proxy.host}/0"
