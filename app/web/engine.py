"""One operation from its text to its answer, the same for every transport.

The parts it cannot know are handed in: the schema, who asks (`MakeContext`), how large a document may be (`Limits`).
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from inspect import isawaitable
from typing import Any, Literal, Protocol, cast

import orjson
import strawberry
import structlog
from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    create_source_event_stream,
    execute_root_selection_set,
    execute_subscription_event,
    map_source_to_response_event,
)
from strawberry.execution import optimized_is_awaitable

from app.errors import Code, CostExceeded, DomainError, TimedOut, Unauthenticated
from app.settings import settings
from app.web.budget import Budget
from app.web.documents import Documents, operation_of
from app.web.errors import MASKED, Refused, codes, failure, record, shown_after, shown_before
from app.web.request import Parameters

ANY_KIND = frozenset(OperationType)

log = structlog.get_logger(__name__)


class WrongKind(Exception):
    """An operation of a kind that this transport, or method, does not carry."""

    def __init__(self, kind: OperationType) -> None:
        super().__init__(kind.value)
        self.kind = kind


@dataclass(frozen=True)
class Caller:
    """Where a request came from."""

    request_id: str
    address: str
    transport: Literal["http", "sse", "socket"]


class Context(Protocol):
    """What the view reads of the context that it hands to the resolvers."""

    @property
    def viewer_id(self) -> int | None:
        """Who asks; None for a stranger."""

    @property
    def expires_at(self) -> datetime | None:
        """When the token ends; None for a stranger, or if it does not."""

    def renewed(self) -> "Context":
        """The same viewer with loaders that have seen nothing: each event of a subscription gets its own."""


MakeContext = Callable[[str | None, Caller], Awaitable[Context]]


class Limits(Protocol):
    """How large a document may be."""

    def check(self, document: DocumentNode) -> None:
        """Raise a GraphQLError for a document whose shape is too large to be validated."""

    def measure(self, document: DocumentNode, operation_name: str | None, variables: dict[str, Any]) -> int:
        """The cost of a valid document's operation, or a GraphQLError for one that may not run."""


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


@dataclass(frozen=True)
class Operation:
    """A valid operation, paid for and ready to run for its viewer."""

    caller: Caller
    node: OperationDefinitionNode
    context: Context
    cost: int
    executor: Executor[Any]

    @property
    def kind(self) -> OperationType:
        return self.node.operation

    @property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None


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
        async with aclosing(self._events(operation)) as replies:
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
            return _reply({"errors": shown_before([_too_slow()])}, operation)
        return _answer(result, operation)

    async def _events(self, operation: Operation) -> AsyncGenerator[Reply, None]:
        source = create_source_event_stream(operation.executor)
        if isawaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            yield _answer(source, operation)
            return
        answers = map_source_to_response_event(operation.executor, source, _answer_event)
        try:
            async with aclosing(answers):
                async for result in answers:
                    yield _answer(result, operation)
        except Exception as error:  # noqa: BLE001 - the resolver's generator may raise whatever it likes
            failed = GraphQLError(str(error), operation.node, original_error=error)
            yield _answer(ExecutionResult(errors=[failed]), operation)


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
        return ExecutionResult(errors=[GraphQLError("", executor.operation, original_error=_too_slow())])


def _too_slow() -> TimedOut:
    return TimedOut(f"This took longer than {settings.request_s_max:g} s and was stopped.")


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


def _answer(result: ExecutionResult, operation: Operation) -> Reply:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = shown_after(result.errors, request_id=operation.caller.request_id)
    reply = _reply(body, operation)
    try:
        # Here and not when it is sent: what a scalar let through that is no JSON is a failure like any other.
        _ = reply.json
    except TypeError as error:
        return accident(error, operation.caller)
    return reply


def _reply(body: dict[str, Any], operation: Operation) -> Reply:
    return Reply({**body, "extensions": cost_extension(operation.cost)}, codes(body.get("errors", ())))
