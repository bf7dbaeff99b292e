"""Frames of classifications, as the files that they are: with their own media type, and no content encoding."""

import hashlib
from collections.abc import Awaitable, Callable

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from app.database import Database
from app.errors import DomainError, NotFound
from app.formats.frames import MEDIA_TYPE
from app.gateways import storage
from app.policies import Viewer
from app.services.wildlife.frames import reading, storing
from app.web.middleware import SANDBOX
from app.web.routes.problem_responses import refusal

PATH = "/api/media-classifications/classifications/{id}/frames/"
ID_MAX = 2**63
HEADERS = {**SANDBOX, "Cache-Control": "private, no-cache", "Vary": "Authorization"}

WhoIs = Callable[[str | None], Awaitable[Viewer]]


def routes(database: Database, viewer: WhoIs, key_of: Callable[[str], int]) -> list[Route]:
    """Where a classification's file of frames is read, by its global id or by its number."""

    async def read(request: Request) -> Response:
        try:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            who = await viewer(token.strip() if scheme.lower() == "bearer" and token else None)
            async with database.reading() as session:
                file = await reading.file_of(session, who, _key(request.path_params["id"], key_of))
            return await _sent(file, request)
        except DomainError as error:
            return refusal(error)

    return [Route(PATH, read)]


def _key(id: str, key_of: Callable[[str], int]) -> int:
    if id.isdecimal():
        number = int(id[:20])
        if not 0 < number < ID_MAX:
            raise NotFound("There is no such classification.")
        return number
    return key_of(id)


async def _sent(file: reading.FramesFile, request: Request) -> Response:
    digest = file.digest or hashlib.sha256(file.content or b"").hexdigest()
    headers = {**HEADERS, "ETag": f'"{digest}"'}
    if f'"{digest}"' in request.headers.get("if-none-match", "") or request.headers.get("if-none-match") == "*":
        return Response(status_code=304, headers=headers)
    if file.content is not None:
        return Response(file.content, media_type=MEDIA_TYPE, headers=headers)
    key = storing.key_of(digest)
    path = storage.local_path(key)
    if path is not None:
        if not await anyio.Path(path).is_file():
            raise NotFound("This file no longer exists.")
        return FileResponse(path, media_type=MEDIA_TYPE, headers=headers)
    headers["Content-Length"] = str(await storage.size(key))
    return StreamingResponse(storage.stream(key), media_type=MEDIA_TYPE, headers=headers)
