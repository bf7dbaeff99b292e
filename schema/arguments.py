"""Scopes and arguments checked for a whole operation before any of it runs.

A change that has been committed must not be answered with an error about the size of a page below it, nor must the
second of two mutations fail after the first, if both could have been refused. An API key without the scope for a
mutation is told that alone.
"""

import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import strawberry
from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLID,
    GraphQLInputType,
    GraphQLNamedType,
    InlineFragmentNode,
    ListValueNode,
    NonNullTypeNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    Undefined,
    ValueNode,
    VariableNode,
    VariableValues,
    get_argument_values,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_scalar_type,
)

from app.errors import BadRequest, DomainError
from app.models.choices import Scope
from resolvers import ids
from resolvers.former_names import one_of
from resolvers.plan.arguments import NO_VARIABLES, Arguments, uses_variables
from resolvers.plan.declared import METADATA, Paged
from schema.field_extensions import Scoped
from schema.metadata import NEEDS_READ

DEFINITION = "strawberry-definition"


@dataclass(frozen=True)
class Condition:
    """A variable that `@skip` or `@include` depends on."""

    variable: str
    is_wanted: bool

    def holds(self, variables: VariableValues) -> bool:
        """Whether the selection is included."""
        return bool(variables.coerced.get(self.variable)) is self.is_wanted


@dataclass
class Part:
    """Selections that are included together: what to check in them, and what is conditional or spread."""

    checks: list["Check"] = field(default_factory=list)
    scopes: list[tuple[FieldNode, Scope | None]] = field(default_factory=list)
    guarded: list[tuple[list[Condition], "Part"]] = field(default_factory=list)
    spreads: list[str] = field(default_factory=list)


class Check:
    """One field's arguments."""

    def __init__(self, node: FieldNode) -> None:
        self.node = node
        self._varies = any(uses_variables(argument.value) for argument in node.arguments or ())

    def problem(self, variables: VariableValues) -> GraphQLError | None:
        """The error in the arguments, if there is one."""
        return self._found(variables) if self._varies else self._known

    @property
    def is_known_right(self) -> bool:
        """Whether they are right, whatever the variables are."""
        return not self._varies and self._known is None

    @cached_property
    def _known(self) -> GraphQLError | None:
        return self._found(NO_VARIABLES)

    def _found(self, variables: VariableValues) -> GraphQLError | None:
        try:
            self.run(variables)
        except DomainError as error:
            return GraphQLError(error.message, self.node, original_error=error)
        except GraphQLError as error:
            return error
        return None

    def run(self, variables: VariableValues) -> None:
        """Raises the error in the arguments."""
        raise NotImplementedError


class PageCheck(Check):
    """That a page is not too large and lies between cursors of its own list."""

    def __init__(self, schema: strawberry.Schema, node: FieldNode, definition: GraphQLField, declared: Paged) -> None:
        super().__init__(node)
        connection: Any = get_named_type(definition.type)
        rows = get_named_type(connection.fields["nodes"].type)
        self._model = rows.extensions["strawberry-definition"].origin.__shows__
        self._declared = declared
        self._arguments = Arguments(schema, definition.extensions[DEFINITION], definition, node)

    def run(self, variables: VariableValues) -> None:
        self._declared.taken_from(self._arguments(variables)).span(self._model)


class NullCheck(Check):
    """That no variable is null where only its default made it valid: its field would fail too late."""

    def __init__(self, node: FieldNode, definition: GraphQLField, nullable: Container[str]) -> None:
        super().__init__(node)
        self.variables = [
            problem
            for argument in node.arguments or ()
            if argument.name.value in definition.args
            for problem in _not_null(argument.value, definition.args[argument.name.value].type, argument.name.value)
            if problem[0] in nullable
        ]

    def run(self, variables: VariableValues) -> None:
        for name, where in self.variables:
            if variables.coerced.get(name, Undefined) is None:
                raise BadRequest(f"Variable '${name}' is null, but '{where}' cannot be null. Leave the variable out.")


