"""From the nodes of a level to the Python that shows its rows.

A view is a function that makes JSON objects of all rows of a level at once: in it `k` is the place by which the level
above finds a row, `s` the value it is sorted by, `c0` a column, `v0` a computed value, and `m0` what lies below, by
place. Its source is registered with `linecache`, so that tracebacks show its lines, and profilers number them.
"""

import linecache
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import finalize

from orjson import Fragment

from resolvers.ids import global_ids
from resolvers.plan.leaves import Format, finite, finites, numbers
from resolvers.plan.nodes import Column, Computed, Constant, Cursor, Node, Object, PageInfo, ToMany, ToOne, Total

if TYPE_CHECKING:
    from resolvers.plan.levels import Level
    from resolvers.plan.run import PlanRun

FORMATS = {
    Format.PLAIN: "{0}",
    Format.GLOBAL_ID: "global_ids[{0}]",
    Format.FINITE: "finite({0})",
    Format.FINITES: "finites({0})",
    Format.NUMBERS: "numbers({0})",
    Format.JSON: "Fragment({0})",
    Format.JSON_OR_NULL: "(None if {0} is None else Fragment({0}))",
}
NAMES = {"Fragment": Fragment, "finite": finite, "finites": finites, "numbers": numbers, "defaultdict": defaultdict}
VIEW = """\
def view_{number}(rows, cursor{links}):
    # {legend}
    return {{
        k: {shown}
        for {row} in rows
    }}
"""
GROUPED_VIEW = """\
def view_{number}(rows, cursor{links}):
    # {legend}
    lists = defaultdict(list)
    for {row} in rows:
        lists[k].append({shown})
    return lists
"""
THE_ONLY_LIST = 0
_numbers = count(1)

Link = Callable[["PlanRun"], Any]


class Program(NamedTuple):
    """The views of a level, what they are called with besides its rows, and their source."""

    views: list[Callable[..., Any]]
    links: list[Link]
    source: str


def emit(level: "Level") -> Program:
    """The views of a level as functions."""
    emitter = _Emitter(level)
    source = emitter.source()
    file = f"<plan {next(_numbers)}: {level.label}>"
    names: dict[str, Any] = {"global_ids": global_ids(level.name), **NAMES}
    exec(compile(source, file, "exec"), names)  # noqa: S102 - names and keys in it are the schema's, or GraphQL names
    views: list[Callable[..., Any]] = [names[f"view_{number}"] for number in range(len(level.views))]
    if views:
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        finalize(views[0], linecache.cache.pop, file, None)
    return Program(views, list(emitter.links.values()), source)


class _Emitter:
    def __init__(self, level: "Level") -> None:
        self._level = level
        self.links: dict[Hashable, Link] = {}

    def source(self) -> str:
        level = self._level
        depth = 2
        views = [self._text(view, depth) for view in level.views]  # first, since it finds the links
        columns = [f"c{number}" for number in range(len(level.leaves))]
        values = [f"v{number}" for number in range(len(level.values))]
        row = ", ".join(["k", *(["s"] if level.has_cursors else []), *columns, *values])
        row += "," if row == "k" else ""
        legend = ", ".join(f"{column} {name}" for column, name in zip(columns, level.leaves, strict=True))
        links = "".join(f", m{number}" for number in range(len(self.links)))
        template = GROUPED_VIEW if level.groups_rows else VIEW
        return "\n".join(
            template.format(number=number, links=links, legend=legend, row=row, shown=text)
            for number, text in enumerate(views)
        )

    def _text(self, node: Node, depth: int) -> str:
        match node:
            case Constant(name):
                text = repr(name)
            case Column(name, form):
                text = FORMATS[form].format(self._column(name))
            case Computed(number, is_object):
                text = f"{self._link('objects', _objects)}(v{number})" if is_object else f"v{number}"
            case ToOne(levels, key, may_be_missing):
                text = self._row(levels, key, may_be_missing=may_be_missing)
            case ToMany(level, view, key):
                text = f"{self._rows(level, view)}.get({self._place(key)}, ())"
            case Total(level, key):
                below = self._link(level, lambda run: run.states[level].shown[0])
                text = f"{below}.get({self._place(key)}, 0)"
            case PageInfo(level, facts, key):
                text = f"{self._link(node, lambda run: run.page_info(level, facts))}({self._place(key)})"
            case Cursor(key):
                text = f"cursor({self._column(key)}, s)"
            case Object(fields):
                text = self._object(fields, depth)
        return text

    def _object(self, fields: tuple[tuple[str, Node], ...], depth: int) -> str:
        inner, outer = "    " * (depth + 1), "    " * depth
        lines = [f"{inner}{key!r}: {self._text(node, depth + 1)},\n" for key, node in fields]
        return "{\n" + "".join(lines) + outer + "}"

    def _column(self, name: str) -> str:
        return f"c{list(self._level.leaves).index(name)}"

    def _place(self, key: str | None) -> str:
        return str(THE_ONLY_LIST) if key is None else self._column(key)

    def _row(self, levels: Sequence[tuple["Level", int]], key: str, *, may_be_missing: bool) -> str:
        row, below = self._column(key), [self._rows(level, view) for level, view in levels]
        *others, last = below
        # An object of which nothing is selected is `{}`: it is there, whatever its truth.
        lookups = [f"{each}[{row}] if {row} in {each} else" for each in others]
        lookups.append(f"{last}.get({row})" if may_be_missing else f"{last}[{row}]")
        return f"({' '.join(lookups)})" if others else lookups[0]

    def _rows(self, level: "Level", view: int) -> str:
        return self._link((level, view), lambda run: run.states[level].shown[view])

    def _link(self, key: Hashable, link: Link) -> str:
        self.links.setdefault(key, link)
        return f"m{list(self.links).index(key)}"


def _objects(run: "PlanRun") -> Any:
    return run.linked
