"""Limits on a document: its shape before validation, its cost before execution.

Every fragment is visited once, however often it is spread, so both take time linear in the document.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import strawberry
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    Node,
    NullValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from app.errors import Code
from app.settings import settings
from schema import sizes
from schema.arguments import ArgumentChecks
from schema.introspection import Introspection
from schema.metadata import CLAIMS_FIRST, ONCE_PER_OPERATION, metadata_of_mutations

# Prices in tenths, so that sums are exact.
SCALAR = 1
OBJECT = 10
# A value of any size: its bytes are charged when they are known.
OPEN_SCALAR = 10
# All places of a kind on a map.
COLLECTION = 1_000
# What a root field costs before anything below it. Introspection is a walk through all types, whatever is selected.
ROOT = {OperationType.QUERY: 0, OperationType.MUTATION: 100, OperationType.SUBSCRIPTION: 100}
INTROSPECTION = {"__schema": 5_000, "__type": 500}
SCALARS = {
    "JSON": OPEN_SCALAR,
    "GeoJSONGeometry": OPEN_SCALAR,
    "GeoJSONPolygon": OPEN_SCALAR,
    "GeoJSONFeatureCollection": COLLECTION,
}
LIST_OF_UNKNOWN_LENGTH = 10
# Past this it is all the same, and no longer a number that every client can read.
COST_SHOWN_MAX = 1_000_000_000
ITEMS = frozenset({"nodes", "edges"})
# A client pages in few sizes; one that tries all of them must not fill the memory.
COSTS_REMEMBERED_MAX = 100


class TooLarge(GraphQLError):
    """A document over a limit, with the number and the limit."""

    def __init__(self, what: str, limit: int, node: Node | None = None) -> None:
        super().__init__(f"A document may have {limit} {what}.", node, extensions={"code": Code.BAD_REQUEST})


@dataclass(frozen=True)
class Limits:
    """The three checks the view runs on a document."""

    schema: strawberry.Schema

    def check(self, document: DocumentNode) -> None:
        """Raises a GraphQLError if the shape is too large to be validated."""
        sizes.check_literals(document)
        _Shape(document).check()

    @cached_property
    def declared(self) -> dict[str, int]:
        """The mutations that state their own request size limit."""
        return sizes.declared(self.schema)

    @cached_property
    def once(self) -> frozenset[str]:
        """The mutations that one operation may call once: `mutation(…, once_per_operation=True)`."""
        return self._flagged(ONCE_PER_OPERATION)

    @cached_property
    def claiming(self) -> frozenset[str]:
        """The mutations that look for their outcomes by themselves: `mutation(…, claims_first=True)`."""
        return self._flagged(CLAIMS_FIRST)

    def _flagged(self, flag: str) -> frozenset[str]:
        flags = metadata_of_mutations(self.schema)
        return frozenset(name for name, metadata in flags.items() if flag in metadata)

    @property
    def request_bytes_max(self) -> int:
        """The size limit of any request."""
        return max(settings.request_bytes_max, *self.declared.values(), 0)

    def sizes(self, document: DocumentNode, operation: OperationDefinitionNode) -> sizes.Sizes:
        """The request size limit of an operation of a valid document, and what it carries."""
        return sizes.Sizes(self.schema, document, operation, self.declared)

    def claims_first(self, document: DocumentNode, operation: OperationDefinitionNode) -> bool:
        """Whether all mutations of an operation of a valid document look for their outcomes by themselves."""
        return sizes.called(document, operation) <= self.claiming

    def meter(self, document: DocumentNode, operation: OperationDefinitionNode) -> "Meter":
        """The cost of an operation of a valid document."""
        core = self.schema._schema  # noqa: SLF001 - Strawberry has no public name for graphql-core's schema
        return Meter(lambda variables: _Cost(core, document, operation, variables, self.once))

    def arguments(self, document: DocumentNode, operation: OperationDefinitionNode) -> ArgumentChecks | None:
        """The error in the arguments of an operation of a valid document."""
        checks = ArgumentChecks(self.schema, document, operation)
        return None if checks.are_known_right else checks


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }


class _Shape:
    """Counts the parts of a document without looking at their meaning."""

    def __init__(self, document: DocumentNode) -> None:
        self._document = document
        self._fragments = _fragments(document)
        self._depths: dict[str, int] = {}
        self._aliases = 0
        self._repeats = 0
        self._directives = 0

    def check(self) -> None:
        definitions = self._document.definitions
        if len(definitions) > settings.document_definitions_max:
            raise TooLarge("operations and fragments", settings.document_definitions_max)
        for definition in definitions:
            if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
                self._directives += len(definition.directives or ())
                if len(definition.variable_definitions or ()) > settings.document_variables_max:
                    raise TooLarge("variables", settings.document_variables_max, definition)
                self._count(definition.selection_set)
        if self._aliases > settings.document_aliases_max:
            raise TooLarge(f"aliases, not {self._aliases}", settings.document_aliases_max)
        if self._repeats > settings.document_repeats_max:
            raise TooLarge(f"fields that repeat another, not {self._repeats}", settings.document_repeats_max)
        if self._directives > settings.document_directives_max:
            raise TooLarge(f"directives, not {self._directives}", settings.document_directives_max)
        self._check_depth()

    def _count(self, selection_set: SelectionSetNode) -> None:
        below = [selection_set]
        while below:
            names: Counter[str] = Counter()
            for field in self._fields(below.pop()):
                names[(field.alias or field.name).value] += 1
                self._aliases += field.alias is not None
                if field.selection_set:
                    below.append(field.selection_set)
            self._repeats += names.total() - len(names)

    def _fields(self, selection_set: SelectionSetNode) -> Iterator[FieldNode]:
        """The fields of one object, including those in inline fragments: validation compares each with each."""
        open_sets = [selection_set]
        while open_sets:
            for selection in open_sets.pop().selections:
                self._directives += len(selection.directives or ())
                if isinstance(selection, FieldNode):
                    yield selection
                elif isinstance(selection, InlineFragmentNode):
                    open_sets.append(selection.selection_set)

    def _check_depth(self) -> None:
        for definition in self._document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                try:
                    depth = self._depth(definition.selection_set)
                except RecursionError:
                    raise TooLarge("levels", settings.document_depth_max, definition) from None
                if depth > settings.document_depth_max:
                    raise TooLarge(f"levels, not {depth}", settings.document_depth_max, definition)

    def _depth(self, selection_set: SelectionSetNode) -> int:
        deepest = 0
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                depth = 1 + (self._depth(selection.selection_set) if selection.selection_set else 0)
            elif isinstance(selection, InlineFragmentNode):
                depth = self._depth(selection.selection_set)
            else:
                assert isinstance(selection, FragmentSpreadNode)
                depth = self._depth_of_fragment(selection.name.value)
            deepest = max(deepest, depth)
        return deepest

    def _depth_of_fragment(self, name: str) -> int:
        if name not in self._depths:
            # For a fragment that spreads itself, and for an unknown one: validation says what is wrong with them.
            self._depths[name] = 0
            if name in self._fragments:
                self._depths[name] = self._depth(self._fragments[name].selection_set)
        return self._depths[name]


class Price(NamedTuple):
    """The cost of a selection: the part paid once, and the part paid for every item of the enclosing page."""

    once: int = 0
    per_item: int = 0

    @property
    def sum(self) -> int:
        return self.once + self.per_item


class Meter:
    """The cost of one operation: computed once per combination of page sizes, then looked up."""

    def __init__(self, cost: "Callable[[dict[str, Any]], _Cost]") -> None:
        self._cost = cost
        self._sized_by: tuple[str, ...] = ()
        self._known: dict[tuple[int | None, ...], int] = {}

    def __call__(self, variables: dict[str, Any]) -> int:
        """The cost with these variables, or a GraphQLError if the operation may not run."""
        known = self._known.get(self._sizes(variables))
        if known is not None:
            return known
        cost = self._cost(variables)
        total = cost.total()
        self._sized_by = tuple(cost.sized_by)
        if len(self._known) >= COSTS_REMEMBERED_MAX:
            self._known.clear()
        self._known[self._sizes(variables)] = total
        return total

    def _sizes(self, variables: dict[str, Any]) -> tuple[int | None, ...]:
        if not self._sized_by:
            return ()
        return tuple([_size_of(variables[name]) if name in variables else None for name in self._sized_by])


class _Cost:
    """Adds up one operation, bottom up, and notes which variables set its page sizes."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: dict[str, Any],
        once: frozenset[str],
    ) -> None:
        self._schema = schema
        self._fragments = _fragments(document)
        self._prices: dict[str, Price] = {}
        self._operation = operation
        self._variables = variables
        self._defaults = {
            definition.variable.name.value: definition.default_value
            for definition in operation.variable_definitions or ()
        }
        self._root = schema.get_root_type(operation.operation)
        self._once = once
        self._called: set[str] = set()
        self.sized_by: set[str] = set()

    def total(self) -> int:
        assert self._root, "a valid operation has a root type"
        try:
            Introspection(self._fragments).check(self._operation)
            tenths = self._selected(self._operation.selection_set, self._root).sum
        except RecursionError:
            raise TooLarge("levels", settings.document_depth_max, self._operation) from None
        return min(-(-tenths // 10), COST_SHOWN_MAX)

    def _selected(self, selection_set: SelectionSetNode, parent: GraphQLNamedType) -> Price:
        once = per_item = 0
        for selection in selection_set.selections:
            price = self._selection(selection, parent)
            once += price.once
            per_item += price.per_item
        return Price(once, per_item)

    def _selection(self, selection: Node, parent: GraphQLNamedType) -> Price:
        if isinstance(selection, FieldNode):
            cost = self._field(selection, parent)
            return Price(per_item=cost) if selection.name.value in ITEMS else Price(once=cost)
        if isinstance(selection, InlineFragmentNode):
            return self._selected(selection.selection_set, self._type(selection) or parent)
        assert isinstance(selection, FragmentSpreadNode)
        name = selection.name.value
        if name not in self._prices:
            fragment = self._fragments[name]
            self._prices[name] = self._selected(fragment.selection_set, self._type(fragment) or parent)
        return self._prices[name]

    def _type(self, fragment: InlineFragmentNode | FragmentDefinitionNode) -> GraphQLNamedType | None:
        condition = fragment.type_condition
        return self._schema.get_type(condition.name.value) if condition else None

    def _field(self, node: FieldNode, parent: GraphQLNamedType) -> int:
        name = node.name.value
        own = self._own(node, parent)
        definition = self._schema.get_field(parent, name)  # type: ignore[arg-type]
        if definition is None or is_leaf_type(get_named_type(definition.type)) or not node.selection_set:
            kind = get_named_type(definition.type).name if definition else ""
            return own + SCALARS.get(kind, SCALAR)
        below = self._selected(node.selection_set, get_named_type(definition.type))
        return own + self._times(node, definition, below)

    def _own(self, node: FieldNode, parent: GraphQLNamedType) -> int:
        """The field's own cost. Also checks that a field that may be called once is not called again."""
        name = node.name.value
        if parent is not self._root:
            return 0
        if self._operation.operation is OperationType.MUTATION and name in self._once:
            if name in self._called:
                message = f"'{name}' may be called only once in an operation."
                raise GraphQLError(message, node, extensions={"code": Code.BAD_REQUEST})
            self._called.add(name)
        return INTROSPECTION.get(name, ROOT[self._operation.operation])

    def _times(self, node: FieldNode, definition: GraphQLField, below: Price) -> int:
        """The cost below a field, times the number of objects it may return."""
        size = self._size(node, definition)
        is_list = is_list_type(get_nullable_type(definition.type))
        if size is not None:
            return size * (OBJECT + below.sum) if is_list else OBJECT + below.once + size * below.per_item
        # A page's items are counted by the field that has the page's size, introspection by its root field.
        counted = node.name.value in ITEMS or get_named_type(definition.type).name.startswith("__")
        return (LIST_OF_UNKNOWN_LENGTH if is_list and not counted else 1) * (OBJECT + below.sum)

    def _size(self, node: FieldNode, definition: GraphQLField) -> int | None:
        """How many objects the field's arguments request; None if it has no such argument."""
        arguments = {argument.name.value: argument.value for argument in node.arguments or ()}
        for names in (("first", "last"), ("ids",)):
            if names[0] in definition.args:
                # All are looked at, so that the price is remembered by all that it depends on.
                values = [
                    self._value(arguments[name]) for name in names if name in arguments and name in definition.args
                ]
                counts = [_count(value) for value in values if value is not Undefined and value is not None]
                return max(counts) if counts else _count(definition.args[names[0]].default_value)
        return None

    def _value(self, node: ValueNode) -> object:
        if isinstance(node, VariableNode):
            name = node.name.value
            self.sized_by.add(name)
            if name in self._variables:
                return self._variables[name]
            default = self._defaults.get(name)
            return self._value(default) if default else Undefined
        if isinstance(node, IntValueNode):
            return int(node.value[:10])
        if isinstance(node, ListValueNode):
            return node.values
        # A single value is taken for a list of one.
        return None if isinstance(node, NullValueNode) else ""


def _size_of(value: object) -> int:
    """What tells a variable's sizes apart: null is none of them."""
    return -1 if value is None else _count(value)


def _count(value: object) -> int:
    if isinstance(value, int | float):
        return max(0, int(value))
    if isinstance(value, list | tuple):
        return len(value)
    return 1 if isinstance(value, str) else settings.page_size
