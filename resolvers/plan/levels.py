"""The tree that a plan is: a level for each relation of an operation. It knows its statement and what it shows.

A level's rows are tuples: first the *place* by which the level above finds them, then the value they are sorted by if
there are cursors, then the selected columns, then the computed values. Levels hold nothing of a run (see `run`).
"""

from collections.abc import Callable, Hashable
from dataclasses import is_dataclass
from functools import cached_property
from typing import Any, NamedTuple

import orjson
from graphql import VariableValues
from orjson import Fragment
from sqlalchemy import ColumnElement, Select

from app.lru import LRU
from app.models.base import Record
from app.pagination import PageArgs, Span, cursors
from app.policies import AnyViewer
from app.postgres.prepared import Bound, Statement, compiled
from resolvers.instances import Instances
from resolvers.loaders import by_key, related
from resolvers.plan import statements
from resolvers.plan.arguments import Arguments
from resolvers.plan.declared import Listing, Many
from resolvers.plan.emitter import Program, emit
from resolvers.plan.leaves import Expression, Format, Leaf
from resolvers.plan.nodes import Column, Node
from resolvers.plan.values import Value
from resolvers.viewer_kinds import ViewerKind

Row = tuple[Any, ...]
KEY_ITEMS_MAX = 100
PLACE = b"\0"  # where an object is to stand: no JSON has it


class Inputs(NamedTuple):
    """What a plan is run with."""

    viewer_kind: ViewerKind
    bound: Bound
    variables: VariableValues


class Request(NamedTuple):
    """A statement and what is bound to it."""

    statement: Statement
    bound: Bound


class Page(NamedTuple):
    """The page of a list that a run asks for, and the list's own arguments."""

    args: PageArgs
    span: Span
    filters: tuple[tuple[str, Any], ...]

    @property
    def cursor(self) -> Callable[[int, Any], str]:
        """Writes the cursors of its rows."""
        return cursors(self.args.order, self.args.list)


class Level:
    """Rows of one relation at one depth."""

    groups_rows = False
    """Whether several rows may have one place."""

    def __init__(self, name: str, model: type[Record] | None) -> None:
        self.name = name
        self.model = model
        self.leaves: dict[str, Leaf] = {}
        self.values: list[Value] = []
        self.views: list[Node] = []
        self.children: dict[Hashable, Level] = {}
        self.prefetched: dict[Expression, str] = {}
        """The expressions that resolvers need of its rows, and the columns that have them."""
        self.has_cursors = False

    @property
    def label(self) -> str:
        """What it is, for people."""
        return self.name

    @cached_property
    def program(self) -> Program:
        """Its views as functions, made when its first rows are shown."""
        return emit(self)

    @property
    def width(self) -> int:
        """How many values of a row are selected one by one, its place included."""
        return 1 + self.has_cursors + len(self.leaves)

    def column(self, leaf: Leaf) -> Column:
        """Selects a column, once."""
        self.leaves.setdefault(leaf.name, leaf)
        return Column(leaf.name, leaf.format)

    def key(self, attribute: str) -> str:
        """Selects a key as it is, and gives its name."""
        assert self.model, "only tables have keys"
        return self.column(Leaf(attribute, getattr(self.model, attribute).expression)).name

    def global_id(self) -> Column:
        """Selects the key and shows the id it makes."""
        return Column(self.key("id"), Format.GLOBAL_ID)

    def prefetch(self, expression: Expression) -> None:
        """Selects an expression that resolvers need of each row."""
        leaf = Leaf(f"prefetched: {expression.__name__}", expression)
        self.prefetched[expression] = self.column(leaf).name

    def value(self, value: Value) -> int:
        """Has a value computed for each row, and gives its number."""
        self.values.append(value)
        return len(self.values) - 1

    def view(self, view: Node) -> int:
        """Has its rows shown in a way, and gives its number."""
        if view not in self.views:
            self.views.append(view)
        return self.views.index(view)

    def position(self, attribute: str) -> int:
        """Where in a row a key lies that was selected."""
        return 1 + self.has_cursors + list(self.leaves).index(attribute)

    def selected(self, viewer: AnyViewer, sorted_by: ColumnElement[Any] | None = None) -> list[ColumnElement[Any]]:
        """All it selects behind the place for a viewer."""
        if not self.leaves:
            self.key("id")  # of a row that shows only its type, say, it still counts that it is there
        columns = [leaf.selected_for(viewer) for leaf in self.leaves.values()]
        if sorted_by is not None and self.has_cursors:
            columns.insert(0, sorted_by)
        return columns + Instances.of(self.model).selected if self.values and self.model else columns


