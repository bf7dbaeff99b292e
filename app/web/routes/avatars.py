"""People's pictures: public as their profiles are, and never another under the same address."""

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import pictures
from app.errors import DomainError, NotFound
from app.services.accounts.users import profiles
from app.web.middleware import SANDBOX
from app.web.routes.problem_responses import refusal

NAME = re.compile(r"[0-9a-f]{32}")
HEADERS = {
    **SANDBOX,
    "Cache-Control": "public, max-age=31536000, immutable",
    # Any page may show it.
    "Cross-Origin-Resource-Policy": "cross-origin",
}


async def read(request: Request) -> Response:
    """One picture in one size."""
    name, side = request.path_params["name"], request.path_params["side"]
    try:
        if not NAME.fullmatch(name) or side not in profiles.SIDES:
            raise NotFound("There is no such picture.")
        content = await profiles.avatar(name, side)
    except DomainError as error:
        return refusal(error)
    return Response(content, media_type=pictures.MEDIA_TYPE, headers=HEADERS)


routes = [Route("/avatars/{name}/{side:int}.webp", read)]
