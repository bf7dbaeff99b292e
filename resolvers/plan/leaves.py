"""Columns as clients see them: what SQL selects, and what is left for Python to do.

A leaf selects the finished value wherever PostgreSQL and orjson write what the scalar's own `serialize` would have
written: JSON and GeoJSON stay text and are never parsed. Rows that are in hand already (`given`) are brought to the
same form.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLEnumType, GraphQLOutputType, get_named_type, is_list_type, is_non_null_type
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    DateTime,
    Enum,
    Float,
    Integer,
    String,
    Text,
    cast,
    func,
)
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from app.geometry import DECIMALS, Shape, to_geojson

SAME = (Boolean, DateTime, Integer, String)


@dataclass(frozen=True)
class Leaf:
    """One column's way into an answer.

    `shown` is Python text in which {0} stands for what was selected; `given` makes of a row's attribute what SQL
    would have selected.
    """

    attribute: str
    selected: ColumnElement[Any]
    shown: str = "{0}"
    given: Callable[[Any], Any] | None = None

    @property
    def name(self) -> str:
        """What tells it from other leaves of its table: a text made of a column is not the column."""
        return f"text of {self.attribute}" if "Fragment" in self.shown else self.attribute


def leaf(column: InstrumentedAttribute[Any], shown_as: GraphQLOutputType) -> Leaf | None:
    """The leaf of a column, or None if only its scalar knows how to write it."""
    kind, element, name = column.type, column.expression, column.key
    made: Leaf | None = None
    if isinstance(kind, JSON):
        made = Leaf(name, cast(element, Text), _text(column), _json)
    elif isinstance(kind, Shape):
        made = Leaf(name, func.ST_AsGeoJSON(element, DECIMALS), _text(column), _geojson)
    elif isinstance(kind, ARRAY):
        made = _array(name, element, kind.item_type, shown_as)
    elif isinstance(kind, Enum):
        made = Leaf(name, element, given=_name) if _same_names(kind, shown_as) else None
    elif isinstance(kind, Float):
        made = Leaf(name, element, "finite({0})")
    elif isinstance(kind, SAME) and not _may_be_too_large(kind, shown_as):
        made = Leaf(name, element)
    return made


def _may_be_too_large(kind: TypeEngine[Any], shown_as: GraphQLOutputType) -> bool:
    return isinstance(kind, BigInteger) and get_named_type(shown_as).name == "Int"


def _array(name: str, element: ColumnElement[Any], item: TypeEngine[Any], shown_as: GraphQLOutputType) -> Leaf | None:
    listed = shown_as.of_type if is_non_null_type(shown_as) else shown_as
    if not is_list_type(listed):
        return None
    if isinstance(item, Enum):
        return Leaf(name, element, given=_names) if _same_names(item, shown_as) else None
    if isinstance(item, Float):
        return Leaf(name, element, "finites({0})")
    return Leaf(name, element) if isinstance(item, SAME) else None


def _same_names(kind: Enum, shown_as: GraphQLOutputType) -> bool:
    """Whether the table keeps an enumeration by the names that clients see."""
    named = get_named_type(shown_as)
    return isinstance(named, GraphQLEnumType) and set(kind.enums) == set(named.values)


def _text(column: InstrumentedAttribute[Any]) -> str:
    return "(None if {0} is None else Fragment({0}))" if column.expression.nullable else "Fragment({0})"


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _geojson(value: Any) -> str | None:
    return None if value is None else orjson.dumps(to_geojson(value)).decode()


def _name(value: Any) -> str | None:
    return None if value is None else value.name


def _names(values: Any) -> list[str | None] | None:
    return None if values is None else [_name(value) for value in values]


def finite(value: float | None) -> float | None:
    """The number, which GraphQL wants finite; ValueError otherwise."""
    if value is None or math.isfinite(value):
        return value
    raise ValueError("This is no number that JSON knows.")


def finites(values: list[float | None] | None) -> list[float | None] | None:
    """The numbers, all of them finite."""
    return None if values is None else [finite(value) for value in values]