def _not_null(node: ValueNode, kind: GraphQLInputType, place: str) -> Iterator[tuple[str, str]]:
    """The variables in a value at places that cannot be null, with those places."""
    named: Any = get_nullable_type(kind)
    if isinstance(node, VariableNode):
        if is_non_null_type(kind):
            yield node.name.value, place
    elif isinstance(node, ListValueNode) and is_list_type(named):
        for each in node.values:
            yield from _not_null(each, named.of_type, place)
    elif isinstance(node, ObjectValueNode) and is_input_object_type(named):
        for part in node.fields:
            yield from _not_null(part.value, named.fields[part.name.value].type, f"{place}.{part.name.value}")


class IdCheck(Check):
    """That ids have the right format. Whether the row exists is up to the field."""

    def __init__(self, node: FieldNode, definition: GraphQLField) -> None:
        super().__init__(node)
        self._definition = definition

    def run(self, variables: VariableValues) -> None:
        values = get_argument_values(self._definition, self.node, variables)
        for name, value in values.items():
            for id in _ids(self._definition.args[name].type, value):
                ids.decode(id)


class RenamedCheck(Check):
    """That an id which has a former name is given under one of the two."""

    def __init__(self, node: FieldNode, definition: GraphQLField) -> None:
        super().__init__(node)
        self._definition = definition
        kinds = (get_named_type(argument.type) for argument in definition.args.values())
        self.renamed = {
            former: new
            for kind in kinds
            if is_input_object_type(kind)
            for former, input_field in kind.fields.items()
            if input_field.deprecation_reason
            for new in re.findall(r"`(\w+)`", input_field.deprecation_reason)
            if new in kind.fields
        }

    def run(self, variables: VariableValues) -> None:
        for values in get_argument_values(self._definition, self.node, variables).values():
            for former, new in self.renamed.items():
                one_of(new, values.get(new), former, values.get(former))


def _ids(kind: GraphQLInputType, value: Any) -> Iterator[str]:
    """The ids in a coerced value."""
    named = get_nullable_type(kind)
    if value is None:
        return
    if is_list_type(named):
        if is_scalar_type(get_named_type(named)) and get_named_type(named).name != GraphQLID.name:
            return
        for each in value:
            yield from _ids(named.of_type, each)
    elif is_input_object_type(named):
        for name, each in value.items():
            yield from _ids(named.fields[name].type, each)
    elif named.name == GraphQLID.name:  # type: ignore[union-attr]
        yield value


def _takes_ids(definition: GraphQLField) -> bool:
    pending: list[Any] = [get_named_type(argument.type) for argument in definition.args.values()]
    kinds: dict[str, Any] = {}
    while pending:
        kind = pending.pop()
        if kind.name not in kinds:
            kinds[kind.name] = kind
            if is_input_object_type(kind):
                pending += [get_named_type(each.type) for each in kind.fields.values()]
    return GraphQLID.name in kinds


