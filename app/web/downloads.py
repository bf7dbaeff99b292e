"""Labels, areas and what was found, behind signed links: written while they are sent, so as they are now."""

from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.database import Database
from app.errors import DomainError, NotFound
from app.services import mapping
from app.services.mapping import Reading, StreamedFile
from app.web.middleware import SANDBOX
from app.web.refusals import refusal

Opened = Callable[[Reading, str], Awaitable[StreamedFile]]


def routes(database: Database) -> list[Route]:
    """Where the links lead."""

    def read(opened: Opened) -> Callable[[Request], Awaitable[Response]]:
        async def read(request: Request) -> Response:
            try:
                file = await opened(database.reading, request.path_params["token"])
                first = await _begun(file.pieces)
            except DomainError as error:
                return refusal(error)
            disposition = f'attachment; filename="{file.name}"'
            headers = {**SANDBOX, "Cache-Control": "no-store", "Content-Disposition": disposition}
            return StreamingResponse(_all(first, file.pieces), media_type=file.media_type, headers=headers)

        return read

    return [
        Route("/exports/{token}", read(mapping.labels_or_area)),
        Route("/features/{token}", read(mapping.found_features)),
    ]


async def _begun(pieces: AsyncIterator[bytes]) -> bytes:
    """The first bytes, asked for before the answer begins, while it can still be another."""
    async for piece in pieces:
        if piece:
            return piece
    raise NotFound("There is nothing that would go into this file.")


async def _all(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
