"""Filters lists by place, using the GiST indexes."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, Select, and_, func

from app.geometry import columns, shapes

M = TypeVar("M")
Place = ColumnElement[bool]


def placed(
    query: Select[M],
    geom: Any,
    *,
    bbox: Sequence[float] | None,
    intersects: BaseGeometry | None,
    through: Callable[[Place], Place] | None = None,
) -> Select[M]:
    """The rows whose bounding box intersects [west, south, east, north] and whose shape intersects a geometry.

    If the shape belongs to another table, `through` joins it.
    """
    places = [] if bbox is None else [_overlaps(geom, bbox)]
    if intersects is not None:
        places.append(func.ST_Intersects(geom, columns.bound(shapes.sound("intersects", intersects))))
    if not places:
        return query
    place = and_(*places)
    return query.where(through(place) if through else place)


def _overlaps(geom: Any, bbox: Sequence[float]) -> Place:
    envelope = func.ST_MakeEnvelope(*shapes.bounds("bbox", bbox), shapes.SRID)
    box: Place = geom.op("&&")(columns.once(envelope))
    return box
