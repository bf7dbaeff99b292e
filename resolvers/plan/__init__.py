"""Compiled queries: an operation is planned once per document and run many times.

A plan is a tree of levels (`levels`), one for each relation of the operation, and of nodes (`nodes`) that say what a
level shows. `compiler` makes it of what the schema declares (`declared`), `emitter` makes Python of the nodes, and
`printer` prints it. `run` is one run of it: one statement per level, down the tree, and then the rows as JSON, up the
tree. It calls the resolvers and policies that graphql-core calls. Whatever a plan cannot do, or whatever goes wrong in
one, is left to graphql-core, whose answer is the same by definition.
"""

from collections.abc import Callable, Hashable
from typing import Any

import orjson
import strawberry
import structlog
from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    OperationDefinitionNode,
    VariableNode,
    VariableValues,
    Visitor,
    print_ast,
    visit,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails
from strawberry.types.field import StrawberryField

from app.errors import Busy, DomainError, TimedOut, Unplanned
from app.lru import LRU
from app.models.base import Record
from app.settings import settings
from app.telemetry.metering import Work
from resolvers.context import Context
from resolvers.plan import lookup
from resolvers.plan.compiler import Compiler
from resolvers.plan.executor import PlannedExecutor
from resolvers.plan.leaves import SHOWN_WITH
from resolvers.plan.levels import InHand, Inputs
from resolvers.plan.printer import printed
from resolvers.plan.run import PlanRun, Step
from resolvers.plan.values import Value
from resolvers.system.nodes import SHOWN
from resolvers.viewer_kinds import kind_of

DEFINITION = "strawberry-definition"

log = structlog.get_logger(__name__)


