"""Who asks, with what surroundings, for which operation; what is known of it before, and what was asked of it now."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, NamedTuple, Protocol, cast

from graphql import (
    DocumentNode,
    Executor,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    VariableValues,
    default_field_resolver,
    default_type_resolver,
    get_nullable_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValueSource
from strawberry.execution import optimized_is_awaitable

from app.errors import DomainError
from app.telemetry.metering import Work
from app.web.graphql.errors import Refused
from app.web.graphql.operations.bill import Bill
from app.web.graphql.operations.coercion import coerced
from app.web.graphql.operations.last_event_id import Resumable, resumable


class Caller(NamedTuple):
    """Where a request came from."""

    request_id: str
    address: str
    transport: Literal["http", "sse", "socket"]
    explains: bool = False
    """Whether the answer includes the plan."""
    client: str = ""
    """The program it was sent with, as that says."""


class Context(Protocol):
    """What the view reads of the context that it hands to the resolvers."""

    @property
    def viewer_id(self) -> int | None:
        """The user id; None for an anonymous viewer."""

    @property
    def expires_at(self) -> datetime | None:
        """When the token ends; None for a stranger, or if it does not."""

    @property
    def authorisation(self) -> Hashable:
        """Equal for those who may see the same: they may be shown the same answer."""

    @property
    def may_read(self) -> bool:
        """Whether they may ask for more than what the schema tells of itself."""

    @property
    def may_explain(self) -> bool:
        """Whether they may see how their queries are planned."""

    async def take_request(self, key: object, request: bytes, *, looks: bool) -> None:
        """Begin a request for changes, by its digest; raise what refuses its idempotency key, if it came with one.

        Unless it `looks` for what the same request came to before, it does so while it is carried out.
        """

    async def choose_reads(self) -> None:
        """Choose where a query reads: at a replica, or at the primary."""

    def leave_replica(self) -> None:
        """Have a query read at the primary from now on."""

    def doubt(self) -> DomainError | None:
        """What to say instead of "nothing was changed", if something may have been changed."""

    def permit(self, needed: Any) -> None:
        """Raise what refuses them a mutation that needs this."""

    def permit_reading(self) -> None:
        """Raise what refuses them, if they may not ask for anything but what the schema tells of itself."""

    def renewed(self) -> "Context":
        """The same viewer with empty loaders: each event of a subscription gets its own."""


Permit = Callable[[Any], None]
"""Raises what refuses whoever asks the right to a mutation, by what the mutation says that it needs."""
ArgumentCheck = Callable[[VariableValues, Permit], Sequence[GraphQLError]]
MakeContext = Callable[[str | None, Caller], Awaitable[Context]]
MakeContextNow = Callable[[str | None, Caller], Context | None]
"""The same, if nothing has to be asked to know whose the token is."""
SharedContext = Callable[[bytes | None], Context | None]
"""One for all queries of a row, of whoever's token has this hash, if nothing has to be asked to know them."""


class Plan(Protocol):
    """A way to answer one operation without its executor."""

    may_begin: bool
    """Whether `begin` may be worth a try."""

    async def data(self, context: Any, variables: VariableValues, steps: list[dict[str, Any]] | None = None) -> bytes:
        """The JSON of the answer's `data`, by the coerced variables; raises `Unplanned` to have the executor asked."""

    def begin(
        self, context: Any, variables: VariableValues, work: Work, deliver: Callable[[bytes | None], None]
    ) -> bool:
        """Have `deliver` called once with what `data` would give, or None if `data` has to be asked.

        False if that cannot be: nothing has been done then. Raises `Unplanned`, or whatever refuses the query.
        """

    def text(self, context: Any, variables: VariableValues) -> str:
        """The plan as people read it."""


class Plans(Protocol):
    """Makes plans."""

    @property
    def executor(self) -> type[Executor[Any]]:
        """What executes mutations and subscriptions; it takes their `plan`."""

    def of(self, document: DocumentNode, node: OperationDefinitionNode) -> Plan | None:
        """A plan for this operation of a valid document; None if it has to be executed."""


class Sizes(Protocol):
    """What one operation may carry."""

    bytes_max: int

    def check(self, variables: dict[str, Any]) -> None:
        """Raise a GraphQLError for variables that are larger than any value may be."""


@dataclass(frozen=True)
class Execution:
    """What runs an operation: the schema, and the executor that gives resolvers Strawberry's `info`."""

    schema: GraphQLSchema
    executor: type[Executor[Any]]


