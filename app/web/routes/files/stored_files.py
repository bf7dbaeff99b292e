"""Files that signed links lead to: from the local folder, or by a short way on to the object store that keeps them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.database import Database
from app.errors import Code, DomainError, LimitReached, NotFound
from app.gateways import storage
from app.gateways.storage import StoredFile
from app.services import links
from app.services.system.files import uploads
from app.services.system.files.uploads import Upload
from app.settings import settings
from app.web.graphql.errors import failure
from app.web.middleware import SANDBOX
from app.web.request_body import Early, body_of
from app.web.routes.problem_responses import WrongType, refusal

# Whoever keeps a copy asks again before it is used: the right to see it may be over.
HEADERS = {**SANDBOX, "Cache-Control": "private, no-cache"}

FileOf = Callable[[str], Awaitable[StoredFile]]
UploadOf = Callable[[str], Awaitable[Upload]]


def routes(database: Database) -> list[Route]:
    """Where the links lead, which ask each time what their holders may do now."""

    async def file_of(token: str) -> StoredFile:
        async with database.reading() as session:
            opened = await links.opened(session, "files", token)
        return links.FILES[opened.kind](opened)

    async def upload_of(token: str) -> Upload:
        async with database.reading() as session:
            return await uploads.upload_of(session, token)

    return routes_of(file_of, upload_of)


def routes_of(file_of: FileOf, upload_of: UploadOf) -> list[Route]:
    """Where the links lead, by what their tokens mean."""

    async def read(request: Request) -> Response:
        """The file a link was signed for, as an attachment; in parts where the client asks for a range."""
        try:
            return await _sent(await file_of(request.path_params["token"]), is_head=request.method == "HEAD")
        except DomainError as error:
            return refusal(error)

    async def write(request: Request) -> Response:
        """One file, streamed to where its link says. Whoever has no link is refused before anything is read."""
        try:
            upload = await upload_of(request.path_params["token"])
            if request.headers.get("content-type", "").partition(";")[0].strip().lower() != upload.media_type:
                raise WrongType(f"This link takes {upload.media_type}.")
        except DomainError as error:
            return Early.of(refusal(error))
        return await _taken(request, upload, upload_of)

    return [Route("/files/{token}", read), Route("/uploads/{token}", write, methods=["PUT"])]


async def _sent(file: StoredFile, *, is_head: bool) -> Response:
    """The file itself, or the way to an object store's own address, which holds for a minute."""
    address = storage.presigned_download(file.key, method="HEAD" if is_head else "GET")
    if address is not None:
        return RedirectResponse(address, 307, {"Cache-Control": "no-store"})
    path = storage.local_path(file.key)
    if path is None or not await anyio.Path(path).is_file():
        raise NotFound("This file no longer exists.")
    return FileResponse(path, media_type=file.media_type, filename=file.filename.replace("/", "_"), headers=HEADERS)


async def _still_expected(request: Request, key: str, upload_of: UploadOf) -> None:
    """Keeps what has arrived only if it is still expected: sending may take minutes, and nobody would count it."""
    try:
        await upload_of(request.path_params["token"])
    except DomainError:
        await storage.delete(key)
        raise


async def _taken(request: Request, link: Upload, upload_of: UploadOf) -> Response:
    body = body_of(request)
    try:
        async with asyncio.timeout(settings.upload_s_max):
            try:
                await storage.put_once(link.key, _counted(body, request.headers, link.bytes_max))
                await _still_expected(request, link.key, upload_of)
                return JSONResponse({"bytes": await storage.size(link.key)}, 201)
            except DomainError as error:
                await _hear_out(body)
                return refusal(error)
    except (TimeoutError, ClientDisconnect):
        late = JSONResponse({"errors": [failure("The file did not arrive in time. Send it again.", Code.TIMEOUT)]}, 408)
        return Early.of(late)


async def _counted(body: AsyncIterator[bytes], headers: Headers, bytes_max: int) -> AsyncIterator[bytes]:
    too_large = LimitReached(f"This link accepts at most {bytes_max:,} bytes.", limit=bytes_max)
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
