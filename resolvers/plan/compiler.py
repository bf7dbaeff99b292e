"""From a document to the tree of levels. What it meets and cannot plan raises `Unplanned`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    GraphQLField,
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
from resolvers.plan.declared import METADATA, Computed, GlobalId, Listing, Many, One
from resolvers.plan.leaves import Leaf, computed_leaf, leaf
from resolvers.plan.levels import Level
from resolvers.plan.sources import THE_ONLY_LIST, Count, Given, Keyed, Pages
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

    def root(self) -> Given:
        """The level of the operation's root fields."""
        schema = self._types.core
        kind = schema.get_root_type(self._operation.operation)
        assert kind, "a valid operation has a root type"
        fields = collect_fields(schema, self._fragments, self._variables, kind, self._operation).grouped_field_set
        level = Given(kind.name, None)
        level.show(self._object(level, kind, fields))
        return level

    def found(self, shown_as: GraphQLOutputType, details: Details) -> Value:
        """What is shown of a value that the executor has resolved."""
        return Value(shown_as, kid=self._kid(shown_as, details))

    def _fields(self, kind: GraphQLObjectType, details: Details) -> GroupedFieldSet:
        return collect_subfields(
            self._types.core, self._fragments, self._variables, self._operation, kind, details
        ).grouped_field_set

    def _object(self, level: Level, kind: GraphQLObjectType, fields: GroupedFieldSet) -> str:
        """The text that shows one row."""
        shown = (f"{key!r}: {self._field(level, kind, details)}" for key, details in fields.items())
        return f"{{{', '.join(shown)}}}"

    def _field(self, level: Level, kind: GraphQLObjectType, details: Details) -> str:
        name = details[0].node.name.value
        if name == "__typename":
            return repr(kind.name)
        definition = kind.fields.get(name)
        field = self._types.field(definition)
        declared = field.metadata.get(METADATA)
        if isinstance(declared, GlobalId):
            return level.global_id()
        if isinstance(declared, One):
            return self._one(level, declared, definition, details)
        if isinstance(declared, Many | Listing):
            return self._pages(level, declared, definition, field, details)
        found = self._leaf(level, declared, definition, field)
        if found is not None:
            return found.shown.format(level.column(found))
        return self._value(level, definition, field, details)

    def _leaf(self, level: Level, declared: Any, definition: GraphQLField, field: StrawberryField) -> Leaf | None:
        """What SQL selects for a field, if it is a column or computed of columns and its row is read."""
        if isinstance(declared, Computed):
            if isinstance(level, Given):
                return None
            return computed_leaf(field.python_name, declared.expression, definition.type)
        column = getattr(level.model, field.python_name, None) if field.base_resolver is None else None
        if isinstance(column, InstrumentedAttribute):
            return leaf(column.key, column.expression, definition.type)
        return None

    def _one(self, level: Level, declared: One, definition: GraphQLField, details: Details) -> str:
        kind = self._table(definition.type)
        kid = level.kids.get(declared)
        if kid is None:
            kid = level.kids[declared] = Keyed(kind.name, declared.model, level, declared.key)
        below = level.link(kid.show(self._object(kid, kind, self._fields(kind, details))))
        key = level.key(declared.key)
        return f"{below}[{key}]" if is_non_null_type(definition.type) else f"{below}.get({key})"

    def _value(self, level: Level, definition: GraphQLField, field: StrawberryField, details: Details) -> str:
        if field.extensions or field.permission_classes:
            raise Unplanned(f"{field.python_name} is more than its resolver")
        arguments = Arguments(self._types.schema, field, definition, details[0].node) if field.base_resolver else None
        value = Value(
            definition.type,
            attribute=field.python_name,
            resolver=field.base_resolver,
            arguments=arguments,
            kid=self._kid(definition.type, details),
        )
        name = level.value(value)
        if is_leaf_type(get_named_type(definition.type)):
            return name
        return f"{level.link(lambda run: run.linked)}({name})"

    def _kid(self, shown_as: GraphQLOutputType, details: Details) -> Callable[[str, bool], Level]:
        """Makes the level below a value when the first object of a type is met there."""
        named = get_named_type(shown_as)

        def kid(name: str, is_reference: bool) -> Level:
            kind = self._types.core.type_map.get(name)
            possible = is_abstract_type(named) and self._types.core.is_sub_type(named, cast("Any", kind))
            if kind is not named and not possible:
                raise Unplanned(f"{name} is no {named.name}")
            assert isinstance(kind, GraphQLObjectType)
            model = self._types.tables.get(name)
            level = Keyed(name, model) if is_reference and model else Given(name, model)
            level.show(self._object(level, kind, self._fields(kind, details)))
            return level

        return kid

    def _pages(
        self, level: Level, declared: Many | Listing, definition: GraphQLField, field: StrawberryField, details: Details
    ) -> str:
        """A connection: its rows are a level below, shown as nodes, as edges, or both."""
        if isinstance(declared, Listing) and level.model is not None:
            raise Unplanned("a query of its own for each row")
        kind = self._object_type(definition.type)
        table = self._table(kind.fields["nodes"].type)
        node = details[0].node
        arguments = Arguments(self._types.schema, field, definition, node)
        key = (declared, *sorted(map(print_ast, node.arguments or ())))
        pages = level.kids.get(key)
        if pages is None:
            pages = level.kids[key] = Pages(declared, self._types.tables[table.name], level, arguments)
        assert isinstance(pages, Pages)
        place = level.key("id") if isinstance(declared, Many) else str(THE_ONLY_LIST)
        shown = []
        for response_key, found in self._fields(kind, details).items():
            match found[0].node.name.value:
                case "nodes":
                    rows = self._object(pages, table, self._fields(table, found))
                    text = f"{level.link(pages.show(rows))}.get({place}, ())"
                case "edges":
                    text = f"{level.link(pages.show(self._edge(pages, kind, table, found)))}.get({place}, ())"
                case "pageInfo":
                    text = f"{level.link(self._page_info(pages, kind, found))}({place})"
                case "totalCount":
                    text = f"{self._count(level, pages, declared, key, arguments)}.get({place}, 0)"
                case _:
                    text = repr(kind.name)
            shown.append(f"{response_key!r}: {text}")
        return f"{{{', '.join(shown)}}}"

    def _edge(self, pages: Pages, kind: GraphQLObjectType, table: GraphQLObjectType, details: Details) -> str:
        edge = self._object_type(kind.fields["edges"].type)
        shown = []
        for key, found in self._fields(edge, details).items():
            match found[0].node.name.value:
                case "node":
                    text = self._object(pages, table, self._fields(table, found))
                case "cursor":
                    pages.has_cursors = True
                    text = f"cursor({pages.key('id')}, s)"
                case _:
                    text = repr(edge.name)
            shown.append(f"{key!r}: {text}")
        return f"{{{', '.join(shown)}}}"

    def _page_info(self, pages: Pages, kind: GraphQLObjectType, details: Details) -> Any:
        info = self._object_type(kind.fields["pageInfo"].type)
        shown = [(key, found[0].node.name.value) for key, found in self._fields(info, details).items()]
        names = {name for _, name in shown}
        pages.peeks |= "hasNextPage" in names
        if names & {"startCursor", "endCursor"}:
            pages.has_cursors = True
            pages.key("id")
        return pages.infos(shown)

    def _count(
        self, level: Level, pages: Pages, declared: Many | Listing, key: tuple[Any, ...], arguments: Arguments
    ) -> str:
        count = level.kids.setdefault(("count", *key), Count(pages, declared, level, arguments))
        return level.link(lambda run: run.shown[count][0])

    def _object_type(self, shown_as: GraphQLOutputType) -> GraphQLObjectType:
        named = get_named_type(shown_as)
        if not is_object_type(named):
            raise Unplanned(f"{named.name} is of several types")
        return named

    def _table(self, shown_as: GraphQLOutputType) -> GraphQLObjectType:
        named = self._object_type(shown_as)
        if named.name not in self._types.tables:
            raise Unplanned(f"{named.name} is no table")
        return named
