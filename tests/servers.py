"""Real servers on loopback for tests: an ASGI application in a thread, at a port the system chooses."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.graphql.websockets.connection import Handshake

START_S_MAX = 120
PROCESS_START_S_MAX = 240
ROOT = Path(__file__).parent.parent


class Server(NamedTuple):
    """A running server: its address without a trailing slash, its host and port, and how often each path was asked."""

    url: str
    host: str
    asked: Counter[str]


class _Announcing(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.announced = threading.Event()

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets)
        self.announced.set()

    async def shutdown(self, sockets=None) -> None:
        await super().shutdown(sockets)
        # A loop that ends leaves what is open to the garbage collector, which complains in the middle of another test.
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


@contextmanager
def serving(app: ASGIApp) -> Iterator[Server]:
    """The application, served until the block ends; connections still open then are dropped."""
    asked: Counter[str] = Counter()

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            asked[scope["path"]] += 1
        await app(scope, receive, send)

    server = _Announcing(
        uvicorn.Config(
            counted, host="127.0.0.1", port=0, ws=Handshake, log_level="critical", timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert server.announced.wait(START_S_MAX), "The server did not start."
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Server(f"http://127.0.0.1:{port}", f"127.0.0.1:{port}", asked)
    finally:
        server.should_exit = True
        thread.join(START_S_MAX)


@asynccontextmanager
async def serving_aside(app: ASGIApp) -> AsyncIterator[Server]:
    """The same for an application that needs the event loop of the test to begin and to end: a proxy may run there."""
    server = serving(app)
    running = await asyncio.to_thread(server.__enter__)
    try:
        yield running
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


@contextmanager
def api_process(**settings: str) -> Iterator[Server]:
    """The API in a process of its own, as `fieldgraph serve` runs it, over the database and the Redis of the tests."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host, port = probe.getsockname()
    environment = os.environ | {"FIELDGRAPH_SOCKET_TOKEN_CHECK_S": "600", "PYTHONPATH": str(ROOT)} | settings
    environment["PORT"] = str(port)
    command = (sys.executable, "-P", "-m", "app.cli", "serve")
    deadline = time.monotonic() + PROCESS_START_S_MAX
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT) as process:
        try:
            while not _listens(host, port):
                assert process.poll() is None, "The API ended."
                assert time.monotonic() < deadline, "The API did not start."
                time.sleep(0.1)
            yield Server(f"http://{host}:{port}", f"{host}:{port}", Counter())
        finally:
            process.terminate()


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port)).close()
    except ConnectionRefusedError:
        return False
    return True
