"""Vector tiles of what the viewer may see, encoded by PostGIS; each domain declares its layers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
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
from sqlalchemy.dialects.postgresql import JSONB

from app.database import ReadSession
from app.errors import Invalid, NotFound
from app.geometry.columns import once
from app.geometry.shapes import SRID
from app.geometry.tiles import Tile
from app.models.base import Record
from app.policies import Viewer, visible
from app.settings import settings

MERCATOR = 3857
EXTENT = 4_096
MARGIN = 64  # includes a margin, so that no outline ends at a tile's edge

Condition = Callable[[int], ColumnElement[bool]]


@dataclass(frozen=True)
class Layer:
    """A layer: its rows, their shapes as a viewer sees them, their properties, and its filters."""

    rows: type[Record]
    shape: Callable[[Viewer], Any]
    properties: Mapping[str, Any]
    filters: Mapping[type[Record], Condition]
    # The relationship to the table that has the shape, if the rows do not have it.
    through: Any = None


def check_tile(z: int, x: int, y: int) -> Tile:
    """The tile with these numbers, if it exists and is not too deep."""
    if not 0 <= z <= settings.tile_zoom_max:
        raise Invalid("z", f"The zoom must be from 0 to {settings.tile_zoom_max}; this is {z}.")
    for name, number in (("x", x), ("y", y)):
        if not 0 <= number < 2**z:
            raise Invalid(name, f"At zoom {z} tile numbers go from 0 to {2**z - 1}; this is {number}.")
    return Tile(z, x, y)


async def vector_tile(
    session: ReadSession,
    viewer: Viewer,
    layers: Mapping[str, Layer],
    name: str,
    tile: Tile,
    chosen: Mapping[type[Record], int],
) -> tuple[bytes, bool]:
    """A layer's tile with what the viewer may see, and whether it was cut off at the limit."""
    layer = layers.get(name)
    if layer is None:
        raise NotFound(f"There is no such layer; there are {', '.join(layers)}.")
    shape = layer.shape(viewer)
    query = visible(layer.rows, viewer)
    if layer.through is not None:
        query = query.join(layer.through)
    query = query.where(shape.op("&&")(_ground(tile)))
    for table, id in chosen.items():
        if table not in layer.filters:
            raise Invalid(table.__name__.lower(), f"The layer {name} does not support this filter.")
        query = query.where(layer.filters[table](id))
    drawn = query.with_only_columns(
        _global_id(layer.rows).label("id"),
        *(column.label(key) for key, column in layer.properties.items()),
        _drawn(shape, tile).label("geom"),
    ).limit(settings.tile_features_max)
    content, count = (await session.execute(_encoded(drawn, name))).one()
    return bytes(content), count == settings.tile_features_max


def _global_id(rows: type[Record]) -> ColumnElement[str]:
    """As in the API: a table's name and a key, in base64 without padding."""
    name = literal(f"{rows.__name__}:", Text) + cast(rows.id, Text)
    return func.rtrim(func.encode(func.convert_to(name, "UTF8"), "base64"), "=")


def _ground(tile: Tile) -> ColumnElement[Any]:
    bounds = func.ST_TileEnvelope(*tile, literal_column(f"margin => {MARGIN / EXTENT}"))
    return once(func.ST_Transform(bounds, SRID))


def _drawn(shape: Any, tile: Tile) -> ColumnElement[Any]:
    """A shape in tile coordinates; its middle if it is too small to have an outline there."""
    mercator = func.ST_Transform(shape, MERCATOR)
    bounds = once(func.ST_TileEnvelope(*tile))
    drawn, middle = (
        func.ST_AsMVTGeom(each, bounds, EXTENT, MARGIN, True) for each in (mercator, func.ST_Centroid(mercator))
    )
    return func.coalesce(drawn, middle)


def _encoded(drawn: Select[Any, *tuple[Any, ...]], name: str) -> Select[bytes, int]:
    rows = drawn.subquery("drawn")
    tile = func.ST_AsMVT(literal_column("drawn"), name, EXTENT, "geom", type_=LargeBinary)
    return select(tile, func.count()).select_from(rows)


async def encoded_tile(session: ReadSession, name: str, tile: Tile, shapes: Sequence[tuple[bytes, str]]) -> bytes:
    """A layer's tile of shapes that are in no table: each as well-known binary, with its properties as JSON."""
    wkb, properties = ([each[part] for each in shapes] for part in (0, 1))
    columns = func.unnest(cast(wkb, ARRAY(LargeBinary)), cast(properties, ARRAY(String)))
    rows = columns.table_valued("wkb", "properties", name="given").render_derived()
    shape = func.ST_GeomFromWKB(rows.c.wkb, SRID)
    drawn = select(cast(rows.c.properties, JSONB).label("properties"), _drawn(shape, tile).label("geom"))
    return bytes((await session.execute(_encoded(drawn, name))).one()[0])
