"""Pictures of the ground that models know: fetched once, kept, and never linked to where they come from."""

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.database import Database
from app.errors import DomainError, NotFound
from app.gateways import imagery
from app.lru import LRU
from app.services.mapping.maps.overview import pictured
from app.settings import settings
from app.web.middleware import SANDBOX
from app.web.routes.problem_responses import refusal

FAILED_MAX = 1_000
HEADERS = {
    **SANDBOX,
    # Any page may show it.
    "Cross-Origin-Resource-Policy": "cross-origin",
}


class Thumbnails:
    """The route, which remembers for a while what could not be had: else every visitor would ask for it again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._failed: LRU[int, tuple[float, DomainError]] = LRU(FAILED_MAX)
        self.routes = [Route("/thumbnails/{training:int}.png", self.read)]

    async def read(self, request: Request) -> Response:
        """The picture of a published training."""
        try:
            content = await self._picture(request.path_params["training"])
        except DomainError as error:
            return refusal(error)
        headers = {"Cache-Control": f"public, max-age={settings.thumbnail_cache_s}", **HEADERS}
        return Response(content, media_type="image/png", headers=headers)

    async def _picture(self, training_id: int) -> bytes:
        if training_id >= 2**63:
            raise NotFound("There is no such picture.")
        until, why = self._failed.get(training_id) or (0.0, None)
        if why is not None and time.monotonic() < until:
            raise why
        async with self._database.reading() as session:
            template, tile = await pictured(session, training_id)
        try:
            return await imagery.fetch_picture(template, tile)
        except DomainError as error:
            self._failed.put(training_id, (time.monotonic() + settings.thumbnail_failure_s, error))
            raise
