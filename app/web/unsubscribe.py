"""The end of the mails that tell people of notifications: by one POST of their mail program, or by a button (RFC 8058).

A GET changes nothing: programs that look at links before people do would end mails that somebody wants.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.database import Database
from app.errors import DomainError
from app.services.system import digests
from app.web.refusals import refusal

POLICY = "default-src 'none'; form-action 'self'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Fieldgraph</title><link rel="stylesheet" href="../page.css">
<main><h1>{title}</h1><p>{text}</p>{form}</main></html>
"""
BUTTON = '<form method="post"><button>No more mails</button></form>'


def routes(database: Database) -> list[Route]:
    """The page behind a mail's link, and what its button does."""

    async def unsubscribe(request: Request) -> Response:
        try:
            user_id = digests.unsubscriber(request.path_params["token"])
            if request.method == "POST":
                async with database.writing() as session:
                    await digests.unsubscribe(session, user_id)
        except DomainError as error:
            return refusal(error)
        return _page(is_done=request.method == "POST")

    answer: Callable[[Request], Awaitable[Response]] = unsubscribe
    return [Route("/unsubscribe/{token}", answer, methods=["GET", "POST"])]


def _page(*, is_done: bool) -> Response:
    title = "No more mails" if is_done else "Mails about notifications"
    text = (
        "Notifications will not be sent to you by e-mail any more. Your settings can bring the mails back."
        if is_done
        else "Shall notifications no longer be sent to you by e-mail?"
    )
    page = PAGE.format(title=title, text=text, form="" if is_done else BUTTON)
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})
