"""Where WebSockets come in, are counted, and are closed with a code that their clients understand."""

import asyncio
import random
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from app.errors import Code, RateLimited
from app.settings import settings
from app.web.graphql.connection_slots import Places, holder
from app.web.graphql.errors import failure
from app.web.graphql.execution import GraphQLEngine
from app.web.graphql.operations.operation import Caller
from app.web.graphql.websockets.outbox import LINE, Line
from app.web.graphql.websockets.session import RESTART, SUBPROTOCOL, TRY_AGAIN, Conversation, Ended
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
        self._held: dict[asyncio.Task[Any], Conversation] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        offered: list[str] = scope.get("subprotocols", [])
        spoken = PROTOCOL in offered
        caller = Caller(request_id_of(scope), address_of(scope), "socket", client=client_of(scope))
        headers = Headers(scope=scope)
        if is_foreign_page(headers):
            log.info("socket refused", request_id=caller.request_id, origin=headers["origin"][:ORIGIN_LENGTH_MAX])
            await WebSocket(scope, receive, send).send_denial_response(_foreign(caller.request_id))
            return
        metrics.sockets.inc()
        try:
            await receive()
            # A browser reads our close code only if it is given one of the protocols that it offered.
            subprotocol = PROTOCOL if spoken else next(iter(offered), None)
            await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})
            line: Line = scope["extensions"][LINE]["line"]
            ended = (
                await self._converse(line, receive, caller, headers.get("authorization")) if spoken else _not_spoken()
            )
            if ended:
                _close(line, ended, caller)
        except OSError:
            # The client has gone before it was let in.
            return
        finally:
            metrics.sockets.dec()
            self._held.pop(_task(), None)

    async def _converse(self, line: Line, receive: Receive, caller: Caller, authorization: str | None) -> Ended | None:
        try:
            place = self._places.take(holder(None, caller.address))
        except RateLimited as problem:
            # Clients take it as: try again, later and later.
            return Ended(TRY_AGAIN, problem.message)
        conversation = Conversation(line, receive, self._engine, caller, place, authorization)
        self._held[_task()] = conversation
        try:
            return await conversation.hold()
        finally:
            place.leave()

    async def end(self) -> None:
        """Close every socket with 1012 when its subscriptions have ended; clients take it as: connect again."""
        held = dict(self._held)
        for conversation in held.values():
            restart = Ended(RESTART, "The server restarts: connect again")
            conversation.end(restart, after_s=random.uniform(0, SPREAD_S))  # noqa: S311 - no secret depends on it
        if held:
            await asyncio.wait(held, timeout=settings.shutdown_s / 2)


def _task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task, "a socket is served by a task"
    return task


def _foreign(request_id: str) -> Response:
    return JSONResponse({"errors": [failure(FOREIGN, Code.FORBIDDEN, requestId=request_id)]}, status_code=403)


def _not_spoken() -> Ended:
    return Ended(SUBPROTOCOL, f"Subprotocol not acceptable: use {PROTOCOL}")


def _close(line: Line, ended: Ended, caller: Caller) -> None:
    metrics.closes.labels(ended.code).inc()
    log.info("socket closed", request_id=caller.request_id, code=ended.code, reason=ended.reason)
    line.hang_up(ended.code, ended.reason)
