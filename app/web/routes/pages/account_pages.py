"""The pages to sign up and in, and that links in mails and invitations lead to, while no front end is set."""

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from app.web.routes.pages import static_pages
from app.web.routes.pages.static_pages import PAGES, POLICY_OF_PAGES, headers

FILES = PAGES / "account"
NAMES = ("", "sign-in", "sign-up", "reset-password", "verify-email", "join-team")
# The token is behind the `#`, which is sent to no server; nor is the page's address.
HEADERS = headers(POLICY_OF_PAGES)


async def page(_request: Request) -> Response:
    html = static_pages.page("account", "Fieldgraph · Account", root="../", script="page.js")
    return HTMLResponse(html, headers=HEADERS)


async def script(_request: Request) -> Response:
    return FileResponse(FILES / "page.js", headers=HEADERS)


async def index(_request: Request) -> Response:
    return RedirectResponse("account/", status_code=307)


def routes() -> list[BaseRoute]:
    """One page under the names of its uses, and its script."""
    uses = [Route(f"/account/{name}", page) for name in NAMES]
    return [*uses, Route("/account", index), Route("/account/page.js", script)]