class Types:
    """What plans need to know of the schema."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self.schema = schema
        self.core = schema._schema  # noqa: SLF001 - Strawberry has no public name for graphql-core's schema
        self.tables: dict[str, type[Record]] = SHOWN
        self.interfaces: dict[str, type[Record]] = {
            name: kind.extensions[DEFINITION].origin.__shows__
            for name, kind in self.core.type_map.items()
            if isinstance(kind, GraphQLInterfaceType) and hasattr(kind.extensions[DEFINITION].origin, "__shows__")
        }
        self._names = {
            getattr(kind.extensions[DEFINITION].origin, "__shows__", kind.extensions[DEFINITION].origin): name
            for name, kind in self.core.type_map.items()
            if isinstance(kind, GraphQLObjectType) and DEFINITION in kind.extensions
        }

    def model_of(self, kind: GraphQLObjectType | GraphQLInterfaceType) -> type[Record]:
        """The table whose rows a type shows; for an interface the one that its types share."""
        return self.interfaces[kind.name] if isinstance(kind, GraphQLInterfaceType) else self.tables[kind.name]

    def name_of(self, value: Any) -> str:
        """The name of the type that shows an object."""
        name = self._names.get(type(value))
        if name is None:
            raise Unplanned(f"{type(value).__name__} is shown by no type")
        return name

    def field(self, definition: GraphQLField | None) -> StrawberryField:
        """How a field was declared."""
        if definition is None or DEFINITION not in definition.extensions:
            raise Unplanned("introspection")
        field: StrawberryField = definition.extensions[DEFINITION]
        return field


class Plans:
    """Makes plans for the operations of a schema."""

    executor = PlannedExecutor

    def __init__(self, schema: strawberry.Schema) -> None:
        self._types = Types(schema)
        self._known: LRU[tuple[str, str | None], Plan] = LRU(settings.documents_cached_max)

    def of(self, document: DocumentNode, node: OperationDefinitionNode) -> "Plan":
        """The plan of an operation of a valid document: the same for the same document, however it is laid out."""
        name = node.name.value if node.name else None
        return self._known.get_or_make((print_ast(document), name), lambda: Plan(self._types, document, node))


class Plan:
    """An operation ready to run, compiled for each choice its directives have made so far."""

    def __init__(self, types: Types, document: DocumentNode, node: OperationDefinitionNode) -> None:
        self._types = types
        self._node = node
        self._fragments = {
            definition.name.value: FragmentDetails(definition)
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._choices = choices(document)
        self.may_begin = True
        """Whether `begin` may be able to ask for it; False once it is known to be about more than one row."""
        self._compiled: LRU[Any, InHand | Value | Unplanned] = LRU()
        self._only: InHand | None = None
        """Its root, if there is nothing to choose."""

    async def data(self, context: Context, variables: VariableValues, steps: list[Step] | None = None) -> bytes:
        """The JSON of a query's `data`; raises Unplanned to have graphql-core answer. Notes its steps if asked to."""
        try:
            root = self._root(variables)
            answer = await PlanRun(self._types, context, variables, steps).show(root, None)
            return orjson.dumps(answer, option=SHOWN_WITH)
        except Exception as error:
            raise _raised(error) from error

    def begin(
        self, context: Context, variables: VariableValues, work: Work, deliver: Callable[[bytes | None], None]
    ) -> bool:
        """Ask for the row that a query is about, if it is about one row alone.

        `deliver` is called once with what `data` would give, or with None if it cannot be answered this way. False if
        nothing was asked. Raises what the resolver raises.
        """
        root = self._root(variables)
        if not lookup.fits(root):
            self.may_begin = bool(self._choices)
            return False
        return lookup.begin(root, context, variables, work, deliver)

    def text(self, context: Context, variables: VariableValues) -> str:
        """The plan of a query as people read it, with the statements it runs for a viewer; raises Unplanned."""
        try:
            return printed(self._root(variables), Inputs(*kind_of(context.viewer), variables))
        except Exception as error:
            raise _raised(error) from error

    async def complete(
        self,
        context: Context,
        variables: VariableValues,
        shown_as: GraphQLOutputType,
        details: list[FieldDetails],
        value: Any,
    ) -> Any:
        """What is shown of the value that a root field of a mutation or a subscription has come up with."""
        response_key = (details[0].node.alias or details[0].node.name).value
        try:
            below = self._made(response_key, variables, lambda compiler: compiler.value(shown_as, details))
            answer = await PlanRun(self._types, context, variables).show_value(below, value)
            return None if answer is None else orjson.Fragment(orjson.dumps(answer, option=SHOWN_WITH))
        except Exception as error:
            raise _raised(error) from error

    def _root(self, variables: VariableValues) -> InHand:
        if self._only is not None:
            return self._only
        root: InHand = self._made(None, variables, Compiler.root)
        if not self._choices:
            self._only = root
        return root

    def _made(self, part: Hashable, variables: VariableValues, make: Callable[[Compiler], Any]) -> Any:
        def compiled() -> Any:
            try:
                return make(Compiler(self._types, self._fragments, self._node, variables))
            except Unplanned as reason:
                return reason

        chosen = tuple([variables.coerced.get(name) for name in self._choices])
        program = self._compiled.get_or_make((part, chosen), compiled)
        if isinstance(program, Unplanned):
            raise program
        return program


def _raised(error: Exception) -> Exception:
    """What is raised for whatever went wrong in a plan: most of it graphql-core is to tell the client."""
    if isinstance(error, Busy | TimedOut):
        return error  # graphql-core would only wait for the database once more
    if not isinstance(error, Unplanned | DomainError | GraphQLError | KeyError | ValueError):
        log.warning("plan given up", exc_info=error)  # nobody foresaw it
    return Unplanned(str(error))


def choices(document: DocumentNode) -> list[str]:
    """The variables that decide what directives include."""
    names: dict[str, None] = {}

    class Directives(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            for argument in node.arguments or ():
                if isinstance(argument.value, VariableNode):
                    names[argument.value.name.value] = None

    visit(document, Directives())
    return list(names)
