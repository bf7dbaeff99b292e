"""Who holds how many plain connections, so that nobody holds all of them: of any address, and of all together."""

from typing import Protocol

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import Code
from app.settings import settings
from app.web.graphql.errors import failure
from app.web.origin import address_of

# They are asked for when all else fails, and are answered however many others ask.
HEALTH = frozenset({"/healthz", "/readyz"})
RETRY_S = 5


class Connection(Protocol):
    """A connection that may have to go."""

    def is_unfinished(self) -> bool:
        """Whether it has sent no whole request, so that nothing is lost but its place."""

    def drop(self) -> None:
        """Close it at once."""


class Crowd:
    """The connections of one process by their network addresses, the oldest first."""

    def __init__(self) -> None:
        self._held: dict[str, dict[Connection, None]] = {}

    def enter(self, connection: Connection, address: str) -> None:
        """Count a connection."""
        self._held.setdefault(address, {})[connection] = None

    def leave(self, connection: Connection, address: str) -> None:
        """Count it no longer; a second time does nothing."""
        held = self._held.get(address, {})
        held.pop(connection, None)
        if not held:
            self._held.pop(address, None)

    def is_too_large(self, address: str) -> bool:
        """Whether an address holds more than one may."""
        return len(self._held.get(address, ())) > settings.connections_per_address_max

    def make_room(self, newcomer: Connection) -> None:
        """Drop the oldest unfinished connection of whoever holds most, unless it is the newcomer's own."""
        most = max(self._held.values(), key=len, default={})
        oldest = next((each for each in most if each is not newcomer and each.is_unfinished()), None)
        if oldest:
            oldest.drop()


async def too_many(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a request, and close its connection: its body is not read."""
    words = "Too many requests from this address are in progress. Wait until some of them have finished."
    headers = {"Connection": "close", "Retry-After": str(RETRY_S)}
    body = {"errors": [failure(words, Code.RATE_LIMITED)]}
    await JSONResponse(body, 429, headers)(scope, receive, send)


class Admit:
    """Lets so many plain requests of one client be under way at once, behind a proxy, too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._under_way: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in HEALTH:
            await self._app(scope, receive, send)
            return
        address = address_of(scope)
        count = self._under_way.get(address, 0)
        if count >= settings.requests_per_address_at_once_max:
            await too_many(scope, receive, send)
            return
        self._under_way[address] = count + 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way[address] -= 1
            if not self._under_way[address]:
                del self._under_way[address]
