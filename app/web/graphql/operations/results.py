"""Answers in GraphQL's words, before a transport sends them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from graphql import ExecutionResult, OperationType

from app.errors import Code, TimedOut
from app.settings import settings
from app.web.graphql.errors import MASKED, Refused, codes, failure, record, shown_after, shown_before
from app.web.graphql.operations.bill import SHARED_EXTENSION, Bill
from app.web.graphql.operations.operation import Caller, Operation


class Beginning(NamedTuple):
    """That a subscription has begun, and with what it is resumed if it ends before its first event."""

    cursor: str


class OperationResult(NamedTuple):
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


def refusal(refused: Refused, bill: Bill | None = None) -> OperationResult:
    """The answer to an operation that was not begun, or not to its end."""
    return _failed(shown_before(refused.errors), bill)


def accident(cause: BaseException, caller: Caller, bill: Bill | None = None) -> OperationResult:
    """The answer when the view itself failed: masked, and logged under the request's id."""
    record(cause, request_id=caller.request_id)
    return _failed([failure(MASKED, Code.INTERNAL, requestId=caller.request_id)], bill)


def answer(
    result: ExecutionResult, operation: Operation, *, unplanned: str | None = None, cursor: str | None = None
) -> OperationResult:
    """The answer to an operation that was executed; with why no plan answered it if the client asked for that."""
    errors = shown_after(result.errors, request_id=operation.caller.request_id) if result.errors else ()
    extension = b"" if cursor is None else b',"cursor":%b' % orjson.dumps(cursor)
    if unplanned is not None and operation.is_explained:
        extension += b',"unplanned":%b' % orjson.dumps(unplanned)
    try:
        data = orjson.dumps(result.data)
    except TypeError as error:
        # What a scalar let through that is no JSON is a failure like any other.
        return accident(error, operation.caller, operation.bill)
    errors_json = b',"errors":%b' % orjson.dumps(errors) if errors else b""
    cost = _cost(operation, len(data) + len(errors_json))
    is_null = all(value is None for value in (result.data or {}).values())
    json = b'{"data":%b%b,"extensions":{"cost":%b%b}}' % (data, errors_json, cost, extension)
    return OperationResult(json, errors, is_null=is_null, cursor=cursor)


class Explanation(NamedTuple):
    """How an operation was answered by its plan: the statements that were run, and the plan as text."""

    steps: list[dict[str, Any]]
    text: str


def planned(data: bytes, operation: Operation, explanation: Explanation | None = None) -> OperationResult:
    """The answer to an operation whose plan wrote its data."""
    explained = b""
    if explanation is not None:
        explained = b',"plan":%b,"planText":%b' % tuple(map(orjson.dumps, explanation))
    cost = operation.bill.extension(len(data))
    return OperationResult(b'{"data":%b,"extensions":{"cost":%b%b}}' % (data, cost, explained))


def too_slow() -> TimedOut:
    """Why an operation was stopped."""
    return TimedOut(f"This took longer than {settings.request_s_max:g} s and was stopped. Request less at a time.")


def late(operation: Operation) -> OperationResult:
    """The answer to an operation that was stopped."""
    return _failed(shown_before([operation.context.doubt() or too_slow()]), operation.bill)


def _cost(operation: Operation, bytes_out: int) -> bytes:
    """Everybody who asks the same receives an event: what they have left is not in it."""
    if operation.kind is OperationType.SUBSCRIPTION:
        return SHARED_EXTENSION % (operation.cost, settings.document_cost_max)
    return operation.bill.extension(bytes_out)


def _failed(errors: list[dict[str, Any]], bill: Bill | None) -> OperationResult:
    errors_json = orjson.dumps(errors)
    cost = bill.extension(len(errors_json)) if bill else b""
    extensions = b',"extensions":{"cost":%b}' % cost if cost else b""
    return OperationResult(b'{"errors":%b%b}' % (errors_json, extensions), errors, has_data=False, is_null=True)
