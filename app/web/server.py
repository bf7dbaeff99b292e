"""The process that serves: uvicorn, which tells its clients before it closes."""

import asyncio
import resource
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from app.settings import settings
from app.web.connection_limits import Crowd
from app.web.fast_path.exchange import Hurry, Post
from app.web.fast_path.protocol import BoundedHttp
from app.web.graphql.websockets.connection import Handshake
from app.web.proxies import ours

# For the database, Redis, what is read and sent, and whoever asks whether we are well.
FILES_RESERVED = 200


class Server(uvicorn.Server):
    """On SIGTERM: say that we are leaving, stop accepting, end the subscriptions, let requests finish, exit.

    uvicorn alone would drop the sockets first, without ending what runs on them.
    """

    def __init__(
        self, config: uvicorn.Config, *, leaving: Callable[[], None], end: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(config)
        self._leaving = leaving
        self._end = end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._leaving()
        # Time for a load balancer to see that we are not ready any more, while we still answer.
        await asyncio.sleep(settings.shutdown_notice_s)
        # Before the sockets end: else their clients would come right back to us.
        for server in self.servers:
            server.close()
        await self._end()
        await super().shutdown(sockets)


def open_files_max() -> int:
    """How many files and connections this process may have open, as many as the system lets it ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in {soft, resource.RLIM_INFINITY}:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else max(soft, settings.connections_max + FILES_RESERVED)


def shared_socket() -> socket.socket:
    """A socket at our address that other processes may have, too: the kernel divides connections among them."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    shared = socket.socket(family, kind, protocol)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.bind(address)
    return shared


def configuration(
    app: ASGIApp,
    *,
    post: Post | None = None,
    hurry: Hurry | None = None,
    host: str | None = None,
    port: int | None = None,
) -> uvicorn.Config:
    """How this application is served, and by `post` its plain POSTs, which the protocol answers without it.

    What `hurry` can answer, it answers without a task.

    Access is logged by operation, not by path: a GET's path holds its variables.
    """
    config = uvicorn.Config(
        app,
        host=host or settings.host,
        port=settings.port if port is None else port,
        loop="uvloop",
        ws=Handshake,
        ws_max_size=settings.socket_message_bytes_max,
        # Our protocol has its own pings, which prove that the client's program lives, not only its socket.
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        # Our own middleware knows which proxies are ours.
        proxy_headers=False,
        limit_concurrency=min(settings.connections_max, max(1, open_files_max() - FILES_RESERVED)),
        timeout_graceful_shutdown=round(settings.shutdown_s),
    )
    bounded = partial(BoundedHttp, post=post, hurry=hurry, crowd=Crowd(), proxies=ours())
    config.http = cast("type[asyncio.Protocol]", bounded)
    return config
