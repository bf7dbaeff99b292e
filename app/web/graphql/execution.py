"""One operation from its text to its answer, the same for every transport.

The parts it cannot know are handed in: the schema, who asks (`MakeContext`), how large a document may be (`Limits`).
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from inspect import isawaitable
from typing import Any, cast

import strawberry
from graphql import (
    Executor,
    GraphQLError,
    OperationType,
    execute_root_selection_set,
)

from app.errors import Busy, CostExceeded, DomainError, ReplicaFailed, TimedOut, Unplanned
from app.settings import settings
from app.web.graphql.deadlines import Deadline, Deadlines
from app.web.graphql.documents.cache import Documents, Limits
from app.web.graphql.documents.persisted import Meant, Persisted, not_trusted
from app.web.graphql.errors import Refused, origin
from app.web.graphql.operations.bill import Bill
from app.web.graphql.operations.budget import Budget
from app.web.graphql.operations.operation import (
    Caller,
    Context,
    Execution,
    MakeContext,
    MakeContextNow,
    Operation,
    Plan,
    Plans,
    Prepared,
    SharedContext,
)
from app.web.graphql.operations.request import Parameters, too_large
from app.web.graphql.operations.results import Beginning, Explanation, OperationResult, answer, late, planned
from app.web.graphql.subscriptions.answers import alone
from app.web.graphql.subscriptions.groups import Groups, Subscriber
from app.web.graphql.subscriptions.token_checks import Tokens

ANY_KIND = frozenset(OperationType)


class WrongKind(Exception):
    """An operation of a kind that this transport, or method, does not carry."""

    def __init__(self, kind: OperationType) -> None:
        super().__init__(kind.value)
        self.kind = kind


class GraphQLEngine:
    """Prepares operations and runs them."""

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        context: MakeContext,
        context_now: MakeContextNow | None = None,
        context_shared: SharedContext | None = None,
        limits: Limits,
        budget: Budget | None = None,
        plans: Plans | None = None,
        persisted: Persisted | None = None,
    ) -> None:
        core = schema._schema  # noqa: SLF001 - Strawberry has no public name for graphql-core's schema
        executor = cast("type[Executor[Any]]", schema.execution_context_class) if plans is None else plans.executor
        execution = Execution(core, executor)
        self.documents = Documents(execution, limits, plans)
        self._persisted = persisted or Persisted()
        self.deadlines = Deadlines()
        self._groups = Groups()
        self.request_bytes_max = limits.request_bytes_max
        self.tokens = Tokens(context)
        self.context = context
        self._context_now = context_now
        self._context_shared = context_shared
        self.bill: Callable[[str], Bill] = partial(Bill, budget)
        """Makes what a request from an address is charged on."""

    def known(self, token: str | None, caller: Caller) -> Context | None:
        """The context of a token whose owner is known without asking."""
        return self._context_now(token, caller) if self._context_now else None

    async def prepare(
        self,
        parameters: Parameters,
        *,
        token: str | None,
        caller: Caller,
        bill: Bill,
        kinds: frozenset[OperationType] = ANY_KIND,
    ) -> Operation:
        """Find out who asks, parse, validate, measure, let them pay, take the variables.

        Nothing is parsed for whoever has nothing left to spend: a document may take long, and be refused.

        Raises `Refused` with what the client did wrong, `WrongKind`, `Malformed` if the request is too large for its
        operation, or whatever failed unforeseen.
        """
        try:
            context = await self.context(token, caller)
            if not bill.begin(context.viewer_id):
                await bill.fill()
        except DomainError as problem:
            raise Refused([problem]) from None
        prepared, parameters = await self._document(parameters, context)
        if prepared.kind not in kinds:
            raise WrongKind(prepared.kind)
        if parameters.size > prepared.sizes.bytes_max:
            raise too_large(prepared.sizes.bytes_max)
        if parameters.last_event_id and prepared.kind is OperationType.SUBSCRIPTION:
            prepared, parameters = self._resumed(prepared, parameters, parameters.last_event_id)
        cost = _measured(prepared, parameters, bill)
        try:
            if prepared.reads:
                context.permit_reading()
            if not bill.pay(cost):
                await bill.fill(cost)
            variables = prepared.taken(parameters.variables, context.permit)
            if prepared.kind is OperationType.MUTATION:
                looks = not prepared.claims_first
                await context.take_request(parameters.idempotency_key, parameters.digest, looks=looks)
        except DomainError as problem:
            raise Refused([problem]) from None
        return Operation(caller, prepared, context, bill, variables)

    def prepare_now(self, parameters: Parameters, *, key: bytes | None, caller: Caller, bill: Bill) -> Operation | None:
        """The same for a query whose plan may begin at once, if nothing has to be waited for; None otherwise.

        The key is the hash of their token.

        What is wrong with it `prepare` says: whatever is raised here, nothing has been paid.
        """
        if not self._persisted.is_plain(parameters):
            meant = self._persisted.meant_now(parameters)
            if meant is None:
                return None
            parameters = meant
        prepared = self.documents.known(parameters.query, parameters.operation_name)
        plan = prepared.plan_made if prepared else None
        if prepared is None or plan is None or not plan.may_begin or parameters.size > prepared.sizes.bytes_max:
            return None
        context = self._context_shared(key) if self._context_shared else None
        if context is None or not bill.begin(context.viewer_id):
            return None
        if prepared.reads and not context.may_read:
            return None
        cost = _measured(prepared, parameters, bill)
        variables = prepared.taken(parameters.variables, context.permit)
        return Operation(caller, prepared, context, bill, variables) if bill.pay(cost) else None

    async def _document(self, parameters: Parameters, context: Context) -> tuple[Prepared, Parameters]:
        """The operation that is meant, and the request with its document."""
        if self._persisted.is_plain(parameters):
            return self.documents.get(parameters.query, parameters.operation_name), parameters
        is_stranger = context.viewer_id is None
        meant: Meant = await self._persisted.meant(parameters, may_introspect=not is_stranger)
        prepared = self.documents.get(meant.parameters.query, parameters.operation_name)
        if not meant.is_trusted and (prepared.kind is not OperationType.QUERY or prepared.reads):
            raise not_trusted()
        await self._persisted.keep(meant.parameters)
        return prepared, meant.parameters

    def _resumed(self, prepared: Prepared, parameters: Parameters, place: str) -> tuple[Prepared, Parameters]:
        """The same subscription, but after this place; one that cannot be resumed begins as always."""
        how = prepared.resumable
        if how is None:
            return prepared, parameters
        parameters = parameters._replace(variables={**parameters.variables, how.variable: place})
        return (prepared if how.text is None else self.documents.get(how.text, parameters.operation_name)), parameters

    def join(self, operation: Operation, subscriber: Subscriber) -> bool:
        """Let a subscriber share with others, if this is an operation that can be shared."""
        shared = operation.kind is OperationType.SUBSCRIPTION and self._groups.can_share(operation)
        if shared:
            self._groups.join(operation, subscriber)
        return shared

    async def replies(self, operation: Operation) -> AsyncGenerator[OperationResult | Beginning, None]:
        """One answer to a query or a mutation, as many as there are events to a subscription."""
        if operation.kind is not OperationType.SUBSCRIPTION:
            yield await self.run(operation)
            return
        replies: AsyncGenerator[OperationResult | Beginning, None] = (
            self._groups.replies(operation) if self._groups.can_share(operation) else alone(operation)
        )
        async with aclosing(replies):
            async for reply in replies:
                yield reply

    async def run(self, operation: Operation) -> OperationResult:
        """The answer to a query or a mutation, within the time that a request may take: by a plan if one can."""
        limit = Deadline(self.deadlines, settings.request_s_max)
        try:
            with limit:
                if operation.kind is OperationType.QUERY:
                    await operation.context.choose_reads()
                try:
                    return await _reply(operation)
                except ReplicaFailed:
                    operation.context.leave_replica()
                    return await _reply(replace(operation))  # with an executor of its own
        except TimeoutError:
            if not limit.expired:
                raise
            return late(operation)


async def _reply(operation: Operation) -> OperationResult:
    """The answer to a query or a mutation; raises ReplicaFailed if a query has to read elsewhere."""
    plan = operation.prepared.plan if operation.prepared.kind is OperationType.QUERY else None
    if plan is None:
        return await _executed(operation, unplanned=None)
    try:
        if operation.caller.explains and operation.is_explained:
            return await _explained(plan, operation)
        return planned(await plan.data(operation.context, operation.values), operation)
    except ReplicaFailed:
        raise
    except (Busy, TimedOut) as problem:  # its executor would only come to the same end later
        raise Refused([problem]) from None
    except Unplanned as unplanned:
        reason = str(unplanned)
    return await _executed(operation, unplanned=reason)


async def _explained(plan: Plan, operation: Operation) -> OperationResult:
    steps: list[dict[str, Any]] = []
    data = await plan.data(operation.context, operation.values, steps)
    return planned(data, operation, Explanation(steps, plan.text(operation.context, operation.values)))


async def _executed(operation: Operation, *, unplanned: str | None) -> OperationResult:
    executed = execute_root_selection_set(operation.executor)
    result = await executed if isawaitable(executed) else executed
    if any(isinstance(origin(error), ReplicaFailed) for error in result.errors or ()):
        raise ReplicaFailed
    return answer(result, operation, unplanned=unplanned)


def _measured(prepared: Prepared, parameters: Parameters, bill: Bill) -> int:
    try:
        if parameters.variables:
            prepared.sizes.check(parameters.variables)
        cost = bill.requested = prepared.cost(parameters.variables)
    except GraphQLError as error:
        raise Refused([error]) from None
    if cost > settings.document_cost_max:
        message = (
            f"This operation costs {cost}; the limit is {settings.document_cost_max}. Request smaller "
            "pages or fewer fields."
        )
        raise Refused([CostExceeded(message)])
    return cost
