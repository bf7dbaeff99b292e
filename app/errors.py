"""Errors whose messages are safe to show to clients. The API decides how to show them.

A domain's own errors are beside its services.
"""

import json
from enum import StrEnum

from app.open_enum import OpenEnum

QUOTED_LENGTH_MAX = 40


class ErrorCode(StrEnum, metaclass=OpenEnum):
    """The stable names by which a client tells errors apart. A domain's own are in `app/models/kinds`."""


class Code(ErrorCode):
    """The codes that no domain owns.

    INVALID_INPUT: An argument is not valid; `field` names it.
    CONFLICT: The current state does not allow it.
    LIMIT_REACHED: A limit is reached.
    UNAVAILABLE: A service is away. Try again later.
    NOT_FOUND: It does not exist, or the viewer cannot see it.
    FORBIDDEN: The viewer may not do this.
    SCOPE_MISSING: The API key lacks a scope.
    UNAUTHENTICATED: Sign in first, or the token is not valid.
    RATE_LIMITED: Too many requests. Try again after `retryAfter` seconds.
    COST_EXCEEDED: The operation costs too much. Request less.
    BAD_REQUEST: The request is malformed.
    TIMEOUT: It took too long.
    OUTCOME_UNKNOWN: The connection was lost during the change. Check whether it happened.
    IN_PROGRESS: A request with this idempotency key is still running.
    INTERNAL: An error of the server.
    """

    INVALID_INPUT = "INVALID_INPUT"
    CONFLICT = "CONFLICT"
    LIMIT_REACHED = "LIMIT_REACHED"
    UNAVAILABLE = "UNAVAILABLE"
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    SCOPE_MISSING = "SCOPE_MISSING"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    RATE_LIMITED = "RATE_LIMITED"
    COST_EXCEEDED = "COST_EXCEEDED"
    BAD_REQUEST = "BAD_REQUEST"
    TIMEOUT = "TIMEOUT"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    IN_PROGRESS = "IN_PROGRESS"
    INTERNAL = "INTERNAL"


def quoted(text: str) -> str:
    """A client's own text as a message repeats it: in double quotes, as JSON has it, and cut to a line."""
    cut = text if len(text) <= QUOTED_LENGTH_MAX else f"{text[:QUOTED_LENGTH_MAX]}…"
    return json.dumps(cut, ensure_ascii=False)


class Unplanned(Exception):
    """A plan met what it cannot answer exactly as the executor would. No failure: the executor answers instead."""


class Unfit(ValueError):
    """A value that a scalar does not take; its message says what to give instead."""


class Unreadable(ValueError):
    """Bytes from outside that cannot be read; the message says why.

    Parsers raise it. Who knows where the bytes came from turns it into `Invalid`, or into an outage.
    """


class DomainError(Exception):
    """Base class: its message is safe to show to the client."""

    code: ErrorCode

    def __init__(self, message: str, **extensions: object) -> None:
        super().__init__(message)
        self.message = message
        self.extensions = {"code": self.code, **extensions}


class Invalid(DomainError):
    """A value a person can put right; `field` names the argument in the API's spelling."""

    code = Code.INVALID_INPUT

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, field=field)
        self.field = field


class Conflict(DomainError):
    """The change does not fit the state things are in."""

    code = Code.CONFLICT


class LimitReached(DomainError):
    """There may be no more of these."""

    code = Code.LIMIT_REACHED

    def __init__(self, message: str, *, limit: int) -> None:
        super().__init__(message, limit=limit)
        self.limit = limit


class Unavailable(DomainError):
    """Something this installation, or a service it relies on, cannot offer now."""

    code = Code.UNAVAILABLE


class Busy(Unavailable):
    """The database cannot be reached, or has no room; this heals by itself."""

    def __init__(self) -> None:
        super().__init__("The server is busy. Try again in a few seconds.")


class ReplicaFailed(Busy):
    """A replica did not answer, or not in time; the primary does."""


class NotFound(DomainError):
    """It does not exist, or not for this viewer."""

    code = Code.NOT_FOUND


class Forbidden(DomainError):
    """The viewer sees it but may not do this to it."""

    code = Code.FORBIDDEN


class Expired(Forbidden):
    """A link that was good once."""


class ScopeMissing(DomainError):
    """An API key that was not given this scope."""

    code = Code.SCOPE_MISSING

    def __init__(self, scope: str) -> None:
        super().__init__(f"This API key does not have the scope {scope}. Use a key with it.", scope=scope)


class Unauthenticated(DomainError):
    """Nobody is signed in, or the token no longer holds."""

    code = Code.UNAUTHENTICATED


class RateLimited(DomainError):
    """Too often; `retry_after` is in seconds."""

    code = Code.RATE_LIMITED

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message, retryAfter=retry_after)
        self.retry_after = retry_after


class BadRequest(DomainError):
    """A request that is not well formed: a page size, a cursor, a body."""

    code = Code.BAD_REQUEST


class CostExceeded(DomainError):
    """A document larger than one request may be."""

    code = Code.COST_EXCEEDED


class TimedOut(DomainError):
    """Work that was stopped because it took too long."""

    code = Code.TIMEOUT


class TransactionTooLong(TimedOut):
    """A change that was undone because it was not finished in time."""

    def __init__(self, s_max: float) -> None:
        super().__init__(f"This took longer than {s_max:g} s, so nothing was changed. Change less at a time.")


class OutcomeUnknown(DomainError):
    """The database did not answer a COMMIT: the change may have been made or not."""

    code = Code.OUTCOME_UNKNOWN

    def __init__(self, idempotency_key: str | None = None) -> None:
        if idempotency_key is None:
            super().__init__("It is unknown whether this was done. Check before you try again.")
        else:
            super().__init__(
                "It is unknown whether this was done. Send the same request again with this "
                "idempotency key to find out; nothing is done twice.",
                idempotencyKey=idempotency_key,
            )


class InProgress(DomainError):
    """Another request with the same idempotency key is being carried out."""

    code = Code.IN_PROGRESS

    def __init__(self) -> None:
        super().__init__(
            "A request with this idempotency key is in progress. Send it again in a second to get its result.",
            retryAfter=1,
        )