class InHand(Level):
    """Objects that are there already: what a mutation made, what an event is about, the root of all."""

    @cached_property
    def frame(self) -> tuple[bytes, bytes]:
        """Of a root with one object: its JSON before that of the object, and after it."""
        shown = self.program.views[0](((0, None),), None, lambda _: Fragment(PLACE))[0]
        before, _, after = orjson.dumps(shown).partition(PLACE)
        return before, after

    def rows_of(self, objects: list[Any]) -> list[Row]:
        """Their columns, as SQL would have selected them."""
        if not self.leaves:
            return [(number,) for number in range(len(objects))]
        readers = [(leaf.attribute, leaf.convert) for leaf in self.leaves.values()]
        return [
            (number, *[convert(getattr(each, name)) if convert else getattr(each, name) for name, convert in readers])
            for number, each in enumerate(objects)
        ]


class Fetched(Level):
    """Rows that a statement finds: by keys that a column of the level above holds, unless there is but one list."""

    parent: Level | None
    parent_key: str | None

    def page(self, inputs: Inputs) -> Page | None:
        """The page that is asked for; None for rows that come in no pages."""
        del inputs
        return None

    def request(self, inputs: Inputs, page: Page | None, keys: bytes | None) -> Request | None:
        """The one statement for all keys; None if nothing has to be read."""
        raise NotImplementedError


class Keyed(Fetched):
    """Rows by their own keys: those that a column of the level above holds, or that resolvers have named."""

    def __init__(self, name: str, model: type[Record], parent: Level | None = None, parent_key: str = "id") -> None:
        super().__init__(name, model)
        self.parent = parent
        self.parent_key = parent_key
        self._model = model
        self._statements: LRU[ViewerKind, Statement] = LRU()

    @property
    def label(self) -> str:
        """Which key they are found by."""
        return f"{self.name} by {self.parent_key}"

    @cached_property
    def is_whole(self) -> bool:
        """Whether its columns are all that is read and shown: nothing is computed, and nothing lies below."""
        return not self.values and not self.children and len(self.views) == 1

    def request(self, inputs: Inputs, page: Page | None, keys: bytes | None) -> Request | None:
        """One statement for all keys."""
        del page
        return Request(self.statement(inputs.viewer_kind), {"keys": keys, **inputs.bound})

    def statement(self, kind: ViewerKind) -> Statement:
        """What finds them for viewers of a kind."""
        viewer = kind.viewer
        return self._statements.get_or_make(kind, lambda: compiled(by_key(self._model, viewer, self.selected(viewer))))


