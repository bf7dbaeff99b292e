"""GraphQL's answers as HTTP responses: status, headers and media type that say what the body says."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import orjson
from starlette.responses import Response

from app.errors import Code
from app.web.graphql.errors import failure
from app.web.graphql.http import accept
from app.web.graphql.http.event_stream import whole
from app.web.graphql.operations.bill import Bill
from app.web.graphql.operations.budget import RATE_LIMIT
from app.web.graphql.operations.request import Malformed
from app.web.graphql.operations.results import OperationResult

MEDIA_TYPES_MAX = 128

STATUS: dict[str, int] = {
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.RATE_LIMITED: 429,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.TIMEOUT: 504,
    Code.OUTCOME_UNKNOWN: 504,
}


class Answer(NamedTuple):
    """All that HTTP has to say, whoever writes it."""

    status: int
    media_type: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    rate_limit: bytes | None = None
    """What the payer may still spend: unlike the other headers, another with every answer."""

    def response(self) -> Response:
        """The answer as an ASGI application."""
        return Response(
            self.body,
            status_code=self.status,
            headers={"Cache-Control": "no-store", "Vary": "Accept", **dict(self.headers), **self._told()},
            media_type=f"{self.media_type}; charset=utf-8",
        )

    def _told(self) -> dict[str, str]:
        return {} if self.rate_limit is None else {RATE_LIMIT: self.rate_limit.decode()}


def answered(reply: OperationResult, media_types: Sequence[str], bill: Bill | None = None) -> Answer:
    """The response to a request that was GraphQL, whatever came of it."""
    if reply.errors and media_types[0] == accept.EVENTS and reply.codes and reply.codes[0] not in STATUS:
        # As the protocol has it: what is wrong with an operation is its only event.
        return Answer(200, accept.EVENTS, (), whole(reply))
    media_type = _media_type(tuple(media_types))
    status = _status(reply, media_type)
    headers, rate_limit = bill.headers() if bill else ((), None)
    if status == 401:
        headers = (("WWW-Authenticate", "Bearer"), *headers)
    elif status in {429, 503} and reply.retry_after is not None:
        headers = (("Retry-After", str(reply.retry_after)), *headers)
    return Answer(status, media_type, headers, reply.json, rate_limit)


def refused(malformed: Malformed, media_types: Sequence[str], bill: Bill | None = None) -> Answer:
    """The response to a request that was not."""
    body = orjson.dumps({"errors": [failure(malformed.message)]})
    headers, rate_limit = tuple(malformed.headers.items()), None
    if bill:
        bill.settle(len(body))
        policy, rate_limit = bill.headers()
        headers = (*headers, *policy)
    return Answer(malformed.status, _media_type(tuple(media_types) or (accept.JSON,)), headers, body, rate_limit)


@lru_cache(maxsize=MEDIA_TYPES_MAX)
def _media_type(media_types: tuple[str, ...]) -> str:
    """The best that holds one answer; whoever takes only events is new enough to read the new type."""
    return next(
        (media_type for media_type in media_types if media_type in {accept.JSON, accept.RESPONSE}), accept.RESPONSE
    )


def _status(reply: OperationResult, media_type: str) -> int:
    if reply.has_data:
        return 503 if reply.is_null and set(reply.codes) == {Code.UNAVAILABLE} else 200
    # In application/json, a well-formed request with errors in its document is answered with 200.
    return STATUS.get(reply.codes[0], 400 if media_type == accept.RESPONSE else 200)
