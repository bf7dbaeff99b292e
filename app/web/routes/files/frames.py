"""Frames of classifications, as the files that they are: with their own media type, and no content encoding."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from app.database import Database
from app.errors import Code, DomainError, LimitReached, NotFound
from app.formats.frames import MEDIA_TYPE, UnreadableFrames
from app.formats.frames.samples import COMPRESSED_BYTES_MAX
from app.gateways import storage
from app.policies import Viewer
from app.services.wildlife.frames import reading, storing, uploading
from app.settings import settings
from app.web.graphql.errors import failure
from app.web.middleware import SANDBOX
from app.web.request_body import Early, body_of
from app.web.routes.problem_responses import WrongType, refusal

PATH = "/api/media-classifications/classifications/{id}/frames/"
ID_MAX = 2**63
HEADERS = {**SANDBOX, "Cache-Control": "private, no-cache", "Vary": "Authorization"}

WhoIs = Callable[[str | None], Awaitable[Viewer]]


def routes(database: Database, viewer: WhoIs, key_of: Callable[[str], int]) -> list[Route]:
    """Where a classification's file of frames is read and written, by its global id or by its number."""

    async def asking(request: Request) -> Viewer:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return await viewer(token.strip() if scheme.lower() == "bearer" and token else None)

    async def read(request: Request) -> Response:
        try:
            who = await asking(request)
            async with database.reading() as session:
                file = await reading.file_of(session, who, _key(request.path_params["id"], key_of))
            return await _sent(file, request)
        except DomainError as error:
            return refusal(error)

    async def write(request: Request) -> Response:
        """Takes the frames of the viewer's own classification. Who may not is refused before anything is read."""
        try:
            who, id = await asking(request), _key(request.path_params["id"], key_of)
            async with database.reading() as session:
                await uploading.wanted(session, who, id)
            if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
                raise WrongType(f"This address takes {MEDIA_TYPE}.")
        except DomainError as error:
            return Early.of(refusal(error))
        return await _taken(request, lambda path: uploading.upload_frames(database, who, id, path))

    return [Route(PATH, read), Route(PATH, write, methods=["PUT"])]


async def _taken(request: Request, keep: Callable[[Path], Awaitable[str]]) -> Response:
    try:
        async with asyncio.timeout(settings.upload_s_max), anyio.TemporaryDirectory() as folder:
            path = Path(folder) / "frames"
            async with await anyio.open_file(path, "wb") as file:
                async for chunk in _counted(body_of(request)):
                    await file.write(chunk)
            digest = await keep(path)
            return JSONResponse({"sha256": digest}, 201, headers={"ETag": f'"{digest}"'})
    except UnreadableFrames as error:
        return JSONResponse({"errors": [failure(error.message, Code.INVALID_INPUT, rule=error.code.value)]}, 400)
    except DomainError as error:
        return Early.of(refusal(error))
    except (TimeoutError, ClientDisconnect):
        late = JSONResponse({"errors": [failure("The file did not arrive in time. Send it again.", Code.TIMEOUT)]}, 408)
        return Early.of(late)


async def _counted(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    total = 0
    async for chunk in body:
        total += len(chunk)
        if total > COMPRESSED_BYTES_MAX:
            raise LimitReached(
                f"A file of frames has at most {COMPRESSED_BYTES_MAX:,} bytes.", limit=COMPRESSED_BYTES_MAX
            )
        yield chunk


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
