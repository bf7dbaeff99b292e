"""Where AI Managers call back."""

import asyncio

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from app.database import Database
from app.errors import DomainError, LimitReached, NotFound
from app.services.wildlife.ai_jobs import callbacks
from app.services.wildlife.ai_jobs.callbacks import Hint
from app.settings import settings
from app.web.request_body import Early, body_of
from app.web.routes.problem_responses import refusal

HEADER = "x-callback-token"
TOKEN_LENGTH_MAX = 200


def routes(database: Database) -> list[Route]:
    """The address that a start names, with its token in the query or in a header."""

    async def hear(request: Request) -> Response:
        token = request.headers.get(HEADER) or request.query_params.get("token", "")
        try:
            if not 0 < len(token) <= TOKEN_LENGTH_MAX:
                raise NotFound(callbacks.UNKNOWN)
            hint = Hint.of(await _json(request))
            async with database.writing() as session:
                await callbacks.hear(session, request.path_params["uuid"], token, hint)
        except DomainError as error:
            return Early.of(refusal(error))
        except (TimeoutError, ClientDisconnect):
            return Early.of(Response(status_code=408))
        # Late, doubled and outdated ones are answered alike: whoever sends them need not know.
        return Response(status_code=204)

    return [Route("/ai/callback/{uuid}", hear, methods=["POST"])]


async def _json(request: Request) -> object:
    content = bytearray()
    async with asyncio.timeout(settings.upload_s_max):
        async for piece in body_of(request):
            content += piece
            if len(content) > settings.ai_callback_bytes_max:
                raise LimitReached("A callback is small.", limit=settings.ai_callback_bytes_max)
    try:
        payload: object = orjson.loads(bytes(content))
    except orjson.JSONDecodeError:
        return None
    return payload
