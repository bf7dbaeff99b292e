"""Files that signed links lead to, while they are kept in the local folder; an object store serves its own."""

import asyncio
from collections.abc import AsyncIterator

import anyio
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from app.errors import Code, Conflict, Forbidden, Unavailable
from app.gateways import storage
from app.settings import settings
from app.web.errors import failure

HEADERS = {
    "Cache-Control": "private",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


class _TooLarge(Exception):
    """More bytes than the link allows."""


async def read(request: Request) -> Response:
    """The file a link was signed for, as an attachment; in parts where the client asks for a range."""
    try:
        link = storage.opened_download(request.path_params["token"])
    except storage.Expired as error:
        return _refusal(410, error.code, error.message)
    except Forbidden as error:
        return _refusal(403, error.code, error.message)
    path = storage.local_path(link.key)
    if path is None or not await anyio.Path(path).is_file():
        return _refusal(404, Code.NOT_FOUND, "This file is gone.")
    filename = link.filename.replace("/", "_")
    return FileResponse(path, media_type=link.media_type, filename=filename, headers=HEADERS)


async def write(request: Request) -> Response:
    """One file, streamed to where its link says."""
    try:
        async with asyncio.timeout(settings.upload_s_max):
            return await _written(request)
    except (TimeoutError, ClientDisconnect):
        return _refusal(408, Code.TIMEOUT, "The file did not arrive in time.")


async def _written(request: Request) -> Response:
    body = request.stream()
    try:
        link = storage.opened_upload(request.path_params["token"])
    except storage.Expired as error:
        return await _refused(body, 410, error.code, error.message)
    except Forbidden as error:
        return await _refused(body, 403, error.code, error.message)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != link.media_type:
        return await _refused(body, 415, Code.INVALID_INPUT, f"This link takes {link.media_type}.")
    try:
        await storage.put_once(link.key, _counted(body, request.headers, link.bytes_max))
    except _TooLarge:
        return await _refused(body, 413, Code.LIMIT_REACHED, f"This link takes at most {link.bytes_max:,} bytes.")
    except Conflict as error:
        return await _refused(body, 409, error.code, error.message)
    except Unavailable as error:
        return await _refused(body, 503, error.code, error.message)
    return JSONResponse({"bytes": await storage.size(link.key)}, 201)


async def _counted(body: AsyncIterator[bytes], headers: Headers, bytes_max: int) -> AsyncIterator[bytes]:
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > bytes_max:
        raise _TooLarge
    total = 0
    async for chunk in body:
        total += len(chunk)
        if total > bytes_max:
            raise _TooLarge
        if chunk:
            yield chunk


async def _refused(body: AsyncIterator[bytes], status: int, code: Code, message: str) -> Response:
    """A refusal, once the client has sent what it was sending: before that it would not listen."""
    left = settings.upload_bytes_max
    async for chunk in body:
        left -= len(chunk)
        if left < 0:
            break
    return _refusal(status, code, message)


def _refusal(status: int, code: Code, message: str) -> Response:
    return JSONResponse({"errors": [failure(message, code)]}, status)


routes = [
    Route("/files/{token}", read),
    Route("/uploads/{token}", write, methods=["PUT"]),
]
