"""From a document to the tree of levels and nodes. What it meets and cannot plan raises `Unplanned`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    OperationDefinitionNode,
    VariableValues,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_non_null_type,
    is_object_type,
    print_ast,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from sqlalchemy.orm import InstrumentedAttribute
from strawberry.types.field import StrawberryField

from app.errors import Unplanned
from resolvers.plan.arguments import Arguments
from resolvers.plan.declared import METADATA, GlobalId, Listing, Many, One, Prefetch
from resolvers.plan.declared import Computed as Computation
from resolvers.plan.leaves import Leaf, computed_leaf, leaf
from resolvers.plan.levels import Count, InHand, Keyed, Level, Pages
from resolvers.plan.nodes import Computed, Constant, Cursor, Node, Object, PageInfo, ToMany, ToOne, Total
from resolvers.plan.values import Value

if TYPE_CHECKING:
    from resolvers.plan import Types

Details = list[FieldDetails]


class Compiler:
    """Plans one operation, for one choice of what its directives include."""

    def __init__(
        self,
        types: "Types",
        fragments: dict[str, FragmentDetails],
        operation: OperationDefinitionNode,
        variables: VariableValues,
    ) -> None:
        self._types = types
        self._fragments = fragments
        self._operation = operation
        self._variables = variables

    def root(self) -> InHand:
        """The level of the operation's root fields."""
        schema = self._types.core
        kind = schema.get_root_type(self._operation.operation)
        assert kind, "a valid operation has a root type"
        fields = collect_fields(schema, self._fragments, self._variables, kind, self._operation).grouped_field_set
        level = InHand(kind.name, None)
        level.view(self._object(level, kind, fields))
        return level

    def value(self, shown_as: GraphQLOutputType, details: Details) -> Value:
        """What is shown of a value that the executor has resolved."""
        return Value(shown_as, make_level=self._level_maker(shown_as, details))

    def _fields(self, kind: GraphQLObjectType, details: Details) -> GroupedFieldSet:
        return collect_subfields(
            self._types.core, self._fragments, self._variables, self._operation, kind, details
        ).grouped_field_set

    def _object(self, level: Level, kind: GraphQLObjectType, fields: GroupedFieldSet) -> Object:
        """What is shown of one row."""
        return Object(tuple((key, self._field(level, kind, details)) for key, details in fields.items()))

    def _field(self, level: Level, kind: GraphQLObjectType, details: Details) -> Node:
        name = details[0].node.name.value
        if name == "__typename":
            return Constant(kind.name)
        definition = kind.fields.get(name)
        field = self._types.field(definition)
        declared = field.metadata.get(METADATA)
        if isinstance(declared, GlobalId):
            return level.global_id()
        if isinstance(declared, One):
            return self._to_one(level, declared, definition, details)
        if isinstance(declared, Many | Listing):
            return self._connection(level, declared, definition, field, details)
        column = self._leaf(level, declared, definition, field)
        return level.column(column) if column else self._computed(level, definition, field, details)

    def _leaf(self, level: Level, declared: Any, definition: GraphQLField, field: StrawberryField) -> Leaf | None:
        """What SQL selects for a field, if it is a column or computed of columns and its row is read."""
        if isinstance(declared, Computation):
            if isinstance(level, InHand):
                return None
            return computed_leaf(field.python_name, declared.expression, definition.type)
        column = getattr(level.model, field.python_name, None) if field.base_resolver is None else None
        if isinstance(column, InstrumentedAttribute):
            return leaf(column.key, column.expression, definition.type)
        return None

    def _to_one(self, level: Level, declared: One, definition: GraphQLField, details: Details) -> ToOne:
        may_be_missing = not is_non_null_type(definition.type)
        kind = self._shown_table(definition.type)
        if isinstance(kind, GraphQLInterfaceType):
            return self._to_any(level, kind, declared.key, details, may_be_missing=may_be_missing)
        child = level.children.get(declared)
        if child is None:
            child = level.children[declared] = Keyed(kind.name, declared.model, level, declared.key)
        view = child.view(self._object(child, kind, self._fields(kind, details)))
        return ToOne(((child, view),), level.key(declared.key), may_be_missing)

    def _to_any(
        self, level: Level, kind: GraphQLInterfaceType, key: str, details: Details, *, may_be_missing: bool
    ) -> ToOne:
        """The row with this key: a level for each type it may be of, all in one table."""
        levels: list[tuple[Level, int]] = []
        for each in self._types.core.get_possible_types(kind):
            child = level.children.get((key, each.name))
            if child is None:
                child = level.children[key, each.name] = Keyed(each.name, self._types.tables[each.name], level, key)
            levels.append((child, child.view(self._object(child, each, self._fields(each, details)))))
        return ToOne(tuple(levels), level.key(key), may_be_missing)

    def _row(self, level: Level, kind: GraphQLObjectType | GraphQLInterfaceType, details: Details) -> Node:
        """What is shown of each row of a list."""
        if isinstance(kind, GraphQLInterfaceType):
            return self._to_any(level, kind, "id", details, may_be_missing=False)
        return self._object(level, kind, self._fields(kind, details))

    def _computed(self, level: Level, definition: GraphQLField, field: StrawberryField, details: Details) -> Computed:
        if field.extensions or field.permission_classes:
            raise Unplanned(f"{field.python_name} is more than its resolver")
        arguments = Arguments(self._types.schema, field, definition, details[0].node) if field.base_resolver else None
        value = Value(
            definition.type,
            attribute=field.python_name,
            resolver=field.base_resolver,
            arguments=arguments,
            make_level=self._level_maker(definition.type, details),
        )
        needed = field.metadata.get(METADATA)
        if isinstance(needed, Prefetch) and not isinstance(level, InHand):
            level.prefetch(needed.expression)
        return Computed(level.value(value), is_object=not is_leaf_type(get_named_type(definition.type)))

    def _level_maker(self, shown_as: GraphQLOutputType, details: Details) -> Callable[[str, bool], Level]:
        """Makes the level below a value when the first object of a type is met there."""
        named = get_named_type(shown_as)

        def make(name: str, is_reference: bool) -> Level:
            kind = self._types.core.type_map.get(name)
            possible = is_abstract_type(named) and self._types.core.is_sub_type(named, cast("Any", kind))
            if kind is not named and not possible:
                raise Unplanned(f"{name} is no {named.name}")
            assert isinstance(kind, GraphQLObjectType)
            model = self._types.tables.get(name)
            level = Keyed(name, model) if is_reference and model else InHand(name, model)
            level.view(self._object(level, kind, self._fields(kind, details)))
            return level

        return make

    def _connection(
        self, level: Level, declared: Many | Listing, definition: GraphQLField, field: StrawberryField, details: Details
    ) -> Object:
        """A connection: its rows are a level below, shown as nodes, as edges, or both."""
        if isinstance(declared, Listing) and level.model is not None:
            raise Unplanned("a query of its own for each row")
        kind = self._object_type(definition.type)
        table = self._shown_table(kind.fields["nodes"].type)
        node = details[0].node
        arguments = Arguments(self._types.schema, field, definition, node)
        key = (declared, *sorted(map(print_ast, node.arguments or ())))
        pages = level.children.get(key)
        if pages is None:
            pages = level.children[key] = Pages(declared, self._types.model_of(table), level, arguments)
        assert isinstance(pages, Pages)
        parent_key = level.key("id") if isinstance(declared, Many) else None
        fields: list[tuple[str, Node]] = []
        for response_key, below in self._fields(kind, details).items():
            match below[0].node.name.value:
                case "nodes":
                    shown: Node = ToMany(pages, pages.view(self._row(pages, table, below)), parent_key)
                case "edges":
                    shown = ToMany(pages, pages.view(self._edge(pages, kind, table, below)), parent_key)
                case "pageInfo":
                    shown = self._page_info(pages, kind, below, parent_key)
                case "totalCount":
                    count = level.children.setdefault(("count", *key), Count(pages))
                    assert isinstance(count, Count)
                    shown = Total(count, parent_key)
                case _:
                    shown = Constant(kind.name)
            fields.append((response_key, shown))
        return Object(tuple(fields))

    def _edge(
        self,
        pages: Pages,
        kind: GraphQLObjectType,
        table: GraphQLObjectType | GraphQLInterfaceType,
        details: Details,
    ) -> Object:
        edge = self._object_type(kind.fields["edges"].type)
        fields: list[tuple[str, Node]] = []
        for key, below in self._fields(edge, details).items():
            match below[0].node.name.value:
                case "node":
                    node: Node = self._row(pages, table, below)
                case "cursor":
                    pages.has_cursors = True
                    node = Cursor(pages.key("id"))
                case _:
                    node = Constant(edge.name)
            fields.append((key, node))
        return Object(tuple(fields))

    def _page_info(self, pages: Pages, kind: GraphQLObjectType, details: Details, parent_key: str | None) -> PageInfo:
        info = self._object_type(kind.fields["pageInfo"].type)
        facts = tuple((key, below[0].node.name.value) for key, below in self._fields(info, details).items())
        names = {name for _, name in facts}
        pages.has_info = True
        pages.tells_next |= "hasNextPage" in names
        pages.tells_previous |= "hasPreviousPage" in names
        if names & {"startCursor", "endCursor"}:
            pages.has_cursors = True
            pages.key("id")
        return PageInfo(pages, facts, parent_key)

    def _object_type(self, shown_as: GraphQLOutputType) -> GraphQLObjectType:
        named = get_named_type(shown_as)
        if not is_object_type(named):
            raise Unplanned(f"{named.name} is of several types")
        return named

    def _shown_table(self, shown_as: GraphQLOutputType) -> GraphQLObjectType | GraphQLInterfaceType:
        """The type that shows a table's rows, or the interface of the types that do."""
        named = get_named_type(shown_as)
        if isinstance(named, GraphQLInterfaceType) and named.name in self._types.interfaces:
            return named
        table = self._object_type(shown_as)
        if table.name not in self._types.tables:
            raise Unplanned(f"{table.name} is no table")
        return table