class ArgumentChecks:
    """All checks of one operation of a valid document; each fragment is checked once, however often it is spread."""

    def __init__(self, schema: strawberry.Schema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._core = schema._schema  # noqa: SLF001 - Strawberry has no public name for graphql-core's schema
        # A query that names an unwritable id still answers its other fields; a mutation is not begun.
        self._is_mutation = operation.operation is OperationType.MUTATION
        self._fragments = {
            problem.name.value: problem
            for problem in document.definitions
            if isinstance(problem, FragmentDefinitionNode)
        }
        self._nullable = {
            problem.variable.name.value
            for problem in operation.variable_definitions or ()
            if not isinstance(problem.type, NonNullTypeNode)
        }
        self._spread: dict[str, Part] = {}
        root = self._core.get_root_type(operation.operation)
        assert root, "a valid operation has a root type"
        self._root = Part()
        self._collect(operation.selection_set, root, self._root)

    def __call__(self, variables: VariableValues, permit: Callable[[Scope | None], None]) -> Sequence[GraphQLError]:
        """The scopes that are missing; if none is, all that is wrong with the operation's arguments."""
        parts = self._taken(variables)
        scopes = [needed for part in parts for needed in part.scopes]
        if missing := [error for node, scope in scopes if (error := _refused(node, scope, permit))]:
            return missing
        problems: dict[FieldNode, GraphQLError] = {}
        for check in (check for part in parts for check in part.checks):
            if problem := check.problem(variables):
                problems.setdefault(check.node, problem)
        return [*problems.values()]

    @property
    def are_known_right(self) -> bool:
        """Whether there is nothing wrong with it, whatever the variables are and whoever asks."""
        root = self._root
        is_fixed = not root.scopes and not root.guarded and not root.spreads
        return is_fixed and all(check.is_known_right for check in root.checks)

    def _taken(self, variables: VariableValues) -> list[Part]:
        parts, seen = [self._root], set[str]()
        for part in parts:  # it grows while it is gone through
            parts += [below for conditions, below in part.guarded if all(each.holds(variables) for each in conditions)]
            for name in part.spreads:
                if name not in seen:
                    seen.add(name)
                    parts.append(self._spread[name])
        return parts

    def _collect(self, selections: SelectionSetNode, parent: GraphQLNamedType, part: Part) -> None:
        for selection in selections.selections:
            conditions = _conditions(selection)
            if conditions is None:
                continue
            into = part
            if conditions:
                into = Part()
                part.guarded.append((conditions, into))
            if isinstance(selection, FieldNode):
                self._field(selection, parent, into)
            elif isinstance(selection, InlineFragmentNode):
                self._collect(selection.selection_set, self._kind(selection) or parent, into)
            elif isinstance(selection, FragmentSpreadNode):
                into.spreads.append(self._fragment(selection.name.value))

    def _field(self, node: FieldNode, parent: GraphQLNamedType, part: Part) -> None:
        definition = self._core.get_field(parent, node.name.value)  # type: ignore[arg-type]
        if definition is None:
            return
        declaration = definition.extensions.get(DEFINITION)
        metadata = getattr(declaration, "metadata", {})
        declared = metadata.get(METADATA)
        scoped = (each for each in getattr(declaration, "extensions", ()) if isinstance(each, Scoped))
        part.scopes += [(node, each.scope) for each in scoped]
        if self._is_mutation and NEEDS_READ in metadata:
            part.scopes.append((node, Scope.READ))
        nulls = NullCheck(node, definition, self._nullable)
        if nulls.variables:
            part.checks.append(nulls)
        if isinstance(declared, Paged):
            part.checks.append(PageCheck(self._schema, node, definition, declared))
        if self._is_mutation and _takes_ids(definition):
            part.checks.append(IdCheck(node, definition))
            renamed = RenamedCheck(node, definition)
            if renamed.renamed:
                part.checks.append(renamed)
        if node.selection_set:
            self._collect(node.selection_set, get_named_type(definition.type), part)

    def _fragment(self, name: str) -> str:
        if name not in self._spread:
            fragment = self._fragments[name]
            self._spread[name] = Part()
            kind = self._kind(fragment)
            assert kind, "a fragment has a type"
            self._collect(fragment.selection_set, kind, self._spread[name])
        return name

    def _kind(self, fragment: InlineFragmentNode | FragmentDefinitionNode) -> GraphQLNamedType | None:
        condition = fragment.type_condition
        return self._core.get_type(condition.name.value) if condition else None


def _refused(node: FieldNode, scope: Scope | None, permit: Callable[[Scope | None], None]) -> GraphQLError | None:
    try:
        permit(scope)
    except DomainError as error:
        return GraphQLError(error.message, node, original_error=error)
    return None


def _conditions(selection: SelectionNode) -> list[Condition] | None:
    """What must hold for a selection to be included; None if it never is."""
    conditions = []
    for directive in selection.directives or ():
        if directive.name.value in {"skip", "include"}:
            value, is_wanted = _condition(directive), directive.name.value == "include"
            if isinstance(value, VariableNode):
                conditions.append(Condition(value.name.value, is_wanted))
            elif isinstance(value, BooleanValueNode) and value.value is not is_wanted:
                return None
    return conditions


def _condition(directive: DirectiveNode) -> Any:
    [argument] = directive.arguments or ()
    return argument.value
