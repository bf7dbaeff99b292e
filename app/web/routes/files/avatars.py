"""People's pictures: public as long as their profiles are, and never another under the same address."""

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import pictures
from app.database import Database
from app.errors import DomainError, NotFound
from app.services.accounts.users import profiles
from app.settings import settings
from app.web.middleware import SANDBOX
from app.web.routes.problem_responses import refusal

NAME = re.compile(r"[0-9a-f]{32}")
HEADERS = {
    **SANDBOX,
    # Any page may show it.
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def routes(database: Database) -> list[Route]:
    """Where everybody finds the pictures of people that everybody sees."""

    async def read(request: Request) -> Response:
        name, side = request.path_params["name"], request.path_params["side"]
        try:
            if not NAME.fullmatch(name) or side not in profiles.SIDES:
                raise NotFound("There is no such picture.")
            async with database.reading() as session:
                await profiles.check_worn(session, name)
            content = await profiles.avatar(name, side)
        except DomainError as error:
            return refusal(error)
        headers = {"Cache-Control": f"public, max-age={settings.avatar_cache_s}", **HEADERS}
        return Response(content, media_type=pictures.MEDIA_TYPE, headers=headers)

    return [Route("/avatars/{name}/{side:int}.webp", read)]
