"""A plan as text for people: its levels in the order in which they are read, their statements, and what they show."""

from collections.abc import Iterator
from contextlib import suppress
from typing import get_args, get_origin, get_type_hints

from graphql import get_named_type, is_leaf_type, is_object_type

from app.errors import Unplanned
from resolvers.loaders import Reference
from resolvers.plan.leaves import Format
from resolvers.plan.levels import Fetched, InHand, Inputs, Level, Pages
from resolvers.plan.nodes import (
    Column,
    Computed,
    Constant,
    Cursor,
    Field,
    Node,
    Object,
    PageInfo,
    ToMany,
    ToOne,
    Total,
)
from resolvers.plan.values import Value

INDENT = "  "


def printed(root: InHand, inputs: Inputs) -> str:
    """The plan below a root, with the statements that these inputs would have run."""
    return _Printer(root, inputs).text()


class _Printer:
    def __init__(self, root: InHand, inputs: Inputs) -> None:
        self._inputs = inputs
        self._numbers: dict[Level, int] = {}
        self._order: list[list[Level]] = []
        depth: list[Level] = [root]
        while depth:
            self._order.append(depth)
            self._numbers |= {level: number for number, level in enumerate(depth, len(self._numbers) + 1)}
            depth = [child for level in depth for child in _below(level)]

    def text(self) -> str:
        """Levels that are read side by side have one depth."""
        return "\n".join(
            "\n".join([f"{self._numbers[level]}. depth {depth}, {level.label}", *self._level(level), ""])
            for depth, levels in enumerate(self._order)
            for level in levels
        )

    def _level(self, level: Level) -> Iterator[str]:
        if isinstance(level, Fetched):
            yield from self._statement(level)
        for number, value in enumerate(level.values):
            source = value.resolver.name if value.resolver else f".{value.attribute}"
            yield f"{INDENT}v{number} = {source}{self._objects(value)}"
        for number, view in enumerate(level.views):
            name = f"view {number} " if len(level.views) > 1 else ""
            first, *others = self._object(view)
            yield f"{INDENT}{name}{first}"
            yield from (INDENT + line for line in others)

    def _statement(self, level: Fetched) -> Iterator[str]:
        request = level.request(self._inputs, level.page(self._inputs), b"{}")
        if request is None:
            yield f"{INDENT}nothing is read"
            return
        for line in request.statement.sql.decode().splitlines():
            yield f"{INDENT}{line.strip()}"
        if isinstance(level, Pages) and level.peeks(level.page(self._inputs).args):
            yield f"{INDENT}-- one row more than asked for, to know whether there are more"

    def _objects(self, value: Value) -> str:
        levels = ", ".join(f"{level.name} of {self._numbers[level]}" for level in value.levels.values())
        if levels or is_leaf_type(get_named_type(value.shown_as)):
            return levels and f": {levels}"
        return f": any {get_named_type(value.shown_as).name}, planned when one is met"

    def _object(self, node: Node) -> list[str]:
        if not isinstance(node, Object):
            return [self._field(node)]
        lines = ["{"]
        for key, below in node.fields:
            first, *others = self._object(below)
            lines += [f"{INDENT}{key}: {first}", *(INDENT + line for line in others)]
        return [*lines, "}"]

    def _field(self, node: Field) -> str:
        match node:
            case Constant(name):
                text = f'"{name}"'
            case Column(name, form):
                text = name if form is Format.PLAIN else f"{name} as {form.value}"
            case Computed(number, is_object):
                text = f"objects of v{number}" if is_object else f"v{number}"
            case ToOne(levels, key, may_be_missing):
                named = " or ".join(self._named(below, view) for below, view in levels)
                text = f"row of {named} by {key}{', or null' if may_be_missing else ''}"
            case ToMany(below, view, key):
                text = f"rows of {self._named(below, view)}{_by(key)}"
            case Total(below, key):
                text = f"number of {self._numbers[below]}{_by(key)}"
            case PageInfo(below, facts, key):
                text = f"page of {self._numbers[below]}{_by(key)}: {', '.join(name for _, name in facts)}"
            case Cursor(key):
                text = f"cursor of {key}"
        return text

    def _named(self, level: Level, view: int) -> str:
        number = str(self._numbers[level])
        return f"{number} (view {view})" if len(level.views) > 1 else number


def _by(key: str | None) -> str:
    return "" if key is None else f" by {key}"


def _below(level: Level) -> list[Level]:
    """The levels that are read next; of values those that are known beforehand, and those that have been met."""
    for value in level.values:
        named = get_named_type(value.shown_as)
        if is_object_type(named) and not value.levels:
            with suppress(Unplanned):  # the run will meet it, too
                value.level(named.name, is_reference=_returns_reference(value))
    return [*level.children.values(), *(each for value in level.values for each in value.levels.values())]


def _returns_reference(value: Value) -> bool:
    """Whether a resolver says that it may answer with a reference to a row."""
    if value.resolver is None:
        return False
    kind = get_type_hints(value.resolver.wrapped_func).get("return")
    return any(get_origin(each) is Reference for each in get_args(kind))
