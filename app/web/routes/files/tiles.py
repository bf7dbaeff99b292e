"""Vector tiles for map libraries: `/tiles/{layer}/{z}/{x}/{y}.mvt`, for whoever the token says."""

from collections.abc import Awaitable, Callable
from hashlib import sha256

from limits import RateLimitItemPerMinute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.database import Database
from app.errors import BadRequest, DomainError, quoted
from app.models.base import Record
from app.models.choices import Scope
from app.models.mapping.datasets import AOI, Dataset
from app.models.mapping.predictions import Prediction
from app.models.mapping.trainings import Training
from app.models.wildlife.projects import ResearchProject
from app.policies import Viewer, require_scope
from app.rates import Rates
from app.services.mapping.maps import vector_tiles as of_mapping
from app.services.vector_tiles import check_tile, vector_tile
from app.services.wildlife.places import vector_tiles as of_wildlife
from app.settings import settings
from app.web.origin import address_of, bearer
from app.web.routes.problem_responses import refusal

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
FILTERS: dict[str, type[Record]] = {
    "dataset": Dataset,
    "aoi": AOI,
    "training": Training,
    "prediction": Prediction,
    "researchProject": ResearchProject,
}
LAYERS = {**of_mapping.LAYERS, **of_wildlife.LAYERS}

Key = Callable[[str, type[Record]], int]


class Tiles:
    """The route, with what it needs to know who asks."""

    def __init__(
        self, database: Database, viewer: Callable[[str | None], Awaitable[Viewer]], key: Key, rates: Rates
    ) -> None:
        self._database = database
        self._viewer = viewer
        self._key = key
        self._rates = rates
        self.routes = [Route("/tiles/{layer}/{z}/{x}/{y}.mvt", self.tile)]

    async def tile(self, request: Request) -> Response:
        """A tile; without a body where nothing is to be seen, and without one where the client has it already."""
        try:
            return await self._tile(request)
        except DomainError as error:
            return refusal(error)

    async def _tile(self, request: Request) -> Response:
        token = bearer(request.headers.get("authorization"))
        viewer = await self._viewer(token)
        require_scope(viewer, Scope.READ)
        await self._limit_rate(request, viewer)
        z, x, y = (_number(request.path_params[name]) for name in "zxy")
        tile = check_tile(z, x, y)
        chosen = {table: self._key(id, table) for table, id in _filters(request)}
        async with self._database.reading() as session:
            content, is_cut = await vector_tile(session, viewer, LAYERS, request.path_params["layer"], tile, chosen)
        # A weak one: on its way it may be compressed.
        tag = f'W/"{sha256(content).hexdigest()[:32]}"'
        sight = "public" if token is None else "private"
        headers = {"Cache-Control": f"{sight}, max-age={settings.tile_cache_s}", "ETag": tag, "Vary": "Authorization"}
        if is_cut:
            headers["X-Tile-Cut"] = f"at most {settings.tile_features_max} features"
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, 200 if content else 204, headers, MEDIA_TYPE)

    async def _limit_rate(self, request: Request, viewer: Viewer) -> None:
        payer = address_of(request.scope) if viewer.user_id is None else f"viewer:{viewer.user_id}"
        limit = RateLimitItemPerMinute(settings.tiles_per_minute_max)
        await self._rates.take(limit, f"tiles:{payer}", what="You requested too many tiles.")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise BadRequest("A tile URL has three whole numbers, such as /tiles/labels/18/139170/93217.mvt.")
    return int(text)


def _filters(request: Request) -> list[tuple[type[Record], str]]:
    unknown = set(request.query_params) - set(FILTERS)
    if unknown:
        raise BadRequest(f"Unknown filter {quoted(min(unknown))}. Use {', '.join(FILTERS)}.")
    return [(table, request.query_params[name]) for name, table in FILTERS.items() if name in request.query_params]
