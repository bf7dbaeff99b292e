"""FlatGeobuf, written by PostGIS with its spatial index."""

from typing import Any

from sqlalchemy import LargeBinary, Select, func, literal_column, select

MEDIA_TYPE = "application/flatgeobuf"


def flatgeobuf(rows: Select[Any]) -> Select[bytes | None]:
    """A statement whose one value is the file of these rows: one column is the geometry, the others its properties.

    Of no rows there is no file: the value is null.
    """
    found = rows.subquery("found")
    written = func.ST_AsFlatGeobuf(literal_column("found"), True, type_=LargeBinary)
    return select(written).select_from(found)
