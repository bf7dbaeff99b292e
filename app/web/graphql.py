"""GraphQL over HTTP: one path for POST, GET, server-sent events and, beside them, the WebSocket."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import orjson
import strawberry
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from app.errors import Code, DomainError
from app.web import accept
from app.web.budget import Budget
from app.web.engine import ANY_KIND, Caller, Engine, Limits, MakeContext, Operation, Reply, accident, refusal
from app.web.errors import Refused, failure
from app.web.origin import address_of, bearer, foreign_browser, request_id_of
from app.web.request import Malformed, Parameters, posted, queried

PATH = "/graphql"
READING = frozenset({OperationType.QUERY, OperationType.SUBSCRIPTION})
STATUS: dict[str, int] = {
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.RATE_LIMITED: 429,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.TIMEOUT: 504,
}


class GraphQL:
    """The view: hand in what it cannot know, mount its `routes`."""

    def __init__(
        self, *, schema: strawberry.Schema, context: MakeContext, limits: Limits, budget: Budget | None = None
    ) -> None:
        self.engine = Engine(schema, context=context, limits=limits, budget=budget)
        self.routes: list[BaseRoute] = [Route(PATH, Endpoint(self.engine))]


class Endpoint:
    """An ASGI application, not a function: so that every method, even one we refuse, gets a GraphQL answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        caller = Caller(request_id_of(scope), address_of(scope), "http")
        if request.method == "GET" and _wants_the_explorer(request):
            await RedirectResponse("/graphiql", status_code=303)(scope, receive, send)
            return
        try:
            media_types = _media_types(request)
            parameters = await _parameters(request)
        except Malformed as malformed:
            response = _refused(malformed, accept.choices(request.headers.get("accept")))
        except ClientDisconnect:
            return
        else:
            work = self._answered(request, parameters, media_types, caller)
            found = await _unless_gone(receive, work)
            if found is None:
                return
            response = found
        await response(scope, receive, send)

    async def _answered(
        self, request: Request, parameters: Parameters, media_types: list[str], caller: Caller
    ) -> Response:
        operation: Operation | None = None
        try:
            operation = await self._engine.prepare(
                parameters,
                token=bearer(request.headers.get("authorization")),
                caller=caller,
                kinds=ANY_KIND if request.method == "POST" else READING,
            )
            reply = await self._engine.run(operation)
        except Refused as refused:
            reply = refusal(refused)
        except DomainError as problem:
            reply = refusal(Refused([problem]))
        except Exception as error:  # noqa: BLE001 - the last net: whatever happened, the client gets an answer
            reply = accident(error, caller)
        return _worded(reply, media_types[0])


def _wants_the_explorer(request: Request) -> bool:
    return "query" not in request.query_params and accept.choices(request.headers.get("accept"))[:1] == [accept.HTML]


def _media_types(request: Request) -> list[str]:
    found = [choice for choice in accept.choices(request.headers.get("accept")) if choice != accept.HTML]
    if not found:
        raise Malformed(f"We answer in {accept.RESPONSE}, {accept.JSON} or {accept.EVENTS}.", status=406)
    return found


async def _parameters(request: Request) -> Parameters:
    if request.method == "POST":
        return await posted(request)
    if request.method != "GET":
        raise Malformed("GraphQL is asked by POST or GET.", status=405, headers={"Allow": "GET, POST"})
    if foreign_browser(request.headers):
        raise Malformed("A browser's GET needs the header 'X-Requested-With'.", status=403)
    return queried(request)


async def _unless_gone(receive: Receive, work: Coroutine[Any, Any, Response]) -> Response | None:
    """The work's result; None if the client left first, and then the work is cancelled."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.create_task(work), asyncio.create_task(gone())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


def _refused(malformed: Malformed, media_types: list[str]) -> Response:
    body = {"errors": [failure(malformed.message)]}
    media_type = accept.RESPONSE if media_types[:1] == [accept.RESPONSE] else accept.JSON
    return _response(body, media_type, malformed.status, malformed.headers)


def _worded(reply: Reply, media_type: str) -> Response:
    headers = {}
    status = _status(reply, media_type)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in {429, 503} and reply.retry_after is not None:
        headers["Retry-After"] = str(reply.retry_after)
    return _response(reply.body, media_type, status, headers)


def _status(reply: Reply, media_type: str) -> int:
    """A status that says what the body says. In application/json a well-formed request is answered with 200."""
    if "data" in reply.body:
        nothing = not any(value is not None for value in (reply.body["data"] or {}).values())
        return 503 if nothing and set(reply.codes) == {Code.UNAVAILABLE} else 200
    found = STATUS.get(reply.codes[0])
    if found is not None:
        return found
    return 400 if media_type == accept.RESPONSE else 200


def _response(body: dict[str, Any], media_type: str, status: int, headers: dict[str, str]) -> Response:
    return Response(
        orjson.dumps(body),
        status_code=status,
        headers={"Cache-Control": "no-store", "Vary": "Accept", **headers},
        media_type=f"{media_type}; charset=utf-8",
    )
