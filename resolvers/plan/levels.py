"""The tree that a plan is: a level for each relation of an operation, with the columns it selects and what it shows.

A level's rows are tuples: first the *place* by which the level above finds them, then the selected columns, then the
computed values. A *view* shows rows as JSON objects. It is Python text, made and compiled once, in which `k` is the
place, `c0` a column, `v0` a value, and `m0` what hangs below, by place.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from orjson import Fragment
from sqlalchemy import ColumnElement

from app.models.base import Record
from app.policies import AnyViewer
from resolvers.ids import global_ids
from resolvers.plan.instances import Instances
from resolvers.plan.leaves import Leaf, finite, finites
from resolvers.plan.values import Value

if TYPE_CHECKING:
    from resolvers.plan.run import Run

Row = tuple[Any, ...]
NAMES = {
    "Fragment": Fragment,
    "finite": finite,
    "finites": finites,
    "defaultdict": defaultdict,
}
VIEW = """
def view(rows, cursor{links}):
    return {{k: {shown} for {row} in rows}}
"""
GROUPED_VIEW = """
def view(rows, cursor{links}):
    lists = defaultdict(list)
    for {row} in rows:
        lists[k].append({shown})
    return lists
"""


class Level:
    """Rows of one relation at one depth. Its kinds (`sources`) know how they are found."""

    view = VIEW

    def __init__(self, name: str, model: type[Record] | None) -> None:
        self.name = name
        self.model = model
        self.leaves: dict[str, Leaf] = {}
        self.values: list[Value] = []
        self.kids: dict[Any, Level] = {}
        self.has_cursors = False
        self.is_shown = False
        self._links: list[Callable[[Run], Any]] = []
        self._texts: list[str] = []
        self._views: list[Callable[..., Any]] = []

    @property
    def told(self) -> str:
        """What it is, for people who have a plan explained."""
        return self.name

    def column(self, leaf: Leaf) -> str:
        """Selects a column, once, and gives its name in views."""
        self.leaves.setdefault(leaf.name, leaf)
        return f"c{list(self.leaves).index(leaf.name)}"

    def key(self, attribute: str) -> str:
        """Selects a key as it is."""
        assert self.model, "only tables have keys"
        return self.column(Leaf(attribute, getattr(self.model, attribute).expression))

    def global_id(self) -> str:
        """Selects the key and shows the id it makes."""
        return f"global_ids[{self.key('id')}]"

    def value(self, value: Value) -> str:
        """Has a value computed for each row."""
        self.values.append(value)
        return f"v{len(self.values) - 1}"

    def link(self, link: "Callable[[Run], Any]") -> str:
        """What hangs below, handed to the views when they are made."""
        self._links.append(link)
        return f"m{len(self._links) - 1}"

    def show(self, text: str) -> "Callable[[Run], Any]":
        """Adds a view; what it has made of the rows of a run, by place."""
        self.is_shown = True
        if text not in self._texts:
            self._texts.append(text)
        number = self._texts.index(text)
        return lambda run: run.shown[self][number]

    def position(self, attribute: str) -> int:
        """Where in a row a key lies that was selected."""
        return 1 + self.has_cursors + list(self.leaves).index(attribute)

    def selected(self, viewer: AnyViewer, sorted_by: ColumnElement[Any] | None = None) -> list[ColumnElement[Any]]:
        """All it selects behind the place for a viewer."""
        if not self.leaves:
            self.key("id")  # of a row that shows only its type, say, it still counts that it is there
        columns = [leaf.seen_by(viewer) for leaf in self.leaves.values()]
        if sorted_by is not None and self.has_cursors:
            columns.insert(0, sorted_by)
        return columns + Instances.of(self.model).selected if self.values and self.model else columns

    def ask(self, run: "Run") -> Any:
        """The statement of a run and what is bound to it; None if there is nothing to ask."""
        raise NotImplementedError

    def take(self, run: "Run", rows: list[Row]) -> None:
        """Keeps the rows of a run."""
        run.rows[self] = rows

    async def settle(self, run: "Run") -> None:
        """Computes the values of its rows, which may name rows of levels below."""
        rows, width = run.rows[self], 1 + self.has_cursors + len(self.leaves)
        owners = self.owners(run, [row[width:] for row in rows])
        found = [await value.of(run, owners) for value in self.values]
        run.rows[self] = [(*row[:width], *values) for row, values in zip(rows, zip(*found, strict=True), strict=True)]

    def owners(self, run: "Run", rests: Sequence[Row]) -> list[Any]:
        """The objects that values are computed of, made of the rest of each row."""
        del run
        assert self.model, "rows are a table's"
        return Instances.of(self.model).made(rests)

    def assemble(self, run: "Run") -> None:
        """Shows its rows, when all below has been shown."""
        if not self._views:
            self._views = [self._compiled(text) for text in self._texts]
        below = [link(run) for link in self._links]
        run.shown[self] = [view(run.rows[self], run.cursors.get(self), *below) for view in self._views]

    def _compiled(self, shown: str) -> Callable[..., Any]:
        columns = [f"c{number}" for number in range(len(self.leaves))]
        values = [f"v{number}" for number in range(len(self.values))]
        row = ", ".join(["k", *(["s"] if self.has_cursors else []), *columns, *values, ""])
        links = "".join(f", m{number}" for number in range(len(self._links)))
        names: dict[str, Any] = {"global_ids": global_ids(self.name), **NAMES}
        text = self.view.format(shown=shown, row=row, links=links)
        exec(compile(text, f"<view of {self.name}>", "exec"), names)  # noqa: S102 - names and keys in it are the schema's, or GraphQL names
        made: Callable[..., Any] = names["view"]
        return made
