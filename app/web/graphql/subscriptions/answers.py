"""Subscriptions: where their events come from, and how one becomes an answer."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from inspect import isawaitable
from typing import Any, cast

from graphql import ExecutionResult, GraphQLError, create_source_event_stream, execute_subscription_event

from app.errors import Busy
from app.settings import settings
from app.supervision import Outage
from app.web.graphql.errors import origin
from app.web.graphql.operations.operation import Operation
from app.web.graphql.operations.results import Beginning, OperationResult, answer, too_slow


class NoSource(Exception):
    """A subscription that could not begin, with the answer that says why."""

    def __init__(self, reply: OperationResult) -> None:
        super().__init__()
        self.reply = reply


async def source_of(operation: Operation) -> AsyncIterable[Any]:
    """What the subscription's resolver answers; raises NoSource."""
    source = create_source_event_stream(operation.executor)
    if isawaitable(source):
        source = await source
    if isinstance(source, ExecutionResult):
        raise NoSource(answer(source, operation))
    return source


async def alone(operation: Operation) -> AsyncGenerator[OperationResult | Beginning, None]:
    """An answer to each event of a generator, which is asked for the next when the last was taken."""
    try:
        source = await source_of(operation)
        assert isinstance(source, AsyncGenerator), "a stream is shared"
        async with aclosing(source):
            async for value in source:
                yield await reply_to(value, operation)
    except NoSource as none:
        yield none.reply
    except Exception as error:  # noqa: BLE001 - a resolver may raise whatever it likes
        yield failed(error, operation)


async def reply_to(value: Any, operation: Operation, cursor: str | None = None) -> OperationResult:
    """The answer to one event of a subscription, from what its resolver says of it, and with what it is resumed.

    While the database is away it is asked again: an event that was answered with an error would be lost.
    """
    outage = Outage(settings.subscription_outage_s_max)
    while True:
        result = await _executed(value, operation)
        is_away = any(isinstance(origin(error), Busy) for error in result.errors or ())
        if not (is_away and await outage.is_worth_waiting()):
            return answer(result, operation, cursor=cursor)


async def _executed(value: Any, operation: Operation) -> ExecutionResult:
    executor = operation.executor.build_per_event_executor(value)
    executor.context_value = operation.context.renewed()
    limit = asyncio.timeout(settings.request_s_max)
    try:
        async with limit:
            result: Any = execute_subscription_event(executor)
            return cast("ExecutionResult", await result if isawaitable(result) else result)
    except TimeoutError:
        if not limit.expired():
            raise
        return ExecutionResult(errors=[_shown(too_slow(), operation)])


def failed(error: Exception, operation: Operation) -> OperationResult:
    """The answer when a resolver raised: it may raise whatever it likes."""
    return answer(ExecutionResult(errors=[_shown(error, operation)]), operation)


def _shown(error: Exception, operation: Operation) -> GraphQLError:
    return GraphQLError(str(error), operation.node, original_error=error)
