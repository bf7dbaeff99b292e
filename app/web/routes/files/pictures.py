"""Pictures that are drawn when they are asked for, behind signed links: annotated and shared media, and charts."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import pictures
from app.database import Database
from app.errors import DomainError
from app.services import links
from app.services.wildlife.pictures import charts, media
from app.web.middleware import SANDBOX
from app.web.routes.problem_responses import refusal

# Whoever keeps a copy asks again before it is used: the right to see it may be over.
HEADERS = {**SANDBOX, "Cache-Control": "private, no-cache"}
DRAWN_FROM_MEDIA = {media.ANNOTATED, media.SHARED}


def routes(database: Database) -> list[Route]:
    """Where the links lead."""

    async def read(request: Request) -> Response:
        """The picture, as the holder of the link may see it now."""
        try:
            content, media_type = await _drawn(database, request.path_params["token"])
        except DomainError as error:
            return refusal(error)
        return Response(content, media_type=media_type, headers=HEADERS)

    return [Route("/pictures/{token}", read)]


async def _drawn(database: Database, token: str) -> tuple[bytes, str]:
    """What is drawn, and its type. No connection waits while it is drawn."""
    async with database.reading() as session:
        opened = await links.opened(session, media.ROUTE, token)
        is_medium = opened.kind in DRAWN_FROM_MEDIA
        medium = await media.picture(session, opened) if is_medium else None
        chart = None if is_medium else await charts.chart(session, opened)
    if medium is not None:
        return await media.drawn(*medium), pictures.MEDIA_TYPE
    assert chart is not None
    return await charts.drawn(*chart), charts.MEDIA_TYPE
