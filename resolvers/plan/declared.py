"""What a field of the schema declares of itself, for resolvers and plans alike.

`schema.fields` puts one of these beside each field that is more than a column or a resolver's value.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from app.models.base import Record
from app.pagination import Order, PageArgs
from app.policies import AnyViewer
from resolvers.loaders import foreign_key

METADATA = "declared"
PAGE_ARGUMENTS = ("first", "after", "last", "before", "order_by")


@dataclass(frozen=True)
class GlobalId:
    """The row's global id."""


@dataclass(frozen=True)
class One:
    """The row at the other end of a foreign key."""

    relationship: InstrumentedAttribute[Any]

    @cached_property
    def key(self) -> str:
        """The attribute that holds the foreign key."""
        relation = self.relationship.property
        [(local, _)] = relation.local_remote_pairs
        name: str = relation.parent.get_property_by_column(local).key
        return name

    @cached_property
    def model(self) -> type[Record]:
        """The table at the other end."""
        target: type[Record] = self.relationship.property.mapper.class_
        return target


@dataclass(frozen=True)
class Computed:
    """What an expression over the row's columns says of it to a viewer."""

    expression: Callable[[AnyViewer], ColumnElement[Any]]


@dataclass(frozen=True)
class Prefetch:
    """An expression over the row's columns that a resolver needs; a plan reads it with the row."""

    expression: Callable[[AnyViewer], ColumnElement[Any]]


@dataclass(frozen=True)
class Paged:
    """A list that is given page by page."""

    order: type[Order]
    size_max: int

    @property
    def list_name(self) -> str:
        """What tells the list from all others in its cursors."""
        raise NotImplementedError

    def taken_from(self, arguments: dict[str, Any]) -> PageArgs:
        """Takes the page out of a call's arguments; what is left is the list's own."""
        first, after, last, before, order = [arguments.pop(name) for name in PAGE_ARGUMENTS]
        return PageArgs(first, after, order, self.size_max, self.list_name, last, before)


@dataclass(frozen=True)
class Many(Paged):
    """The rows that point at this one."""

    relationship: InstrumentedAttribute[Any]

    @cached_property
    def model(self) -> type[Record]:
        """The table that points here."""
        target: type[Record] = self.relationship.property.mapper.class_
        return target

    @property
    def name(self) -> str:
        """What the relation is called."""
        return self.relationship.key

    @cached_property
    def list_name(self) -> str:
        """The relation and whose it is."""
        return f"{self.relationship.parent.class_.__name__}.{self.name}"

    @cached_property
    def foreign_key(self) -> ColumnElement[int]:
        """The column of that table that does."""
        return foreign_key(self.relationship)


@dataclass(frozen=True)
class Paced(Paged):
    """The rows that a resolver's query finds, once it has counted the request. No plan has it: each must be counted."""

    resolver: Callable[..., Any]

    @cached_property
    def list_name(self) -> str:
        """The resolver's."""
        return self.resolver.__name__


@dataclass(frozen=True)
class Listing(Paged):
    """The rows that a resolver's query finds."""

    resolver: Callable[..., Any]

    @cached_property
    def list_name(self) -> str:
        """The resolver's."""
        return self.resolver.__name__
