"""A field's arguments: taken once where the document says them all, at run time where variables do."""

from functools import partial
from typing import Any, NamedTuple

import strawberry
from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    Node,
    VariableNode,
    VariableValues,
    Visitor,
    get_argument_values,
    get_nullable_type,
    is_leaf_type,
    visit,
)
from strawberry.types.arguments import StrawberryArgument, convert_arguments
from strawberry.types.field import StrawberryField

NO_VARIABLES = VariableValues({}, {})


class Arguments:
    """What a resolver is called with, by its Python names."""

    def __init__(
        self, schema: strawberry.Schema, field: StrawberryField, definition: GraphQLField, node: FieldNode
    ) -> None:
        self._definition = definition
        self._node = node
        self._convert = partial(
            convert_arguments,
            arguments=field.arguments,
            scalar_registry=schema.schema_converter.scalar_registry,
            config=schema.config,
        )
        varying = {each.name.value: each.value for each in node.arguments or () if uses_variables(each.value)}
        fixed = {name: argument for name, argument in definition.args.items() if name not in varying}
        self._fixed = self._taken(GraphQLField(definition.type, fixed), NO_VARIABLES)
        names = {schema.config.name_converter.from_argument(each): each for each in field.arguments}
        self._plain = [
            Plain(names[name].python_name, value.name.value)
            for name, value in varying.items()
            if isinstance(value, VariableNode) and _is_plain(names[name], definition.args[name])
        ]
        self._is_plain = len(self._plain) == len(varying)

    def __call__(self, variables: VariableValues) -> dict[str, Any]:
        """The arguments of one run; a new dictionary."""
        taken = dict(self._fixed)
        for plain in self._plain:
            value = variables.coerced.get(plain.variable)
            if value is None:  # absent, or null: the specification tells them apart
                return self._taken(self._definition, variables)
            taken[plain.name] = value
        return taken if self._is_plain else self._taken(self._definition, variables)

    def _taken(self, definition: GraphQLField, variables: VariableValues) -> dict[str, Any]:
        return self._convert(get_argument_values(definition, self._node, variables))


class Plain(NamedTuple):
    """An argument that is a variable and nothing else, and needs no conversion."""

    name: str
    variable: str


def _is_plain(argument: StrawberryArgument, definition: GraphQLArgument) -> bool:
    return is_leaf_type(get_nullable_type(definition.type)) and not argument.is_maybe


def uses_variables(node: Node) -> bool:
    """Whether a value is, or has in it, a variable."""
    variables = []

    class Seeker(Visitor):
        def enter_variable(self, node: VariableNode, *_: Any) -> None:
            variables.append(node)

    visit(node, Seeker())
    return bool(variables)
