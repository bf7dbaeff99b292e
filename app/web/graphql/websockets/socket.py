"""Where WebSockets come in, are counted, and are closed with a code that their clients understand."""

import asyncio
import random
from contextlib import suppress

import structlog
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from app.errors import Code
from app.settings import settings
from app.web.graphql.connection_slots import Places
from app.web.graphql.errors import failure
from app.web.graphql.execution import GraphQLEngine
from app.web.graphql.operations.operation import Caller
from app.web.graphql.websockets.connection import HANDSHAKE, Handshake
from app.web.graphql.websockets.session import RESTART, SUBPROTOCOL, CloseSocket, SocketSession
from app.web.origin import address_of, client_of, is_foreign_page, request_id_of
from app.web.routes import metrics

PROTOCOL = "graphql-transport-ws"
# At an end all clients come again: not all in the same instant.
SPREAD_S = 0.5
ORIGIN_LENGTH_MAX = 200
FOREIGN = "Pages of this origin may not connect. The operator lists those that may in FIELDGRAPH_CORS_ORIGINS."

log = structlog.get_logger(__name__)


class Sockets:
    """Takes every WebSocket, and can end them all."""

    def __init__(self, engine: GraphQLEngine, places: Places) -> None:
        self._engine = engine
        self._places = places
        self._held: set[SocketSession] = set()
        self._emptied = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        offered: list[str] = scope.get("subprotocols", [])
        spoken = PROTOCOL in offered
        caller = Caller(request_id_of(scope), address_of(scope), "socket", client=client_of(scope))
        headers = Headers(scope=scope)
        if is_foreign_page(headers):
            log.info("socket refused", request_id=caller.request_id, origin=headers["origin"][:ORIGIN_LENGTH_MAX])
            await WebSocket(scope, receive, send).send_denial_response(_foreign(caller.request_id))
            return
        session = SocketSession(self._engine, caller, self._places, self._closed, headers.get("authorization"))
        try:
            await receive()
            # A browser reads our close code only if it is given one of the protocols that it offered.
            subprotocol = PROTOCOL if spoken else next(iter(offered), None)
            await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})
        except OSError:
            # The client has gone before it was let in.
            return
        metrics.sockets.inc()
        self._held.add(session)
        handshake: Handshake = scope["extensions"][HANDSHAKE]["handshake"]
        handshake.hand_over(session)
        if not spoken:
            session.end(CloseSocket(SUBPROTOCOL, f"Subprotocol not acceptable: use {PROTOCOL}"))

    def _closed(self, session: SocketSession) -> None:
        metrics.sockets.dec()
        self._held.discard(session)
        if not self._held:
            self._emptied.set()

    async def end(self) -> None:
        """Close every socket with 1012 when its subscriptions have ended; clients take it as: connect again."""
        for session in self._held:
            restart = CloseSocket(RESTART, "The server restarts: connect again")
            session.end(restart, after_s=random.uniform(0, SPREAD_S))  # noqa: S311 - no secret depends on it
        if self._held:
            self._emptied.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._emptied.wait(), settings.shutdown_s / 2)


def _foreign(request_id: str) -> Response:
    return JSONResponse({"errors": [failure(FOREIGN, Code.FORBIDDEN, requestId=request_id)]}, status_code=403)
