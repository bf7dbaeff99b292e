"""The schema as a file at /schema.graphql, with an ETag: code generators ask again and again, and it rarely changes."""

from collections.abc import Awaitable, Callable
from functools import cached_property
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.errors import DomainError
from app.policies import Viewer, signed_in
from app.settings import settings
from app.web.origin import bearer
from app.web.routes.problem_responses import refusal

PATH = "/schema.graphql"


class SchemaText:
    """Prints the schema when it is first asked for: that takes a second, which a start should not."""

    def __init__(self, text: Callable[[], str], viewer: Callable[[str | None], Awaitable[Viewer]]) -> None:
        self._make = text
        self._viewer = viewer

    @property
    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        return [Route(PATH, self._show)]

    @cached_property
    def _text(self) -> bytes:
        return self._make().strip().encode() + b"\n"

    @cached_property
    def _tag(self) -> str:
        # Weak, since compression changes the bytes.
        return f'W/"{sha256(self._text).hexdigest()[:32]}"'

    async def _show(self, request: Request) -> Response:
        if settings.trusted_documents:
            try:
                # As introspection then is: for people who are signed in.
                signed_in(await self._viewer(bearer(request.headers.get("authorization"))))
            except DomainError as error:
                return refusal(error)
        headers = {"ETag": self._tag, "Cache-Control": "no-cache", "Vary": "Authorization"}
        if _is_known(self._tag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return Response(self._text, headers=headers, media_type="text/plain")


def _is_known(tag: str, header: str) -> bool:
    """Whether a client has it, by its If-None-Match; weak and strong tags are compared alike (RFC 9110, 8.8.3.2)."""
    opaque = tag.removeprefix("W/")
    return any(each.strip().removeprefix("W/") in {opaque, "*"} for each in header.split(","))
