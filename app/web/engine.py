"""One operation from its text to its answer, the same for every transport.

The parts it cannot know are handed in: the schema, who asks (`MakeContext`), how large a document may be (`Limits`).
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from inspect import isawaitable
from typing import Any, Protocol, cast

import strawberry
import structlog
from graphql import (
    DocumentNode,
    Executor,
    GraphQLError,
    OperationType,
    execute_root_selection_set,
)
from strawberry.execution import optimized_is_awaitable

from app.errors import CostExceeded, DomainError, Unauthenticated
from app.settings import settings
from app.web.budget import Budget
from app.web.documents import Documents, operation_of
from app.web.errors import Refused
from app.web.live import events
from app.web.operation import Caller, Context, MakeContext, Operation
from app.web.reply import Reply, answer, cost_extension, late
from app.web.request import Parameters

ANY_KIND = frozenset(OperationType)

log = structlog.get_logger(__name__)


class WrongKind(Exception):
    """An operation of a kind that this transport, or method, does not carry."""

    def __init__(self, kind: OperationType) -> None:
        super().__init__(kind.value)
        self.kind = kind


class Limits(Protocol):
    """How large a document may be."""

    def check(self, document: DocumentNode) -> None:
        """Raise a GraphQLError for a document whose shape is too large to be validated."""

    def measure(self, document: DocumentNode, operation_name: str | None, variables: dict[str, Any]) -> int:
        """The cost of a valid document's operation, or a GraphQLError for one that may not run."""


class Engine:
    """Prepares operations and runs them."""

    def __init__(
        self, schema: strawberry.Schema, *, context: MakeContext, limits: Limits, budget: Budget | None = None
    ) -> None:
        self._schema = schema._schema  # noqa: SLF001 - Strawberry has no public name for graphql-core's schema
        # The executor that gives resolvers Strawberry's `info`.
        self._executor = cast("type[Executor[Any]]", schema.execution_context_class)
        self._documents = Documents(self._schema, limits.check)
        self._limits = limits
        self._budget = budget
        self.context = context

    async def prepare(
        self,
        parameters: Parameters,
        *,
        token: str | None,
        caller: Caller,
        kinds: frozenset[OperationType] = ANY_KIND,
    ) -> Operation:
        """Parse, validate, measure, find out who asks, let them pay, take the variables.

        Raises `Refused` with what the client did wrong, `WrongKind`, or whatever failed unforeseen.
        """
        document = self._documents.get(parameters.query)
        node = operation_of(document, parameters.operation_name)
        if node.operation not in kinds:
            raise WrongKind(node.operation)
        cost = self._measured(document, parameters)
        extensions = cost_extension(cost)
        try:
            context = await self.context(token, caller)
            if self._budget:
                await self._budget.spend(context.viewer_id, caller.address, cost)
        except DomainError as problem:
            raise Refused([problem], extensions) from None
        executor = self._executor.build(
            self._schema,
            document,
            context_value=context,
            raw_variable_values=parameters.variables,
            operation_name=parameters.operation_name,
            is_awaitable=cast("Any", optimized_is_awaitable),
        )
        if isinstance(executor, list):
            raise Refused(executor, extensions)
        return Operation(caller, node, context, cost, executor)

    def _measured(self, document: DocumentNode, parameters: Parameters) -> int:
        try:
            cost = self._limits.measure(document, parameters.operation_name, parameters.variables)
        except GraphQLError as error:
            raise Refused([error]) from None
        if cost > settings.document_cost_max:
            message = f"This operation costs {cost}; one may cost {settings.document_cost_max}."
            raise Refused([CostExceeded(message)], cost_extension(cost))
        return cost

    async def replies(self, operation: Operation) -> AsyncGenerator[Reply, None]:
        """One answer to a query or a mutation, as many as there are events to a subscription."""
        if operation.kind is not OperationType.SUBSCRIPTION:
            yield await self.run(operation)
            return
        async with aclosing(events(operation)) as replies:
            async for reply in replies:
                yield reply

    async def token_end(self, token: str | None, caller: Caller, context: Context) -> None:
        """Return when the token no longer holds: at its time, or when it was revoked. Strangers' waits have no end."""
        while token is not None:
            rest_s = settings.socket_token_check_s
            if context.expires_at:
                rest_s = min(rest_s, (context.expires_at - datetime.now(UTC)).total_seconds())
            if rest_s <= 0:
                return
            await asyncio.sleep(rest_s)
            try:
                context = await self.context(token, caller)
            except Unauthenticated:
                return
            except Exception as error:  # noqa: BLE001 - while the database is away, nobody is thrown out
                log.warning("token not checked", reason=type(error).__name__, request_id=caller.request_id)
        await asyncio.Event().wait()

    async def run(self, operation: Operation) -> Reply:
        """The answer to a query or a mutation, within the time that a request may take."""
        limit = asyncio.timeout(settings.request_s_max)
        try:
            async with limit:
                result = execute_root_selection_set(operation.executor)
                if isawaitable(result):
                    result = await result
        except TimeoutError:
            if not limit.expired():
                raise
            return late(operation)
        return answer(result, operation)
