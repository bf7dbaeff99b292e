"""Where the client of the former platform calls: asking a machine by its name, and saving lines into one."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from app.database import Database
from app.errors import BadRequest, DomainError, Forbidden, RateLimited, ScopeMissing, Unauthenticated
from app.models.choices import Scope
from app.models.kinds.automl import AutomlRateLimit
from app.policies import Viewer, require_scope, signed_in
from app.rates import Rates
from app.services.automl.answering import calls
from app.services.automl.answering.calls import NotMade, WrongName
from app.services.billing.errors import InsufficientFunds
from app.services.system.requests import rate_limits
from app.settings import settings
from app.web.graphql.operations.request import Malformed, decode
from app.web.origin import address_of, token_alone
from app.web.request_body import Early, small_body
from app.web.routes.problem_responses import STATUSES

# What the client knows: a key that may not, a name that no machine has there, and a machine that cannot be made.
OWN: tuple[tuple[type[DomainError], int], ...] = (
    (Unauthenticated, 560),
    (ScopeMissing, 560),
    (Forbidden, 560),
    (WrongName, 562),
    (NotMade, 563),
    (InsufficientFunds, 402),
)
ViewerOf = Callable[[str | None], Awaitable[Viewer]]


def routes(database: Database, viewer: ViewerOf, rates: Rates) -> list[Route]:
    """Both calls, with the key as they send it: alone in the header `Authorization`, or behind `Bearer`."""

    async def predict(caller: Viewer, body: dict[str, Any], _request: Request) -> dict[str, Any]:
        return {"prediction": await calls.predict(database, caller, body.get("machine_name"), body.get("data"))}

    async def save(caller: Viewer, body: dict[str, Any], request: Request) -> dict[str, Any]:
        limit = AutomlRateLimit.LINE_CHANGES
        async with rate_limits.spending(limit, rates, caller, address=address_of(request.scope)):
            return {"saved": await calls.save_lines(database, caller, body)}

    def answered(call: Callable[[Viewer, dict[str, Any], Request], Awaitable[dict[str, Any]]]) -> Any:
        async def answer(request: Request) -> Response:
            try:
                caller = await viewer(token_alone(request.headers.get("authorization")))
                signed_in(caller)
                require_scope(caller, Scope.WRITE)
                return _json(await call(caller, await _object(request), request))
            except DomainError as error:
                return Early.of(_refused(error))
            except (TimeoutError, ClientDisconnect):
                return Early.of(Response(status_code=408))

        return answer

    return [
        Route("/api/do-predict", answered(predict), methods=["POST"]),
        Route("/api/save-lines", answered(save), methods=["POST"]),
    ]


def _json(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, media_type="application/json")


def _refused(error: DomainError) -> Response:
    own = next((status for kind, status in OWN if isinstance(error, kind)), None)
    status = own or next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 400)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, RateLimited) else None
    return _json({"error": error.message}, status, headers)


async def _object(request: Request) -> dict[str, Any]:
    most = settings.rows_request_bytes_max
    too_large = f"A request may have at most {most:,} bytes."
    content = await small_body(request, most, s_max=settings.request_s_max, refusal=too_large)
    try:
        value = decode(content)
    except Malformed as malformed:
        raise BadRequest(malformed.message) from None
    if not isinstance(value, dict):
        raise BadRequest("Send a JSON object.")
    return value