class Prepared:
    """An operation of a valid document, with all that can be known of it before somebody asks."""

    def __init__(
        self,
        execution: Execution,
        document: DocumentNode,
        node: OperationDefinitionNode,
        *,
        cost: Callable[[dict[str, Any]], int],
        check: ArgumentCheck | None,
        sizes: Sizes,
        claims_first: bool,
        plans: Plans | None = None,
    ) -> None:
        self.node = node
        self.kind = node.operation
        self.kind_name: str = self.kind.value
        self.name = node.name.value if node.name else None
        self.cost = cost
        self._check = check
        self.sizes = sizes
        self.claims_first = claims_first
        self._execution = execution
        self._document = document
        self._plans = plans

    @cached_property
    def plan(self) -> Plan | None:
        """How to answer it without an executor, if there is a way."""
        return None if self._plans is None else self._plans.of(self._document, self.node)

    @property
    def plan_made(self) -> Plan | None:
        """The plan of a query that has been run before."""
        return self.__dict__.get("plan") if self.kind is OperationType.QUERY else None

    @cached_property
    def resumable(self) -> Resumable | None:
        """How a subscription takes the place to go on from, if it can be resumed."""
        return resumable(self._execution.schema, self._document, self.node)

    @cached_property
    def reads(self) -> bool:
        """Whether it is a query or a subscription that asks for more than the schema tells of itself."""
        pending, spread = [self.node.selection_set], set[str]()
        while self.kind is not OperationType.MUTATION and pending:
            for selection in pending.pop().selections:
                if isinstance(selection, FieldNode):
                    if not selection.name.value.startswith("__"):
                        return True
                elif isinstance(selection, InlineFragmentNode):
                    pending.append(selection.selection_set)
                elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
                    spread.add(selection.name.value)
                    pending.append(self._fragments[selection.name.value].selection_set)
        return False

    def taken(self, variables: dict[str, Any], permit: Permit) -> VariableValues:
        """The variables as the schema wants them, or `Refused` with what may not be done and what is wrong."""
        definitions = self.node.variable_definitions
        if definitions:
            values = self._plain(variables) or coerced(self._execution.schema, definitions, variables)
        else:
            values = VariableValues({}, {})
        if self._check is not None and (errors := self._check(values, permit)):
            raise Refused(errors)
        return values

    def _plain(self, variables: dict[str, Any]) -> VariableValues | None:
        """The same where all variables are scalars, given, and right, as in most requests; None otherwise."""
        scalars = self._scalars
        if scalars is None or len(variables) != len(scalars):
            return None
        values = VariableValues({}, {})
        for name, (signature, take) in scalars.items():
            value = variables.get(name)
            try:
                taken = Undefined if value is None else take(value)
            except Exception:  # noqa: BLE001 - a scalar raises whatever a value provokes
                return None
            if taken is Undefined:
                return None
            values.coerced[name] = taken
            values.sources[name] = VariableValueSource(signature, value)
        return values

    @cached_property
    def _scalars(self) -> dict[str, tuple[GraphQLVariableSignature, Callable[[Any], Any]]] | None:
        """The variables, their types and what takes their values, if all types are scalars or enumerations."""
        scalars = {}
        for definition in self.node.variable_definitions or ():
            signature = get_variable_signature(self._execution.schema, definition)
            assert not isinstance(signature, GraphQLError), "the document is valid"
            kind: Any = get_nullable_type(signature.type)
            if not is_leaf_type(kind):
                return None
            scalars[signature.name] = signature, kind.coerce_input_value
        return scalars

    def executor(self, context: Context, variables: VariableValues) -> Executor[Any]:
        """What `Executor.build` would make, without taking the variables once more."""
        planned: dict[str, Any] = {}
        if self._plans is not None and self.kind is not OperationType.QUERY:
            planned["plan"] = self.plan
        return self._execution.executor(
            self._execution.schema,
            self._fragments,
            {name: FragmentDetails(fragment) for name, fragment in self._fragments.items()},
            None,
            context,
            self.node,
            variables,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            is_awaitable=cast("Any", optimized_is_awaitable),
            **planned,
        )

    @cached_property
    def _fragments(self) -> dict[str, FragmentDefinitionNode]:
        fragments = (each for each in self._document.definitions if isinstance(each, FragmentDefinitionNode))
        return {fragment.name.value: fragment for fragment in fragments}


@dataclass(eq=False)
class Operation:
    """A valid operation, paid for and ready to run for its viewer."""

    caller: Caller
    prepared: Prepared
    context: Context
    bill: Bill
    values: VariableValues

    @property
    def cost(self) -> int:
        """Its price, before it ran."""
        return self.bill.requested or 0

    @property
    def node(self) -> OperationDefinitionNode:
        return self.prepared.node

    @property
    def kind(self) -> OperationType:
        return self.prepared.kind

    @property
    def name(self) -> str | None:
        return self.prepared.name

    @property
    def is_explained(self) -> bool:
        """Whether its answer includes the plan."""
        return self.caller.explains and self.context.may_explain

    @property
    def variables(self) -> dict[str, Any]:
        """The coerced values of the variables that were given or have a default."""
        return self.values.coerced

    @cached_property
    def executor(self) -> Executor[Any]:
        """What executes it if no plan answers it."""
        return self.prepared.executor(self.context, self.values)
