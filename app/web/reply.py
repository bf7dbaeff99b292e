"""Answers in GraphQL's words, before a transport sends them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from graphql import ExecutionResult

from app.errors import Code, TimedOut
from app.settings import settings
from app.web.errors import MASKED, Refused, codes, failure, record, shown_after, shown_before
from app.web.operation import Caller, Operation


@dataclass(frozen=True)
class Reply:
    """An answer in GraphQL's words, before a transport sends it."""

    body: dict[str, Any]
    codes: tuple[str, ...] = ()

    @cached_property
    def json(self) -> bytes:
        """The body as every transport sends it."""
        return orjson.dumps(self.body)

    @property
    def retry_after(self) -> int | None:
        """Seconds, if the failure says when to come again."""
        for error in self.body.get("errors", ()):
            if "retryAfter" in error["extensions"]:
                return int(error["extensions"]["retryAfter"])
        return 1 if Code.UNAVAILABLE in self.codes else None


def refusal(refused: Refused) -> Reply:
    """The answer to an operation that was not begun."""
    errors = shown_before(refused.errors)
    body: dict[str, Any] = {"errors": errors}
    if refused.extensions:
        body["extensions"] = refused.extensions
    return Reply(body, codes(errors))


def accident(cause: BaseException, caller: Caller) -> Reply:
    """The answer when the view itself failed: masked, and logged under the request's id."""
    record(cause, request_id=caller.request_id)
    errors = [failure(MASKED, Code.INTERNAL, requestId=caller.request_id)]
    return Reply({"errors": errors}, codes(errors))


def cost_extension(cost: int) -> dict[str, Any]:
    """What every answer says about its price."""
    return {"cost": {"requested": cost, "max": settings.document_cost_max}}


def answer(result: ExecutionResult, operation: Operation) -> Reply:
    """The answer to an operation that ran."""
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = shown_after(result.errors, request_id=operation.caller.request_id)
    reply = _body(body, operation)
    try:
        # Here and not when it is sent: what a scalar let through that is no JSON is a failure like any other.
        _ = reply.json
    except TypeError as error:
        return accident(error, operation.caller)
    return reply


def too_slow() -> TimedOut:
    """Why an operation was stopped."""
    return TimedOut(f"This took longer than {settings.request_s_max:g} s and was stopped.")


def late(operation: Operation) -> Reply:
    """The answer to an operation that was stopped."""
    return _body({"errors": shown_before([too_slow()])}, operation)


def _body(body: dict[str, Any], operation: Operation) -> Reply:
    return Reply({**body, "extensions": cost_extension(operation.cost)}, codes(body.get("errors", ())))
