"""How failures are shown: the domain's with their code, the client's mistakes as they are, ours masked and logged."""

from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from graphql import GraphQLError

from app.errors import Code, DomainError, ErrorCode

MASKED = "Internal error. Try again later, and report the request id if it persists."

log = structlog.get_logger(__name__)


class Refused(Exception):
    """An operation that is not begun."""

    def __init__(self, errors: Sequence[GraphQLError | DomainError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


def failure(message: str, code: ErrorCode = Code.BAD_REQUEST, **extensions: object) -> dict[str, Any]:
    """One error that has no place in a document."""
    return {"message": message, "extensions": {"code": code, **extensions}}


def shown_before(errors: Iterable[GraphQLError | DomainError]) -> list[dict[str, Any]]:
    """Failures of an operation that was not begun. All of them are the client's to know."""
    return [_worded(error, error.message) for error in errors]


def shown_after(errors: Iterable[GraphQLError], *, request_id: str) -> list[dict[str, Any]]:
    """Failures of an operation that ran. What nobody foresaw is masked, and logged once however many fields it hit."""
    messages = []
    logged: set[tuple[type, str]] = set()
    for error in errors:
        cause = origin(error)
        if cause is None or isinstance(cause, DomainError):
            messages.append(_worded(error, cause.message if cause else error.message))
            continue
        known = (type(cause), str(cause))
        if known not in logged:
            logged.add(known)
            record(cause, request_id=request_id, path=".".join(map(str, error.path or ())))
        masked = {**error.formatted, **failure(MASKED, Code.INTERNAL, requestId=request_id)}
        messages.append(masked)
    return messages


def record(cause: BaseException, *, request_id: str, **facts: object) -> None:
    """Log what nobody foresaw, with its traceback, under the request id that the client has."""
    log.error("unexpected failure", exc_info=cause, request_id=request_id, **facts)


def origin(error: GraphQLError | Exception) -> Exception | None:
    """What was raised behind a GraphQL error, if it was not a GraphQL error itself."""
    cause: Exception | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def codes(errors: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """The distinct codes of shown errors, in their order."""
    return tuple(dict.fromkeys(str(error["extensions"]["code"]) for error in errors))


def _worded(error: GraphQLError | DomainError, message: str) -> dict[str, Any]:
    places = dict(error.formatted) if isinstance(error, GraphQLError) else {}
    cause = origin(error)
    extensions = {**(error.extensions or {}), **(cause.extensions if isinstance(cause, DomainError) else {})}
    return {**places, "message": message, "extensions": {"code": Code.BAD_REQUEST, **extensions}}
