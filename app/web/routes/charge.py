"""What plain routes cost: charged as operations are, to the viewer where a token says who asks, else to the address."""

from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import DomainError, RateLimited
from app.policies import Viewer
from app.telemetry.metering import current, timed
from app.web.graphql.operations.bill import Bill
from app.web.graphql.operations.budget import RATE_LIMIT, Budget
from app.web.origin import address_of, bearer, token_alone
from app.web.routes.problem_responses import refusal

# GraphQL charges by itself; whoever looks after us is answered whatever happens.
FREE = frozenset({"/graphql", "/healthz", "/readyz", "/metrics"})


# Here a key may stand alone in the header.
BARE = frozenset({"/api/do-predict", "/api/save-lines"})


class Charge:
    """Charges every response when its parts are sent, and turns away whoever has nothing left."""

    def __init__(self, app: ASGIApp, budget: Budget, viewer: Callable[[str | None], Awaitable[Viewer]]) -> None:
        self._app = app
        self._budget = budget
        self._viewer = viewer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in FREE:
            await self._app(scope, receive, send)
            return
        bill = Bill(self._budget, address_of(scope))
        current.set(bill)
        await timed(self._answer(scope, receive, send, bill), bill)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, bill: Bill) -> None:
        async def charged(message: Message) -> None:
            if message["type"] == "http.response.start":
                _tell(message, bill)
            else:
                bill.settle(len(message.get("body", b"")))
            await send(message)

        try:
            if not bill.begin(await self._viewer_id(scope)):
                await bill.fill()
        except RateLimited as spent:
            await refusal(spent)(scope, receive, charged)
            return
        try:
            await self._app(scope, receive, charged)
        finally:
            bill.settle()

    async def _viewer_id(self, scope: Scope) -> int | None:
        authorization = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        if authorization is None:
            return None
        try:
            token = token_alone if scope["path"] in BARE else bearer
            return (await self._viewer(token(authorization.decode("latin-1")))).user_id
        except DomainError:
            # The route will say so, if it asks for a token at all.
            return None


def _tell(message: Message, bill: Bill) -> None:
    bill.settle()
    headers = MutableHeaders(scope=message)
    policy, standing = bill.headers()
    for name, value in policy:
        headers[name] = value
    if standing is not None:
        headers[RATE_LIMIT] = standing.decode()
