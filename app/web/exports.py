"""Exports, streamed: written as they are read, so that memory stays flat."""

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.database import Database
from app.errors import DomainError
from app.services.mapping.exports import exported
from app.web.refusals import refusal


def routes(database: Database) -> list[Route]:
    """Where the links to exports lead."""

    async def read(request: Request) -> Response:
        try:
            file = await exported(database.reading, request.path_params["token"])
        except DomainError as error:
            return refusal(error)
        headers = {"Cache-Control": "private", "Content-Disposition": f'attachment; filename="{file.name}"'}
        return StreamingResponse(file.pieces, headers=headers, media_type=file.media_type)

    return [Route("/exports/{token}", read)]
