"""The pages to sign up and in, and that links in mails lead to, while no front end is set (`FIELDGRAPH_APP_URL`)."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

FILES = Path(__file__).parent / "account"
NAMES = ("", "sign-in", "sign-up", "reset-password", "verify-email")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
    # The token is behind the `#`, which is sent to no server; nor is the page's address.
    "Referrer-Policy": "no-referrer",
}


async def page(_request: Request) -> Response:
    return FileResponse(FILES / "page.html", headers=HEADERS)


async def script(_request: Request) -> Response:
    return FileResponse(FILES / "page.js", headers=HEADERS)


async def index(_request: Request) -> Response:
    return RedirectResponse("account/", status_code=307)


def routes() -> list[BaseRoute]:
    """One page under the names of its uses, and its script."""
    pages = [Route(f"/account/{name}", page) for name in NAMES]
    return [*pages, Route("/account", index), Route("/account/page.js", script)]
