"""Machines to take along and pictures of their graphs, made when their links are used."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.database import Database
from app.errors import DomainError
from app.services.automl.answering import exports
from app.web.middleware import SANDBOX
from app.web.routes.problem_responses import refusal


def routes(database: Database) -> list[Route]:
    """Where the links lead, which ask each time what their holders may do now."""

    async def download(request: Request) -> Response:
        try:
            made = await exports.exported(database, request.path_params["token"])
        except DomainError as error:
            return refusal(error)
        how = "inline" if made.media_type.startswith("image/") else "attachment"
        headers = {
            **SANDBOX,
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f'{how}; filename="{made.filename}"',
        }
        return Response(made.content, headers=headers, media_type=made.media_type)

    return [Route(f"/{exports.ROUTE}/{{token}}", download)]
