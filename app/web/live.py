"""Subscriptions: one answer for each event."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from inspect import isawaitable
from typing import Any

from graphql import (
    ExecutionResult,
    Executor,
    GraphQLError,
    create_source_event_stream,
    execute_subscription_event,
    map_source_to_response_event,
)

from app.settings import settings
from app.web.operation import Operation
from app.web.reply import Reply, answer, too_slow


async def events(operation: Operation) -> AsyncGenerator[Reply, None]:
    source = create_source_event_stream(operation.executor)
    if isawaitable(source):
        source = await source
    if isinstance(source, ExecutionResult):
        yield answer(source, operation)
        return
    answers = map_source_to_response_event(operation.executor, source, _answer_event)
    try:
        async with aclosing(answers):
            async for result in answers:
                yield answer(result, operation)
    except Exception as error:  # noqa: BLE001 - the resolver's generator may raise whatever it likes
        failed = GraphQLError(str(error), operation.node, original_error=error)
        yield answer(ExecutionResult(errors=[failed]), operation)


async def _answer_event(executor: Executor[Any]) -> ExecutionResult:
    executor.context_value = executor.context_value.renewed()
    limit = asyncio.timeout(settings.request_s_max)
    try:
        async with limit:
            result = execute_subscription_event(executor)
            return await result if isawaitable(result) else result
    except TimeoutError:
        if not limit.expired():
            raise
        return ExecutionResult(errors=[GraphQLError("", executor.operation, original_error=too_slow())])
