"""FlatGeobuf, written by PostGIS with its spatial index."""

from typing import Any

from sqlalchemy import JSON, LargeBinary, Select, String, Text, cast, func, literal_column, select

MEDIA_TYPE = "application/flatgeobuf"


def flatgeobuf(rows: Select[Any]) -> Select[bytes | None]:
    """A statement whose one value is the file of these rows: one column is the geometry, the others its properties.

    Of no rows there is no file: the value is null.
    """
    given = rows.subquery()
    # PostGIS 3.3 writes text alone so that it can be read again; what is varchar or JSON spoils the whole file.
    columns = [
        cast(column, Text).label(column.key) if isinstance(column.type, String | JSON) else column
        for column in given.columns
    ]
    found = select(*columns).subquery("found")
    written = func.ST_AsFlatGeobuf(literal_column("found"), True, type_=LargeBinary)
    return select(written).select_from(found)
