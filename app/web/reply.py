"""Answers in GraphQL's words, before a transport sends them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from graphql import ExecutionResult

from app.errors import Code, TimedOut
from app.settings import settings
from app.web.errors import MASKED, Refused, codes, failure, record, shown_after, shown_before
from app.web.operation import Caller, Operation


class Beginning(NamedTuple):
    """That a subscription has begun, and with what it is resumed if it ends before its first event."""

    cursor: str


class Reply(NamedTuple):
    """An answer in GraphQL's words, as every transport sends it; and what a transport wants to know of it."""

    json: bytes
    errors: Sequence[dict[str, Any]] = ()
    has_data: bool = True
    is_null: bool = False
    cursor: str | None = None
    """Of an event: with what its subscription is resumed after it."""

    @property
    def codes(self) -> tuple[str, ...]:
        """The distinct codes of its errors, in their order."""
        return codes(self.errors) if self.errors else ()

    @property
    def retry_after(self) -> int | None:
        """Seconds, if the failure says when to come again."""
        for error in self.errors:
            if "retryAfter" in error["extensions"]:
                return int(error["extensions"]["retryAfter"])
        return 1 if Code.UNAVAILABLE in self.codes else None


def refusal(refused: Refused) -> Reply:
    """The answer to an operation that was not begun."""
    return _failed(shown_before(refused.errors), refused.extensions)


def accident(cause: BaseException, caller: Caller) -> Reply:
    """The answer when the view itself failed: masked, and logged under the request's id."""
    record(cause, request_id=caller.request_id)
    return _failed([failure(MASKED, Code.INTERNAL, requestId=caller.request_id)])


def cost_extension(cost: int) -> dict[str, Any]:
    """What every answer says about its price."""
    return {"cost": {"requested": cost, "max": settings.document_cost_max}}


def answer(
    result: ExecutionResult, operation: Operation, *, unplanned: str | None = None, cursor: str | None = None
) -> Reply:
    """The answer to an operation that was executed; with why no plan answered it if that is to be told."""
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = shown_after(result.errors, request_id=operation.caller.request_id)
    body["extensions"] = cost_extension(operation.cost)
    if cursor is not None:
        body["extensions"]["cursor"] = cursor
    if unplanned is not None and operation.is_explained:
        body["extensions"]["unplanned"] = unplanned
    try:
        json = orjson.dumps(body)
    except TypeError as error:
        # What a scalar let through that is no JSON is a failure like any other.
        return accident(error, operation.caller)
    is_null = all(value is None for value in (result.data or {}).values())
    return Reply(json, body.get("errors", ()), is_null=is_null, cursor=cursor)


def planned(data: bytes, operation: Operation, steps: list[dict[str, Any]] | None = None) -> Reply:
    """The answer to an operation whose plan wrote its data; with the plan's steps if they are to be told."""
    extensions = cost_extension(operation.cost)
    if steps is not None:
        extensions["plan"] = steps
    return Reply(b'{"data":%b,"extensions":%b}' % (data, orjson.dumps(extensions)))


def too_slow() -> TimedOut:
    """Why an operation was stopped."""
    return TimedOut(f"This took longer than {settings.request_s_max:g} s and was stopped.")


def late(operation: Operation) -> Reply:
    """The answer to an operation that was stopped."""
    return _failed(shown_before([operation.context.doubt() or too_slow()]), cost_extension(operation.cost))


def _failed(errors: list[dict[str, Any]], extensions: dict[str, Any] | None = None) -> Reply:
    body = {"errors": errors, "extensions": extensions} if extensions else {"errors": errors}
    return Reply(orjson.dumps(body), errors, has_data=False, is_null=True)