class Pages(Fetched):
    """Pages of rows: of those that point at the rows of the level above, or of those that a query finds."""

    groups_rows = True

    def __init__(self, declared: Many | Listing, model: type[Record], parent: Level, arguments: Arguments) -> None:
        super().__init__(model.__name__, model)
        self.tells_next = False
        """Whether it is shown if there are rows after a page."""
        self.tells_previous = False
        """Whether it is shown if there are rows before a page."""
        self.has_info = False
        """Whether it is shown where its pages lie."""
        self.declared = declared
        self.parent = parent
        self.parent_key = "id" if isinstance(declared, Many) else None
        self._model = model
        self._arguments = arguments
        self._statements: LRU[Hashable, Statement] = LRU()

    @property
    def label(self) -> str:
        """Whose pages they are."""
        declared = self.declared
        if isinstance(declared, Listing):
            return declared.resolver.__name__
        assert self.parent, "a relation begins at a level"
        return f"{self.parent.name}.{declared.name}"

    def page(self, inputs: Inputs) -> Page:
        """The page that is asked for."""
        filters = self._arguments(inputs.variables)
        args = self.declared.taken_from(filters)
        return Page(args, args.span(self._model), _sorted(filters))

    def peeks(self, args: PageArgs) -> bool:
        """Whether one row more than asked for is read, to know whether there are more."""
        return self.tells_previous if args.is_backward else self.tells_next

    def request(self, inputs: Inputs, page: Page | None, keys: bytes | None) -> Request | None:
        """One statement for the pages of all parents."""
        assert page, "it comes in pages"
        if not self.views and not self.has_info:
            self.query(inputs, page.filters)  # nobody sees its rows, and yet its resolver may refuse
            return None
        limit = b"%d" % (page.args.size + self.peeks(page.args))
        bound = {"limit": limit, "keys": keys, **inputs.bound, **statements.bound(page.span)}
        shape = (inputs.viewer_kind, _key(page.filters), statements.shape(page.span))
        return Request(self._statements.get_or_make(shape, lambda: self._statement(inputs, page)), bound)

    def _statement(self, inputs: Inputs, page: Page) -> Statement:
        viewer, span = inputs.viewer_kind.viewer, statements.symbolic(page.span, self._model)
        return statements.compiled_alike(lambda: self._page(self.query(inputs, page.filters), viewer, span))

    def _page(self, query: Select[Any], viewer: AnyViewer, span: Span) -> Select[Any]:
        columns = self.selected(viewer, getattr(self._model, span.order.column))
        if isinstance(self.declared, Many):
            return statements.per_parent(query, self._model, self.declared.foreign_key, span, columns)
        return statements.listed(query, self._model, span, columns)

    def query(self, inputs: Inputs, filters: tuple[tuple[str, Any], ...]) -> Select[Any]:
        """All rows of which these are pages."""
        declared, viewer = self.declared, inputs.viewer_kind.viewer
        if isinstance(declared, Many):
            return related(declared.relationship, viewer)
        return statements.asked(declared.resolver, viewer, dict(filters))


class Count(Fetched):
    """How many rows a list has in all, for each parent."""

    def __init__(self, pages: Pages) -> None:
        super().__init__(f"count of {pages.label}", None)
        self.parent = pages.parent
        self.parent_key = pages.parent_key
        self.pages = pages
        """Beside which it is read."""
        self._statements: LRU[Hashable, Statement] = LRU()

    def page(self, inputs: Inputs) -> Page:
        """Of which list it is."""
        return self.pages.page(inputs)

    def request(self, inputs: Inputs, page: Page | None, keys: bytes | None) -> Request | None:
        """One statement for all parents."""
        assert page, "it is of a list that comes in pages"
        shape = (inputs.viewer_kind, _key(page.filters))
        statement = self._statements.get_or_make(shape, lambda: self._statement(inputs, page))
        return Request(statement, {"keys": keys, **inputs.bound})

    def _statement(self, inputs: Inputs, page: Page) -> Statement:
        query, declared = self.pages.query(inputs, page.filters), self.pages.declared
        if isinstance(declared, Many):
            return compiled(statements.counted_per_parent(query, declared.foreign_key))
        return compiled(statements.counted(query))


def _sorted(arguments: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Arguments in one order, however the document names them."""
    return tuple(sorted(arguments.items()))


def _key(value: Any) -> Hashable:
    """Arguments as a part of a key: a list by its items, and an input object by its fields.

    A long list stays a list, which is no key: it hardly comes again, and would only fill the cache.
    """
    if isinstance(value, list | tuple) and len(value) <= KEY_ITEMS_MAX:
        return tuple([_key(item) for item in value])
    if is_dataclass(value):
        return type(value), *[_key(item) for item in vars(value).values()]
    key: Hashable = value
    return key
