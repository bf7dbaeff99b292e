"""FlatGeobuf, written by PostGIS with its spatial index."""

from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Double,
    Float,
    Integer,
    LargeBinary,
    Select,
    String,
    Text,
    cast,
    func,
    literal,
    literal_column,
    select,
)

MEDIA_TYPE = "application/flatgeobuf"


def flatgeobuf(rows: Select[Any]) -> Select[bytes | None]:
    """A statement whose one value is the file of these rows: one column is the geometry, the others its properties.

    Of no rows there is no file: the value is null.
    """
    found = rows.with_only_columns(*map(_readable, rows.selected_columns)).subquery("found")
    written = func.ST_AsFlatGeobuf(literal_column("found"), True, type_=LargeBinary)
    return select(written).select_from(found)


def _readable(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column as PostGIS 3.3 writes it without harm: a text that is null becomes empty, a number NaN.

    After a null it would put the values under the wrong names, and other texts than plain ones GDAL cannot read.
    """
    if isinstance(column.type, String | JSON):
        return func.coalesce(cast(column, Text), "").label(column.key)
    if isinstance(column.type, Integer | Float) and getattr(column, "nullable", False):
        return func.coalesce(cast(column, Double), literal("NaN", Double)).label(column.key)
    return column
