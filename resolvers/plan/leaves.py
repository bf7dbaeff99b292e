"""Columns as clients see them: what SQL selects, and what is left for Python to do.

A leaf selects the finished value wherever PostgreSQL and orjson write what the scalar's own `serialize` would have
written: JSON and GeoJSON stay text and are never parsed. Rows that are in hand already (`convert`) are brought to the
same form.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import orjson
from graphql import (
    GraphQLEnumType,
    GraphQLNamedType,
    GraphQLOutputType,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    DateTime,
    Float,
    Integer,
    Numeric,
    String,
    Text,
    Uuid,
    cast,
    func,
)
from sqlalchemy import (
    Enum as EnumColumn,
)
from sqlalchemy.types import TypeEngine

from app.geometry.columns import Shape
from app.geometry.shapes import DECIMALS, to_geojson
from app.models.kinds import KindColumn
from app.models.names import Name
from app.policies import AnyViewer, Viewer

Expression = Callable[[AnyViewer], ColumnElement[Any]]
SHOWN_WITH = orjson.OPT_NAIVE_UTC
# The scalars that show a column's type as PostgreSQL and orjson write it, the narrower types first.
WRITTEN_ALIKE: list[tuple[type[TypeEngine[Any]], set[str]]] = [
    (Boolean, {"Boolean"}),
    (DateTime, {"DateTime"}),
    (BigInteger, {"BigInt"}),
    (Integer, {"Int", "BigInt"}),
    (Float, {"Float"}),
    (Numeric, {"Decimal"}),
    (String, {"String", "ID"}),
    (Name, {"String"}),
    (Uuid, {"UUID"}),
    (JSON, {"JSON"}),
    (Shape, {"GeoJSONPoint", "GeoJSONPolygon", "GeoJSONGeometry"}),
]


class Format(Enum):
    """What is left for Python to do with a selected value."""

    PLAIN = "as it is"
    GLOBAL_ID = "global id"
    FINITE = "finite"
    FINITES = "finite, each"
    NUMBERS = "numbers in JSON text"
    JSON = "JSON text"
    JSON_OR_NULL = "JSON text, or null"


TEXTS = {Format.JSON, Format.JSON_OR_NULL, Format.NUMBERS}


@dataclass(frozen=True)
class Leaf:
    """One column's way into an answer, or an expression's that says something else to each viewer.

    `convert` makes of a row's attribute what SQL would have selected.
    """

    attribute: str
    selected: ColumnElement[Any] | Expression
    format: Format = Format.PLAIN
    convert: Callable[[Any], Any] | None = None

    @property
    def name(self) -> str:
        """What tells it from other leaves of its table: a text made of a column is not the column."""
        return f"text of {self.attribute}" if self.format in TEXTS else self.attribute

    def selected_for(self, viewer: AnyViewer) -> ColumnElement[Any]:
        """What is selected for a viewer."""
        return self.selected if isinstance(self.selected, ColumnElement) else self.selected(viewer)


def computed_leaf(name: str, expression: Expression, shown_as: GraphQLOutputType) -> Leaf | None:
    """The leaf of what an expression says to whoever asks; its type is the same for all of them."""

    def leaf_for(viewer: AnyViewer) -> Leaf | None:
        return leaf(name, expression(viewer), shown_as)

    def selected(viewer: AnyViewer) -> ColumnElement[Any]:
        one = leaf_for(viewer)
        assert one, f"{name} has one type for some viewers and another for others"
        return one.selected_for(viewer)

    strangers = leaf_for(Viewer())
    return strangers and replace(strangers, selected=selected)


def leaf(name: str, element: ColumnElement[Any], shown_as: GraphQLOutputType) -> Leaf | None:
    """The leaf of a column, or None if only its scalar knows how to write it."""
    kind = element.type
    if isinstance(kind, JSON) and is_list_type(get_nullable_type(shown_as)):
        is_of_numbers = get_named_type(shown_as).name == "Float"
        return Leaf(name, cast(element, Text), Format.NUMBERS, _json) if is_of_numbers else None
    is_array = isinstance(kind, ARRAY)
    item = kind.item_type if isinstance(kind, ARRAY) else kind
    if is_array != is_list_type(get_nullable_type(shown_as)) or not _is_written_alike(item, get_named_type(shown_as)):
        return None
    if isinstance(item, EnumColumn | KindColumn):
        return Leaf(name, element, convert=_names if is_array else _name)
    if isinstance(item, Float):
        return Leaf(name, element, Format.FINITES if is_array else Format.FINITE)
    if isinstance(item, JSON | Shape | DateTime | Numeric):
        return None if is_array else _rewritten(name, element, item)
    return Leaf(name, element)


def _rewritten(name: str, element: ColumnElement[Any], kind: TypeEngine[Any]) -> Leaf:
    if isinstance(kind, DateTime):
        # Without an offset it is read and written in half the time; `SHOWN_WITH` puts that of UTC behind it.
        return Leaf(name, func.timezone("UTC", element), convert=_utc)
    if isinstance(kind, Numeric):
        return Leaf(name, cast(element, Text), convert=_decimal)
    text = cast(element, Text) if isinstance(kind, JSON) else func.ST_AsGeoJSON(element, DECIMALS)
    # Of an expression nobody knows whether it may be null.
    form = Format.JSON_OR_NULL if getattr(element, "nullable", True) else Format.JSON
    return Leaf(name, text, form, _json if isinstance(kind, JSON) else _geojson)


def _is_written_alike(kind: TypeEngine[Any], shown_as: GraphQLNamedType) -> bool:
    if isinstance(kind, EnumColumn):  # kept by the names that clients see
        return isinstance(shown_as, GraphQLEnumType) and set(kind.enums) == set(shown_as.values)
    if isinstance(kind, KindColumn):
        return isinstance(shown_as, GraphQLEnumType) and kind.names == set(shown_as.values)
    return next((shown_as.name in scalars for column, scalars in WRITTEN_ALIKE if isinstance(kind, column)), False)


def _decimal(value: Any) -> str | None:
    return None if value is None else f"{value:f}"


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _geojson(value: Any) -> str | None:
    return None if value is None else orjson.dumps(to_geojson(value)).decode()


def _name(value: Any) -> str | None:
    return None if value is None else value.name


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None)


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


def numbers(text: str | None) -> list[float] | None:
    """The numbers in a list that is kept as JSON, all of them finite; ValueError or TypeError otherwise."""
    return None if text is None else [_number(value) for value in orjson.loads(text)]


def _number(value: Any) -> float:
    if type(value) is not float and type(value) is not int:
        raise ValueError("This is no number.")
    number = float(value)
    if math.isfinite(number):
        return number
    raise ValueError("This is no number that JSON knows.")
