"""What every request passes: an id, security headers, compression, and CORS for the origins that may ask.

All of it is plain ASGI: a middleware that runs the application in a task of its own would break cancellation.
"""

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from app.formats import frames
from app.settings import settings
from app.telemetry import logs
from app.web.connection_limits import Admit
from app.web.origin import LOCAL_ORIGIN, address_of, request_id_of, takes_pages_of_others
from app.web.proxies import Forwarded
from app.web.redirects import Redirects

COMPRESSED_BYTES_MIN = 1_024
COMPRESSION_LEVEL = 4
PREFLIGHT_S = 86_400
EXPOSED = ["RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"]

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# For what people have sent or named: opened by itself, it is nobody's page.
SANDBOX = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}


def middleware() -> list[Middleware]:
    """The application's middleware, outermost first."""
    stack = [Middleware(Forwarded), Middleware(Identify), Middleware(Protect), Middleware(Redirects), Middleware(Admit)]
    if takes_pages_of_others():
        stack.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_origin_regex=None if settings.production else LOCAL_ORIGIN,
                allow_methods=["GET", "POST", "PUT"],
                # All of them: what a page may ask hangs on its token, which no browser adds by itself, not on a header.
                allow_headers=["*"],
                expose_headers=EXPOSED,
                max_age=PREFLIGHT_S,
            )
        )
    stack.append(
        Middleware(
            GZipMiddleware,
            minimum_size=COMPRESSED_BYTES_MIN,
            compresslevel=COMPRESSION_LEVEL,
            # A file of frames is compressed by itself, and is sent as it is.
            exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, frames.MEDIA_TYPE),
        )
    )
    return stack


class Identify:
    """Gives each request its id, in every log line about it and in its response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope)

        async def send_with_id(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        logs.address.set(address_of(scope))
        with bound_contextvars(request_id=request_id):
            await self._app(scope, receive, send_with_id)


class Protect:
    """Tells browsers what they may not do with a response, unless its route has set that already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                protect(MutableHeaders(scope=message), scope["scheme"])
            await send(message)

        await self._app(scope, receive, send_protected)


def protect(headers: MutableHeaders, scheme: str) -> None:
    """Add what is missing."""
    for name, value in SECURITY.items():
        headers.setdefault(name, value)
    if scheme == "https":
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
