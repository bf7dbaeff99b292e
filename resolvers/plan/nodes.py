"""What a plan shows of one row: a tree of typed nodes. `emitter` makes Python of it, `printer` text for people.

A node names what it needs of its row by the name of a selected column (`key`), and what lies below by its level. A
level may be shown in several ways: `view` says in which.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from resolvers.plan.leaves import Format

if TYPE_CHECKING:
    from resolvers.plan.levels import Count, Level, Pages


@dataclass(frozen=True)
class Constant:
    """The same text for every row: the name of a type."""

    text: str


@dataclass(frozen=True)
class Column:
    """A selected column."""

    name: str
    format: Format = Format.PLAIN


@dataclass(frozen=True)
class Computed:
    """A value that Python computes of the row, by its number in the level: a scalar, or objects that levels show."""

    number: int
    is_object: bool


@dataclass(frozen=True)
class ToOne:
    """The row whose key a column holds: of another level and its view, or for an interface of one of several."""

    levels: tuple[tuple["Level", int], ...]
    key: str
    may_be_missing: bool


@dataclass(frozen=True)
class ToMany:
    """The rows of another level that belong to this row; to the only list there is if it has no key."""

    level: "Level"
    view: int
    key: str | None


@dataclass(frozen=True)
class Total:
    """How many rows a list has in all."""

    level: "Count"
    key: str | None


@dataclass(frozen=True)
class PageInfo:
    """Where the page of a list lies: facts by their response keys."""

    level: "Pages"
    facts: tuple[tuple[str, str], ...]
    key: str | None


@dataclass(frozen=True)
class Cursor:
    """The place of this row in its list."""

    key: str


@dataclass(frozen=True)
class Object:
    """An object of JSON: nodes by their response keys."""

    fields: tuple[tuple[str, "Node"], ...]


Field = Constant | Column | Computed | ToOne | ToMany | Total | PageInfo | Cursor
Node = Field | Object
