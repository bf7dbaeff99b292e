"""Size limits of requests and arguments, checked before anything is built from them."""

from typing import Any, cast

import strawberry
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    TokenKind,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    type_from_ast,
)

from app.errors import Code
from app.settings import settings
from app.settings.units import MIB
from schema.metadata import REQUEST_BYTES_MAX, metadata_of_mutations

# Their values may be of any kind; the size of the request bounds them.
OPEN = frozenset({"JSON", "GeoJSONFeatureCollection"})
TEXTS = frozenset({TokenKind.STRING, TokenKind.BLOCK_STRING})
KIB = 1_024


def in_words(size: int) -> str:
    """A size in the largest unit that gives a whole number."""
    for unit, name in (MIB, "MiB"), (KIB, "KiB"):
        if size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} bytes"


def declared(schema: strawberry.Schema) -> dict[str, int]:
    """The mutations that state their own request size limit."""
    sizes = metadata_of_mutations(schema)
    return {name: metadata[REQUEST_BYTES_MAX] for name, metadata in sizes.items() if REQUEST_BYTES_MAX in metadata}


def called(document: DocumentNode, operation: OperationDefinitionNode) -> set[str]:
    """The names of a mutation's root fields."""
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    if operation.operation is not OperationType.MUTATION:
        return set()
    names: set[str] = set()
    spread: set[str] = set()
    pending: list[SelectionSetNode] = [operation.selection_set]
    while pending:
        for definition in pending.pop().selections:
            if isinstance(definition, FieldNode):
                names.add(definition.name.value)
            elif isinstance(definition, InlineFragmentNode):
                pending.append(definition.selection_set)
            elif isinstance(definition, FragmentSpreadNode) and definition.name.value not in spread:
                spread.add(definition.name.value)
                pending.append(fragments[definition.name.value].selection_set)
    return names


class Sizes:
    """What one operation may carry."""

    def __init__(
        self,
        schema: strawberry.Schema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        declared: dict[str, int],
    ) -> None:
        more = [declared[name] for name in called(document, operation) if name in declared]
        self.bytes_max = max(settings.request_bytes_max, *more, 0)
        core = schema._schema  # noqa: SLF001 - Strawberry has no public name for graphql-core's schema
        self._types: dict[str, GraphQLInputType] = {}
        for definition in operation.variable_definitions or ():
            kind = cast("GraphQLInputType", type_from_ast(core, definition.type))
            self._types[definition.variable.name.value] = kind

    def check(self, variables: dict[str, Any]) -> None:
        """Raises a GraphQLError for a string or a list longer than any argument may be."""
        for name, kind in self._types.items():
            value = variables.get(name)
            is_short = type(value) is str and len(value) <= settings.text_length_max
            if not is_short and value is not None and not isinstance(value, int | float):
                _check(f"${name}", value, kind)


def _check(path: str, value: Any, kind: GraphQLInputType) -> None:
    plain: Any = get_nullable_type(kind)
    if isinstance(value, str):
        if len(value) > settings.text_length_max and getattr(plain, "name", "") not in OPEN:
            raise _too_long(path, "characters", len(value), settings.text_length_max)
    elif isinstance(value, list) and is_list_type(plain):
        if len(value) > settings.list_length_max:
            raise _too_long(path, "values", len(value), settings.list_length_max)
        if getattr(get_nullable_type(plain.of_type), "name", "") in OPEN:
            return
        for number, each in enumerate(value):
            _check(f"{path}[{number}]", each, plain.of_type)
    elif isinstance(value, dict):
        # A single value is taken for a list of one.
        named = get_named_type(kind)
        if is_input_object_type(named):
            _check_fields(path, value, named)


def _check_fields(path: str, value: dict[str, Any], kind: GraphQLInputObjectType) -> None:
    for name, field in kind.fields.items():
        member = value.get(name)
        if member is not None and not isinstance(member, int | float):
            _check(f"{path}.{name}", member, field.type)


def check_literals(document: DocumentNode) -> None:
    """The same for strings in a document; the length of its lists is bounded by the document's tokens."""
    token = document.loc.start_token if document.loc else None
    while token is not None:
        if token.kind in TEXTS and token.value and len(token.value) > settings.text_length_max:
            raise _too_long("A text", "characters", len(token.value), settings.text_length_max)
        token = token.next


def _too_long(what: str, unit: str, length: int, limit: int) -> GraphQLError:
    return GraphQLError(f"{what} may have {limit} {unit}; this has {length}.", extensions={"code": Code.BAD_REQUEST})
