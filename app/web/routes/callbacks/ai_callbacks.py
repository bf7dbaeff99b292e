"""Where AI Managers call back."""

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from app.database import Database
from app.errors import DomainError, NotFound
from app.services.wildlife.ai_jobs.managers import callbacks
from app.services.wildlife.ai_jobs.managers.callbacks import Hint
from app.settings import settings
from app.web.request_body import Early, small_body
from app.web.routes.problem_responses import refusal

HEADER = "x-callback-token"
TOKEN_LENGTH_MAX = 200


def routes(database: Database) -> list[Route]:
    """The address that a start names, with its token in the query or in a header."""

    async def receive(request: Request) -> Response:
        token = request.headers.get(HEADER) or request.query_params.get("token", "")
        try:
            if not 0 < len(token) <= TOKEN_LENGTH_MAX:
                raise NotFound(callbacks.UNKNOWN)
            hint = Hint.of(await _json(request))
            async with database.writing() as session:
                await callbacks.accept(session, request.path_params["uuid"], token, hint)
        except DomainError as error:
            return Early.of(refusal(error))
        except (TimeoutError, ClientDisconnect):
            return Early.of(Response(status_code=408))
        # Late, doubled and outdated ones are answered alike: whoever sends them need not know.
        return Response(status_code=204)

    return [Route("/ai/callback/{uuid}", receive, methods=["POST"])]


async def _json(request: Request) -> object:
    bytes_max = settings.ai_callback_bytes_max
    content = await small_body(request, bytes_max, s_max=settings.upload_s_max, refusal="A callback is small.")
    try:
        payload: object = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return payload
