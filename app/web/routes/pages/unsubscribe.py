"""The end of the mails that tell people of notifications: by one POST of their mail program, or by a button (RFC 8058).

A GET changes nothing: programs that look at links before people do would end mails that somebody wants.
"""

from collections.abc import Awaitable, Callable
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.database import Database
from app.errors import DomainError, Expired
from app.services.system import digests
from app.web.routes.pages.static_pages import document
from app.web.routes.problem_responses import STATUSES

POLICY = (
    "default-src 'none'; form-action 'self'; style-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'"
)
BODY = "    <main><h1>{title}</h1><p>{text}</p>{form}</main>\n"
ASKED = "Stop notifications by email?"
DONE = "You will receive no more notifications by email. You can turn them on again in your settings."
AGAIN = "Copy all of the link from the email, or change notificationsDeliveryMethods with updateAccount."
BUTTON = '<form method="post"><button>Unsubscribe</button></form>'


def routes(database: Database) -> list[Route]:
    """The page behind a mail's link, and what its button does."""

    async def unsubscribe(request: Request) -> Response:
        try:
            async with database.reading() as reading:
                user_id = await digests.unsubscriber(reading, request.path_params["token"])
            if request.method == "POST":
                async with database.writing() as session:
                    await digests.unsubscribe(session, user_id)
        except Expired as error:
            return _page("Unsubscribed", error.message, status=STATUSES[Expired])
        except DomainError as error:
            return _page("You are still subscribed", f"{error.message} {AGAIN}", status=STATUSES[type(error)])
        if request.method == "POST":
            return _page("Unsubscribed", DONE)
        return _page("Email notifications", ASKED, form=BUTTON)

    answer: Callable[[Request], Awaitable[Response]] = unsubscribe
    return [Route("/unsubscribe/{token}", answer, methods=["GET", "POST"])]


def _page(title: str, text: str, *, form: str = "", status: int = 200) -> Response:
    body = BODY.format(title=escape(title), text=escape(text), form=form)
    html = document("Fieldgraph", body, root="../")
    return HTMLResponse(html, status, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})
