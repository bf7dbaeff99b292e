"""The kinds of levels: how the rows of a relation are found."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select

from app.models.base import Record
from app.pagination import Order, cursors, place
from app.policies import AnyViewer
from resolvers.loaders import related
from resolvers.plan import statements
from resolvers.plan.arguments import Arguments
from resolvers.plan.declared import Listing, Many
from resolvers.plan.levels import GROUPED_VIEW, Level, Row
from resolvers.plan.lru import Memory
from resolvers.plan.statements import Statement, ViewerKind

if TYPE_CHECKING:
    from resolvers.plan.run import Run

Asked = tuple[Statement, dict[str, bytes | None]]
THE_ONLY_LIST = 0


class Given(Level):
    """Objects that are in hand already: what a mutation made, what an event says, the root of all."""

    def ask(self, run: "Run") -> None:
        """Nothing: they are in hand."""
        if not self.leaves:
            run.rows[self] = [(number,) for number in range(len(run.objects[self]))]
            return
        readers = [(leaf.attribute, leaf.given) for leaf in self.leaves.values()]
        run.rows[self] = [
            (number, *[given(getattr(each, name)) if given else getattr(each, name) for name, given in readers])
            for number, each in enumerate(run.objects[self])
        ]

    def owners(self, run: "Run", rests: Sequence[Row]) -> list[Any]:
        """The objects themselves."""
        del rests
        return run.objects[self]


class Keyed(Level):
    """Rows by their keys: those that a column of the level above holds, or that resolvers have named."""

    def __init__(self, name: str, model: type[Record], parent: Level | None = None, key: str = "") -> None:
        super().__init__(name, model)
        self._model = model
        self._parent = parent
        self._key = key
        self._statements: Memory[ViewerKind, Statement] = Memory()

    @property
    def told(self) -> str:
        """Which key they are found by."""
        return f"{self.name} by {self._key or 'id'}"

    def ask(self, run: "Run") -> Asked | None:
        """One statement for all keys."""
        wanted = run.keys[self] if self._parent is None else run.column(self._parent, self._key) - {None}
        if not wanted:
            return None
        statement = self._statements.get(run.viewer_kind, lambda: self._statement(run.viewer_kind.viewer))
        return statement, {"keys": statements.keys(wanted), **run.bound}

    def _statement(self, viewer: AnyViewer) -> Statement:
        return statements.compiled(statements.by_key(self._model, viewer, self.selected(viewer)))


class Pages(Level):
    """Pages of rows: of those that point at the rows of the level above, or of those that a query finds."""

    view = GROUPED_VIEW

    def __init__(self, declared: Many | Listing, model: type[Record], parent: Level, arguments: Arguments) -> None:
        super().__init__(model.__name__, model)
        self.peeks = False
        self._declared = declared
        self._model = model
        self._parent = parent
        self._arguments = arguments
        self._statements: Memory[Any, Statement] = Memory()

    @property
    def told(self) -> str:
        """Whose pages they are."""
        declared = self._declared
        return declared.resolver.__name__ if isinstance(declared, Listing) else f"{self._parent.name}.{declared.name}"

    def ask(self, run: "Run") -> Asked | None:
        """One statement for the pages of all parents."""
        given = self._arguments(run.variables)
        args = self._declared.taken_from(given)
        after = None if args.after is None else place(args.after, self._model, args.order, args.list)
        run.pages[self] = args
        run.cursors[self] = cursors(args.order, args.list)
        filters = frozen(given)
        if not self.is_shown:
            self.query(run, filters)  # nobody sees its rows, and yet its resolver may have something against it
            return None
        bound = {"limit": b"%d" % (args.first + self.peeks), **run.bound}
        if after is not None:
            bound |= {"after_id": b"%d" % after.id, "after_value": statements.dumped(after.value)}
        shape = (run.viewer_kind, filters, args.order, None if after is None else after.value is None)
        if isinstance(self._declared, Many):
            owners = run.column(self._parent, "id")
            if not owners:
                return None
            bound["keys"] = statements.keys(owners)
        symbol = statements.symbolic(after, self._model, args.order)
        return self._statements.get(shape, lambda: self._statement(run, filters, args.order, symbol)), bound

    def _statement(self, run: "Run", filters: Any, order: Order, after: Any) -> Statement:
        viewer = run.viewer_kind.viewer
        return statements.compiled_alike(lambda: self._page(self.query(run, filters), viewer, order, after))

    def _page(self, query: Select[Any], viewer: AnyViewer, order: Order, after: Any) -> Select[Any]:
        columns = self.selected(viewer, getattr(self._model, order.column))
        if isinstance(self._declared, Many):
            return statements.per_parent(query, self._model, self._declared.foreign_key, order, after, columns)
        return statements.listed(query, self._model, order, after, columns)

    def query(self, run: "Run", filters: tuple[tuple[str, Any], ...]) -> Select[Any]:
        """All rows of which these are pages."""
        declared = self._declared
        if isinstance(declared, Many):
            return related(declared.relationship, run.viewer_kind.viewer)
        return statements.asked(declared.resolver, run.viewer_kind.viewer, dict(filters))

    def take(self, run: "Run", rows: list[Row]) -> None:
        """Keeps the rows of each page, and which of them were cut."""
        if not self.peeks:
            run.rows[self] = rows
            return
        run.rows[self], run.cut[self] = cut(rows, run.pages[self].first)

    def infos(self, shown: list[tuple[str, str]]) -> "Callable[[Run], Callable[[Any], dict[str, Any]]]":
        """What a `pageInfo` says of each page."""
        self.is_shown = True

        def link(run: "Run") -> Callable[[Any], dict[str, Any]]:
            return PageInfos(self, run, shown).of

        return link


class PageInfos:
    """Tells where the pages of one level and run lie."""

    def __init__(self, level: Pages, run: "Run", shown: list[tuple[str, str]]) -> None:
        self._shown = shown
        self._after = run.pages[level].after is not None
        self._cut = run.cut.get(level, set())
        self._ends: dict[Any, tuple[str, str]] = {}
        if level.has_cursors:
            position, write = level.position("id"), run.cursors[level]
            first: dict[Any, Row] = {}
            last: dict[Any, Row] = {}
            for row in run.rows[level]:
                first.setdefault(row[0], row)
                last[row[0]] = row
            for place, row in first.items():
                end = last[place]
                self._ends[place] = write(row[position], row[1]), write(end[position], end[1])

    def of(self, place: Any) -> dict[str, Any]:
        """The page below one parent."""
        start, end = self._ends.get(place, (None, None))
        facts = {
            "hasNextPage": place in self._cut,
            "hasPreviousPage": self._after,
            "startCursor": start,
            "endCursor": end,
            "__typename": "PageInfo",
        }
        return {key: facts[name] for key, name in self._shown}


class Count(Level):
    """How many rows a list has in all, for each parent."""

    def __init__(self, pages: Pages, declared: Many | Listing, parent: Level, arguments: Arguments) -> None:
        super().__init__(f"count of {pages.told}", None)
        self._pages = pages
        self._declared = declared
        self._parent = parent
        self._arguments = arguments
        self._statements: Memory[Any, Statement] = Memory()

    def ask(self, run: "Run") -> Asked | None:
        """One statement for all parents."""
        bound = dict(run.bound)
        if isinstance(self._declared, Many):
            owners = run.column(self._parent, "id")
            if not owners:
                return None
            bound["keys"] = statements.keys(owners)
        given = self._arguments(run.variables)
        self._declared.taken_from(given)
        filters = frozen(given)
        return self._statements.get((run.viewer_kind, filters), lambda: self._statement(run, filters)), bound

    def _statement(self, run: "Run", filters: Any) -> Statement:
        query = self._pages.query(run, filters)
        if isinstance(self._declared, Many):
            return statements.compiled(statements.counted_per_parent(query, self._declared.foreign_key))
        return statements.compiled(statements.counted(query))

    def assemble(self, run: "Run") -> None:
        """The counts by their parents."""
        run.shown[self] = [dict(run.rows[self])]


def frozen(given: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Arguments as a key to remember by."""
    return tuple(sorted(given.items()))


def cut(rows: list[Row], first: int) -> tuple[list[Row], set[Any]]:
    """The first rows of each place, and the places that have more."""
    kept: list[Row] = []
    more: set[Any] = set()
    place, number = None, 0
    for row in rows:
        if row[0] != place:
            place, number = row[0], 0
        number += 1
        if number > first:
            more.add(place)
        else:
            kept.append(row)
    return kept, more
