"""What is wrong with a client's values, in words for the client: the same for variables and for what documents say.

graphql-core finds out that a value does not fit; its own words for it are Python's.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol

from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FloatValueNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    Undefined,
    ValueNode,
    ValuesOfCorrectTypeRule,
    VariableDefinitionNode,
    VariableNode,
    VariableValues,
    get_variable_values,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.pyutils import did_you_mean, suggestion_list

from app.errors import Unfit
from app.web.graphql.errors import Refused

ERRORS_MAX = 50
ENUM_VALUES_SHOWN_MAX = 40
WANTED = {
    "Int": "a whole number from -2147483648 to 2147483647",
    "Float": "a finite number",
    "String": "a text",
    "Boolean": "true or false",
    "ID": "an id as a string, exactly as the API returned it",
    "DateTime": "a time with its offset, such as 2026-03-01T12:00:00Z",
}
NODES: list[tuple[type[ValueNode], str]] = [
    (NullValueNode, "null"),
    (IntValueNode, "this number"),
    (FloatValueNode, "this number"),
    (StringValueNode, "this string"),
    (EnumValueNode, "this name"),
    (ListValueNode, "a list"),
    (ObjectValueNode, "an object"),
]
VALUES: list[tuple[type, str]] = [
    (bool, "this Boolean"),
    (int, "this number"),
    (float, "this number"),
    (str, "this string"),
    (list, "a list"),
    (dict, "an object"),
]

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """Where in a value something does not fit, and what to do about it."""

    path: Path
    value: Any
    message: str


class Notation(Protocol):
    """How values are written: as JSON, or in a document."""

    def is_open(self, value: Any) -> bool:
        """Whether it is known only when the operation runs."""

    def is_null(self, value: Any) -> bool:
        """Whether it is null."""

    def items(self, value: Any) -> Sequence[Any] | None:
        """The items of a list; None for anything else."""

    def fields(self, value: Any) -> dict[str, Any] | None:
        """The fields of an object; None for anything else."""

    def taken(self, value: Any, kind: Any) -> Any:
        """The value of a scalar or an enumeration; raises, or is Undefined, if it is none."""

    def name(self, value: Any) -> str:
        """What kind of value it is."""


class Json:
    """Variables."""

    def is_open(self, value: Any) -> bool:
        del value
        return False

    def is_null(self, value: Any) -> bool:
        return value is None

    def items(self, value: Any) -> Sequence[Any] | None:
        return value if isinstance(value, list) else None

    def fields(self, value: Any) -> dict[str, Any] | None:
        return value if isinstance(value, dict) else None

    def taken(self, value: Any, kind: Any) -> Any:
        return kind.coerce_input_value(value)

    def name(self, value: Any) -> str:
        return "null" if value is None else next(name for each, name in VALUES if isinstance(value, each))


class Literal:
    """What a document says."""

    def is_open(self, value: Any) -> bool:
        return isinstance(value, VariableNode)

    def is_null(self, value: Any) -> bool:
        return isinstance(value, NullValueNode)

    def items(self, value: Any) -> Sequence[Any] | None:
        return value.values if isinstance(value, ListValueNode) else None

    def fields(self, value: Any) -> dict[str, Any] | None:
        return {each.name.value: each.value for each in value.fields} if isinstance(value, ObjectValueNode) else None

    def taken(self, value: Any, kind: Any) -> Any:
        parse = kind.coerce_input_literal or kind.parse_literal
        return parse(value)

    def name(self, value: Any) -> str:
        if isinstance(value, BooleanValueNode):
            return "this Boolean"
        return next(name for each, name in NODES if isinstance(value, each))


JSON, LITERAL = Json(), Literal()


def problems(notation: Notation, value: Any, kind: GraphQLInputType, path: Path = ()) -> Iterator[Problem]:
    """All that does not fit in a value of a type."""
    if notation.is_open(value):
        return
    named: Any = kind.of_type if is_non_null_type(kind) else kind
    if notation.is_null(value):
        if named is not kind:
            yield Problem(path, value, f"Give {_wanted(named)}, not null.")
    elif is_list_type(named):
        items = notation.items(value)
        if items is None:  # a single value is taken for a list of one
            yield from problems(notation, value, named.of_type, path)
        else:
            for index, item in enumerate(items):
                yield from problems(notation, item, named.of_type, (*path, index))
    elif is_input_object_type(named):
        yield from _object_problems(notation, value, named, path)
    elif (message := _leaf_problem(notation, value, named)) is not None:
        yield Problem(path, value, message)


def _leaf_problem(notation: Notation, value: Any, kind: Any) -> str | None:
    try:
        if notation.taken(value, kind) is not Undefined:
            return None
    except Unfit as unfit:
        return str(unfit)
    except Exception:  # noqa: BLE001, S110 - a scalar raises whatever a value provokes
        pass
    return f"Give {_wanted(kind)}, not {notation.name(value)}."


def _object_problems(notation: Notation, value: Any, kind: Any, path: Path) -> Iterator[Problem]:
    fields = notation.fields(value)
    if fields is None:
        yield Problem(path, value, f"Give {_wanted(kind)}, not {notation.name(value)}.")
        return
    for name, field in kind.fields.items():
        if name in fields:
            yield from problems(notation, fields[name], field.type, (*path, name))
        elif is_required_input_field(field):
            yield Problem(path, value, f"Give the field '{name}' of {kind.name} as well.")
    for name in [name for name in fields if name not in kind.fields]:
        suggestion = did_you_mean(suggestion_list(name, list(kind.fields)))
        yield Problem(path, value, f"{kind.name} has no field '{name}'.{suggestion}")


def _wanted(kind: Any) -> str:
    named = kind.of_type if is_non_null_type(kind) else kind
    if is_list_type(named):
        return "a list"
    if is_input_object_type(named):
        return f"an object with the fields of {named.name}"
    if isinstance(named, GraphQLEnumType):
        names = list(named.values)
        more = ", …" if len(names) > ENUM_VALUES_SHOWN_MAX else ""
        return f"one of {', '.join(names[:ENUM_VALUES_SHOWN_MAX])}{more}"
    return WANTED.get(named.name, f"a value of type {named.name}")


def coerced(
    schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode], variables: dict[str, Any]
) -> VariableValues:
    """The variables as the schema wants them, or `Refused` with what is wrong with them."""
    coerced_values = get_variable_values(schema, definitions, variables, 1)
    if not isinstance(coerced_values, list):
        return coerced_values
    errors = list(islice(_variable_errors(schema, definitions, variables), ERRORS_MAX))
    raise Refused(errors or [GraphQLError("The variables do not match the operation.")])


def _variable_errors(
    schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode], variables: dict[str, Any]
) -> Iterator[GraphQLError]:
    for definition in definitions:
        signature = get_variable_signature(schema, definition)
        if isinstance(signature, GraphQLError):
            yield signature
        elif signature.name in variables:
            for problem in problems(JSON, variables[signature.name], signature.type):
                place = f" at '{_dotted(problem.path)}'" if problem.path else ""
                yield GraphQLError(f"Variable '${signature.name}' is invalid{place}: {problem.message}", definition)
        elif is_non_null_type(signature.type) and definition.default_value is None:
            message = f"Variable '${signature.name}' is missing: Give {_wanted(signature.type)}."
            yield GraphQLError(message, definition)


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


class ValuesFitRule(ValuesOfCorrectTypeRule):
    """graphql-core's rule that values in a document fit their types, in these words."""

    def is_valid_value_node(self, node: ValueNode, input_type: GraphQLInputType | None) -> Any:
        """Called for each value that is not part of another."""
        if input_type:
            for problem in problems(LITERAL, node, input_type):
                place = f"At '{_dotted(problem.path)}': " if problem.path else ""
                self.report_error(GraphQLError(place + problem.message, problem.value))
        return super().is_valid_value_node(node, None)
