"""Failures of the plain routes: the domain's words and code as JSON, with the status that says the same."""

from starlette.responses import JSONResponse, Response

from app import errors
from app.errors import BadRequest, DomainError, RateLimited
from app.gateways.outside import Outage
from app.web.graphql.errors import failure


class WrongType(BadRequest):
    """A file of another type than its link was signed for."""


STATUSES: dict[type[DomainError], int] = {
    errors.BadRequest: 400,
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.ScopeMissing: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Expired: 410,
    errors.LimitReached: 413,
    WrongType: 415,
    RateLimited: 429,
    Outage: 502,
    errors.Unavailable: 503,
    errors.Busy: 503,
    errors.TimedOut: 503,
    errors.OutcomeUnknown: 504,
}


def refusal(error: DomainError) -> Response:
    """The answer to a request that is refused."""
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, RateLimited) else None
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    return JSONResponse({"errors": [failure(error.message, error.code)]}, status, headers)
