"""GraphiQL and signing in with OpenStreetMap: pages served under a policy that lets them load nothing of others."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

BUNDLE = Path(__file__).parents[1] / "graphiql" / "dist"
OSM = Path(__file__).parent / "osm"
STYLE = Path(__file__).parent / "page.css"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
    "img-src 'self' data:; worker-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class _Bundle(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Content-Security-Policy"] = POLICY
        # The files below assets/ carry a hash of their content in their name; the page that names them does not.
        lasting = path.startswith("assets/") and response.status_code == 200
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
        return response


async def to_graphiql(_request: Request) -> Response:
    return RedirectResponse("/graphiql/", status_code=307)


async def style(_request: Request) -> Response:
    return FileResponse(STYLE, headers={"Cache-Control": "no-cache"})


def routes() -> list[BaseRoute]:
    """`/` and `/graphiql` lead to GraphiQL, `/graphiql/…` is its bundle; without a built one that says so by 404.

    `/osm/` is where browsers come back to from OpenStreetMap. Our small pages all look as `/page.css` says.
    """
    bundle = _Bundle(directory=BUNDLE, html=True, check_dir=False)
    osm = _Bundle(directory=OSM, html=True)
    return [
        Route("/", to_graphiql),
        Route("/graphiql", to_graphiql),
        Route("/page.css", style),
        Mount("/graphiql", bundle),
        Mount("/osm", osm),
    ]
