"""Our pages and GraphiQL, served under a policy that lets them load nothing of others."""

from functools import cache
from html import escape
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

BUNDLE = Path(__file__).parents[2] / "graphiql" / "dist"
PAGES = Path(__file__).parents[2] / "pages"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; font-src 'self' data:; "
    "img-src 'self' data:{pictures}; media-src 'self'{pictures}; worker-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# GraphiQL's editor sets styles on elements.
POLICY = _POLICY.format(styles=" 'unsafe-inline'", pictures="")
POLICY_OF_PAGES = _POLICY.format(styles="", pictures="")
# Imagery lies with its servers, and what was fetched from an address stays there.
POLICY_OF_LOOK = _POLICY.format(styles="", pictures=" http: https:")


class _Bundle(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Content-Security-Policy"] = POLICY
        # The files below assets/ carry a hash of their content in their name; the page that names them does not.
        lasting = path.startswith("assets/") and response.status_code == 200
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
        return response


class _Pages(StaticFiles):
    """Scripts and styles of ours, and the bodies of our pages."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(headers(POLICY_OF_PAGES))
        return response


def headers(policy: str) -> dict[str, str]:
    """What every page is sent with."""
    # What a page shows may be private, and so may the id in its address.
    return {"Content-Security-Policy": policy, "Cache-Control": "no-cache", "Referrer-Policy": "no-referrer"}


def document(title: str, body: str, *, root: str, script: str | None = None, is_wide: bool = False) -> str:
    """A page of ours as HTML: what its head names lies below `root`, the way from the page to `/`."""
    styles = ["page.css", *(["pages/wide.css"] if is_wide else [])]
    links = [f'<link rel="stylesheet" href="{root}{style}" />' for style in styles]
    links += [f'<script type="module" src="{script}"></script>'] if script else []
    return _layout().substitute(title=escape(title), body=body, links="\n    ".join(links))


@cache
def _layout() -> Template:
    return Template((PAGES / "layout.html").read_text(encoding="utf-8"))


@cache
def page(name: str, title: str, *, root: str, script: str, is_wide: bool = False) -> str:
    """The page whose body lies in the folder of this name."""
    body = (PAGES / name / "body.html").read_text(encoding="utf-8")
    return document(title, body, root=root, script=script, is_wide=is_wide)


async def _to_graphiql(_request: Request) -> Response:
    return RedirectResponse("/graphiql/", status_code=307)


async def _style(_request: Request) -> Response:
    return FileResponse(PAGES / "page.css", headers={"Cache-Control": "no-cache"})


async def _home(_request: Request) -> Response:
    html = page("home", "Fieldgraph", root="", script="pages/home/page.js", is_wide=True)
    return HTMLResponse(html, headers=headers(POLICY_OF_PAGES))


async def _look(_request: Request) -> Response:
    """The same page for every id."""
    html = page("look", "Fieldgraph · Look", root="../", script="../pages/look/page.js", is_wide=True)
    return HTMLResponse(html, headers=headers(POLICY_OF_LOOK))


async def _osm(_request: Request) -> Response:
    html = page("osm", "Fieldgraph · Sign in with OpenStreetMap", root="../", script="page.js")
    return HTMLResponse(html, headers=headers(POLICY_OF_PAGES))


def routes() -> list[BaseRoute]:
    """`/` is the first page, `/look/{id}` shows what an id names, to `/osm/` OpenStreetMap sends browsers back.

    `/graphiql/…` is a bundle; without a built one that says so by 404. Our pages all look as `/page.css` says.
    """
    bundle = _Bundle(directory=BUNDLE, html=True, check_dir=False)
    return [
        Route("/", _home),
        Route("/look/{id}", _look),
        Route("/graphiql", _to_graphiql),
        Route("/page.css", _style),
        Mount("/graphiql", bundle),
        Route("/osm/", _osm),
        Mount("/osm", _Pages(directory=PAGES / "osm")),
        Mount("/pages", _Pages(directory=PAGES)),
    ]
