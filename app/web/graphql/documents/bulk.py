"""Documents of bulk queries: a query whose one list is asked for page by page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    NameNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    parse,
    print_ast,
    visit,
)

from app.errors import Invalid

FIELD = "document"
FIRST, AFTER, COUNT = "bulkFirst", "bulkAfter", "bulkCount"
PAGE_ARGUMENTS = {"first", "after", "last", "before"}
HEAD = f"query (${FIRST}: Int!, ${AFTER}: String, ${COUNT}: Boolean!) {{ __typename }}"
ONE_LIST = "A bulk query has one list, not inside of another list; this has"

Fragments = Mapping[str, FragmentDefinitionNode]
Columns = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Paged:
    """A query for one page of a list: its text, where the list is in the answer, and how large a page may be."""

    text: str
    path: tuple[str, ...]
    variables: frozenset[str]
    connection: GraphQLField
    columns: Columns | None
    """The values of each row if it is flat, which a table can show."""


@dataclass(frozen=True)
class _List:
    """A list, the selections that lead to it, and its keys in the answer."""

    way: tuple[FieldNode | InlineFragmentNode, ...]
    node: FieldNode
    field: GraphQLField


def paged(schema: GraphQLSchema, document: DocumentNode) -> Paged:
    """The query for one page of the list of a valid document; Invalid for any other document."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        raise Invalid(FIELD, "Give one query.")
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    [operation] = operations
    root = schema.query_type
    assert root, "there are queries"
    lists = list(_lists(schema, fragments, operation.selection_set, root, ()))
    if len(lists) != 1:
        raise Invalid(FIELD, f"{ONE_LIST} {len(lists)}.")
    [only] = lists
    rows = _rows(only.node)
    listed = get_named_type(only.field.type)
    assert isinstance(listed, GraphQLObjectType), "it is a list"
    kind = get_named_type(listed.fields["nodes"].type)
    text, variables = _printed(operation, fragments, only, rows)
    path = tuple(_key(node) for node in (*only.way, only.node) if isinstance(node, FieldNode))
    return Paged(text, path, variables, only.field, _columns(schema, fragments, rows, kind))


def _key(node: FieldNode) -> str:
    return (node.alias or node.name).value


def _is_list(field: GraphQLField) -> bool:
    kind = get_named_type(field.type)
    return isinstance(kind, GraphQLObjectType) and {"nodes", "pageInfo"} <= kind.fields.keys()


def _lists(
    schema: GraphQLSchema, fragments: Fragments, of: SelectionSetNode, kind: Any, way: tuple[Any, ...]
) -> Iterator[_List]:
    """The lists below these selections, as far as single objects lead to them."""
    for selection in of.selections:
        if isinstance(selection, FieldNode):
            field = getattr(kind, "fields", {}).get(selection.name.value)
            if field is None or selection.selection_set is None:
                continue
            if _is_list(field):
                yield _List(way, selection, field)
            elif not isinstance(get_nullable_type(field.type), GraphQLList):
                below = get_named_type(field.type)
                yield from _lists(schema, fragments, selection.selection_set, below, (*way, selection))
        else:
            inline = _inline(selection, fragments)
            condition = inline.type_condition
            on = schema.type_map[condition.name.value] if condition else kind
            yield from _lists(schema, fragments, inline.selection_set, on, (*way, inline))


def _inline(selection: SelectionNode, fragments: Fragments) -> InlineFragmentNode:
    if isinstance(selection, InlineFragmentNode):
        return selection
    assert isinstance(selection, FragmentSpreadNode)
    fragment = fragments[selection.name.value]
    return InlineFragmentNode(
        type_condition=fragment.type_condition,
        directives=selection.directives,
        selection_set=fragment.selection_set,
    )


def _rows(connection: FieldNode) -> SelectionSetNode:
    """What is asked of each row, by `nodes` or by the `node` of `edges`."""
    assert connection.selection_set
    asked: list[SelectionNode] = []
    for selection in connection.selection_set.selections:
        if isinstance(selection, FieldNode) and selection.selection_set:
            if selection.name.value == "nodes":
                asked += selection.selection_set.selections
            elif selection.name.value == "edges":
                for edge in selection.selection_set.selections:
                    if isinstance(edge, FieldNode) and edge.name.value == "node" and edge.selection_set:
                        asked += edge.selection_set.selections
    if not asked:
        raise Invalid(FIELD, f"Ask for the rows of `{connection.name.value}`: `nodes {{ … }}`.")
    return SelectionSetNode(selections=tuple(asked))


