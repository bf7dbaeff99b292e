"""Files that signed links lead to, while they are kept in the local folder; an object store serves its own."""

import asyncio
from collections.abc import AsyncIterator

import anyio
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from app.errors import Code, DomainError, LimitReached, NotFound
from app.gateways import storage
from app.settings import settings
from app.web.graphql.errors import failure
from app.web.middleware import SANDBOX
from app.web.request_body import Early, body_of
from app.web.routes.problem_responses import WrongType, refusal

HEADERS = {**SANDBOX, "Cache-Control": "private"}


async def read(request: Request) -> Response:
    """The file a link was signed for, as an attachment; in parts where the client asks for a range."""
    try:
        link = storage.opened_download(request.path_params["token"])
        path = storage.local_path(link.key)
        if path is None or not await anyio.Path(path).is_file():
            raise NotFound("This file is gone.")
    except DomainError as error:
        return refusal(error)
    return FileResponse(path, media_type=link.media_type, filename=link.filename.replace("/", "_"), headers=HEADERS)


async def write(request: Request) -> Response:
    """One file, streamed to where its link says. Whoever has no link is refused before anything is read."""
    try:
        link = _opened(request)
    except DomainError as error:
        return Early.of(refusal(error))
    body = body_of(request)
    try:
        async with asyncio.timeout(settings.upload_s_max):
            try:
                await storage.put_once(link.key, _counted(body, request.headers, link.bytes_max))
                return JSONResponse({"bytes": await storage.size(link.key)}, 201)
            except DomainError as error:
                await _hear_out(body)
                return refusal(error)
    except (TimeoutError, ClientDisconnect):
        late = JSONResponse({"errors": [failure("The file did not arrive in time.", Code.TIMEOUT)]}, 408)
        return Early.of(late)


def _opened(request: Request) -> storage.Upload:
    link = storage.opened_upload(request.path_params["token"])
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != link.media_type:
        raise WrongType(f"This link takes {link.media_type}.")
    return link


async def _counted(body: AsyncIterator[bytes], headers: Headers, bytes_max: int) -> AsyncIterator[bytes]:
    too_large = LimitReached(f"This link takes at most {bytes_max:,} bytes.", limit=bytes_max)
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > bytes_max:
        raise too_large
    total = 0
    async for chunk in body:
        total += len(chunk)
        if total > bytes_max:
            raise too_large
        if chunk:
            yield chunk


async def _hear_out(body: AsyncIterator[bytes]) -> None:
    """Let the client finish, unkept and within bounds: while it sends it would not listen to an answer."""
    left = settings.upload_bytes_max
    async for chunk in body:
        left -= len(chunk)
        if left < 0:
            break


routes = [
    Route("/files/{token}", read),
    Route("/uploads/{token}", write, methods=["PUT"]),
]
