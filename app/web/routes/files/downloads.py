"""Labels, areas and what was found, behind signed links: written when they are asked for, so as they are now.

A file is written to its end before any of it is sent. What cannot be finished is refused with a status that says so,
and a client knows from `Content-Length` whether it has all of it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.database import Database
from app.errors import DomainError, NotFound, TimedOut, Unavailable
from app.services.mapping.labels import exports
from app.services.mapping.predictions import downloads
from app.services.mapping.predictions.downloads import Reading, StreamedFile
from app.settings import settings
from app.web.middleware import SANDBOX
from app.web.request_body import unless_gone
from app.web.routes.problem_responses import refusal

Opened = Callable[[Reading, str], Awaitable[StreamedFile]]


def routes(database: Database) -> list[Route]:
    """Where the links lead."""
    turns = asyncio.Semaphore(settings.exports_at_once)

    def read(opened: Opened) -> Callable[[Request], Awaitable[Response]]:
        async def read(request: Request) -> Response:
            try:
                file = await opened(database.reading, request.path_params["token"])
                async with turns:
                    written = await unless_gone(request.receive, _written(file.pieces))
            except DomainError as error:
                return refusal(error)
            if written is None:
                return Response(status_code=499)  # nobody reads it
            disposition = f'attachment; filename="{file.name}"'
            headers = {**SANDBOX, "Cache-Control": "no-store", "Content-Disposition": disposition}
            return await WrittenFile.of(written, media_type=file.media_type, headers=headers)

        return read

    return [
        Route("/exports/{token}", read(exports.labels_or_area)),
        Route("/features/{token}", read(downloads.found_features)),
    ]


class WrittenFile(StreamingResponse):
    """A temporary file, which goes when it has been sent or its client has gone."""

    _file: Any

    @classmethod
    async def of(cls, file: Any, *, media_type: str, headers: dict[str, str]) -> "WrittenFile":
        """Sends a file from where it is read to its end."""
        size = await file.seek(0, 2)
        await file.seek(0)
        response = cls(_pieces(file), media_type=media_type, headers={**headers, "Content-Length": str(size)})
        response._file = file
        return response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._file.aclose()


async def _pieces(file: Any) -> AsyncIterator[bytes]:
    while piece := await file.read(settings.file_chunk_bytes):
        yield piece


async def _written(pieces: AsyncGenerator[bytes, None]) -> Any:
    """A temporary file with all of the pieces."""
    async with AsyncExitStack() as stack:
        file: Any = await stack.enter_async_context(anyio.TemporaryFile())
        try:
            async with asyncio.timeout(settings.export_s_max), aclosing(pieces):
                async for piece in pieces:
                    await file.write(piece)
        except TimeoutError:
            raise TimedOut("This file takes too long to write now. Request a part of it, or try again later.") from None
        except OSError:
            raise Unavailable("There is no space to write this file now. Try again later.") from None
        if not await file.tell():
            raise NotFound("This file would be empty: nothing matches.")
        stack.pop_all()
        return file
