"""A field's arguments: taken once where the document says them all, at run time where variables do."""

from functools import partial
from typing import Any

import strawberry
from graphql import FieldNode, GraphQLField, Node, VariableNode, VariableValues, get_argument_values, visit
from graphql.language import Visitor
from strawberry.types.arguments import convert_arguments
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
        self._constant = None if _uses_variables(node) else self._taken(NO_VARIABLES)

    def __call__(self, variables: VariableValues) -> dict[str, Any]:
        """The arguments of one run; a new dictionary."""
        if self._constant is not None:
            return dict(self._constant)
        return self._taken(variables)

    def _taken(self, variables: VariableValues) -> dict[str, Any]:
        return self._convert(get_argument_values(self._definition, self._node, variables))


def _uses_variables(node: FieldNode) -> bool:
    return any(_has_variable(argument) for argument in node.arguments or ())


def _has_variable(node: Node) -> bool:
    found = []

    class Seeker(Visitor):
        def enter_variable(self, node: VariableNode, *_: Any) -> None:
            found.append(node)

    visit(node, Seeker())
    return bool(found)
