"""Features that signed links lead to: written while they are sent, so that they are as they are now."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.database import Database
from app.errors import DomainError, NotFound
from app.services import mapping
from app.web.files import HEADERS
from app.web.refusals import refusal


class Features:
    """The files of predictions that no job has made."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def routes(self) -> list[Route]:
        """Where the links lead."""
        return [Route("/features/{token}", self.read)]

    async def read(self, request: Request) -> Response:
        """The features a link was signed for, as an attachment."""
        try:
            wanted, form = mapping.opened_link(request.path_params["token"])
            pieces = mapping.pieces(self._database.reading, wanted, form)
            # Asked for before the answer begins, while it can still be another.
            first = await anext(pieces)
            if not first and form is mapping.FileFormat.FLATGEOBUF:
                raise NotFound("There is no such feature.")
        except DomainError as error:
            return refusal(error)
        name = f"prediction-{wanted.prediction_id}.{form.suffix}"
        headers = {**HEADERS, "Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(_all(first, pieces), media_type=form.media_type, headers=headers)


async def _all(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