def _printed(
    operation: OperationDefinitionNode, fragments: Fragments, listed: _List, rows: SelectionSetNode
) -> tuple[str, frozenset[str]]:
    """The text of the query for a page, and the variables that are left of the document's own."""
    [added] = parse(HEAD).definitions
    assert isinstance(added, OperationDefinitionNode)
    whole = SelectionSetNode(selections=(_led_to(listed.way, _page(listed.node, rows)),))
    spread = _reached(whole, fragments)
    used = _Names()
    for node in (whole, *spread):
        visit(node, used)
    own = [node for node in operation.variable_definitions or () if node.variable.name.value in used.variables]
    asked = OperationDefinitionNode(
        operation=OperationType.QUERY,
        variable_definitions=(*own, *(added.variable_definitions or ())),
        selection_set=whole,
    )
    text = print_ast(DocumentNode(definitions=(asked, *spread)))
    return text, frozenset(node.variable.name.value for node in own)


def _page(node: FieldNode, rows: SelectionSetNode) -> FieldNode:
    """The list, asked for the rows of a page, and whether there are more."""
    kept = [argument for argument in node.arguments or () if argument.name.value not in PAGE_ARGUMENTS]
    info = SelectionSetNode(selections=(_field("hasNextPage"), _field("endCursor")))
    counted = DirectiveNode(name=_name("include"), arguments=(_argument("if", COUNT),))
    below = (
        FieldNode(name=_name("nodes"), selection_set=rows),
        FieldNode(name=_name("pageInfo"), selection_set=info),
        FieldNode(name=_name("totalCount"), directives=(counted,)),
    )
    return FieldNode(
        alias=node.alias,
        name=node.name,
        directives=node.directives,
        arguments=(*kept, _argument("first", FIRST), _argument("after", AFTER)),
        selection_set=SelectionSetNode(selections=below),
    )


def _led_to(way: Sequence[FieldNode | InlineFragmentNode], selection: SelectionNode) -> SelectionNode:
    """A selection below those that lead to it, and nothing else."""
    for step in reversed(way):
        inner = SelectionSetNode(selections=(selection,))
        if isinstance(step, FieldNode):
            selection = FieldNode(
                alias=step.alias,
                name=step.name,
                arguments=step.arguments,
                directives=step.directives,
                selection_set=inner,
            )
        else:
            selection = InlineFragmentNode(
                type_condition=step.type_condition, directives=step.directives, selection_set=inner
            )
    return selection


def _reached(of: Node, fragments: Fragments) -> Sequence[FragmentDefinitionNode]:
    reached: dict[str, FragmentDefinitionNode] = {}
    pending = [of]
    while pending:
        names = _Names()
        visit(pending.pop(), names)
        for name in names.fragments - reached.keys():
            reached[name] = fragments[name]
            pending.append(fragments[name])
    return list(reached.values())


class _Names(Visitor):
    """The variables and fragments that are named somewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.variables: set[str] = set()
        self.fragments: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.variables.add(node.name.value)

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.fragments.add(node.name.value)


def _columns(schema: GraphQLSchema, fragments: Fragments, of: SelectionSetNode, kind: Any) -> Columns | None:
    """The keys of each value, if there are no lists and no types to tell apart."""
    columns: dict[tuple[str, ...], None] = {}
    for selection in of.selections:
        if not isinstance(selection, FieldNode):
            inline = _inline(selection, fragments)
            if inline.type_condition and schema.type_map[inline.type_condition.name.value] is not kind:
                return None
            inner = _columns(schema, fragments, inline.selection_set, kind)
        elif selection.name.value.startswith("__"):
            inner = ((_key(selection),),)
        else:
            inner = _columns_of_field(schema, fragments, selection, kind.fields[selection.name.value])
        if inner is None:
            return None
        columns |= dict.fromkeys(inner)
    return tuple(columns)


def _columns_of_field(
    schema: GraphQLSchema, fragments: Fragments, node: FieldNode, field: GraphQLField
) -> Columns | None:
    if isinstance(get_nullable_type(field.type), GraphQLList):
        return None
    kind = get_named_type(field.type)
    if is_leaf_type(kind):
        return ((_key(node),),)
    if _is_list(field) or not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) or not node.selection_set:
        return None
    inner = _columns(schema, fragments, node.selection_set, kind)
    return None if inner is None else tuple((_key(node), *keys) for keys in inner)


def _name(text: str) -> NameNode:
    return NameNode(value=text)


def _field(text: str) -> FieldNode:
    return FieldNode(name=_name(text))


def _variable(text: str) -> VariableNode:
    return VariableNode(name=_name(text))


def _argument(text: str, variable: str) -> ArgumentNode:
    return ArgumentNode(name=_name(text), value=_variable(variable))
