"""Redirects lead to our public address. The Host header is whatever a client writes, so no address is made of it."""

from collections.abc import Iterator
from urllib.parse import urljoin

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.settings import settings


class Redirects:
    """Rewrites what Starlette makes of Host when it adds a slash or finds an index: our own redirects are paths."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_located(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "location" in headers:
                    headers["location"] = _located(headers["location"], scope)
            await send(message)

        await self._app(scope, receive, send_located)


def _located(location: str, scope: Scope) -> str:
    """The same place at the public address in production; elsewhere a path, good for every name this machine has."""
    path = _own_path(location, scope)
    if path is None:
        return location
    return f"{settings.address}{path}" if settings.production else path


def _own_path(location: str, scope: Scope) -> str | None:
    """The path of a place of ours, from the root; None of a place elsewhere."""
    for start in _starts(scope):
        rest = location.removeprefix(start)
        if rest != location and rest.startswith("/"):
            # Two slashes would begin another host.
            return f"/{rest.lstrip('/')}"
    if "://" in location or location.startswith("//"):
        return None
    return urljoin(str(scope["path"]), location)


def _starts(scope: Scope) -> Iterator[str]:
    """How addresses begin that Starlette makes of this request."""
    for name, value in scope["headers"]:
        if name == b"host":
            yield f"{scope['scheme']}://{value.decode('latin-1')}"
    if server := scope.get("server"):
        yield f"{scope['scheme']}://{server[0]}:{server[1]}"
        yield f"{scope['scheme']}://{server[0]}"
