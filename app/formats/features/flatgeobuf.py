"""FlatGeobuf, written by PostGIS with its spatial index."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
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
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.formats.features.flatgeobuf_header import named

MEDIA_TYPE = "application/flatgeobuf"


PIECE_BYTES = 1024 * 1024


async def flatgeobuf(
    reading: Callable[[], AbstractAsyncContextManager[AsyncSession]], rows: Select[Any], *, name: str
) -> AsyncGenerator[bytes, None]:
    """The file of these rows, piece by piece: one column is the geometry, the others its properties.

    Its layer has the name.

    Of no rows there is no file: its only piece is empty. With its index in front it is made whole, in the database.
    """
    async with reading() as session:
        chunks = await session.stream_scalars(_pieces(rows), execution_options={"yield_per": 4})
        start: bytes | None = b""
        try:
            async for piece in chunks:
                if start is None:
                    yield piece
                elif (header := named(start + piece, name)) is None:
                    start += piece
                else:
                    start = None
                    yield header
        finally:
            await chunks.close()


def _pieces(rows: Select[Any]) -> Select[bytes]:
    features = rows.with_only_columns(*map(_readable, rows.selected_columns)).subquery("found")
    content = func.ST_AsFlatGeobuf(literal_column("found"), True, type_=LargeBinary).label("content")
    # Made once, not once for each piece.
    written = select(content).select_from(features).cte("written").prefix_with("MATERIALIZED")
    starts = func.generate_series(1, func.length(written.c.content), PIECE_BYTES).table_valued("place").render_derived()
    piece = func.substring(written.c.content, starts.c.place, PIECE_BYTES, type_=LargeBinary)
    return select(piece).select_from(written.join(starts, true())).order_by(starts.c.place)


def _readable(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column as PostGIS 3.3 writes it without harm: a text that is null becomes empty, a whole number 0, others NaN.

    After a null it would put the values under the wrong names, and other texts than plain ones GDAL cannot read.
    """
    if isinstance(column.type, String | JSON):
        return func.coalesce(cast(column, Text), "").label(column.key)
    if isinstance(column.type, Integer) and getattr(column, "nullable", True):
        return func.coalesce(column, 0).label(column.key)
    if isinstance(column.type, Float) and getattr(column, "nullable", False):
        return func.coalesce(cast(column, Double), literal("NaN", Double)).label(column.key)
    return column
