"""Shapes in the database: columns, and values in statements. What only reads shapes needs no SQLAlchemy."""

from typing import Any, TypeVar

from geoalchemy2 import Geometry as GeometryColumn
from geoalchemy2.elements import WKBElement
from geoalchemy2.shape import from_shape, to_shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, Dialect, func, select
from sqlalchemy.types import TypeDecorator

from app.geometry.shapes import SRID

Value = TypeVar("Value")


class Shape(TypeDecorator[BaseGeometry]):
    """A PostGIS column that reads and writes shapely shapes; its GiST index is declared beside it."""

    impl = GeometryColumn
    cache_ok = True

    def __init__(self, kind: str) -> None:
        super().__init__(kind, srid=SRID, spatial_index=False)
        self.kind = kind

    def process_bind_param(self, value: BaseGeometry | None, dialect: Dialect) -> Any:  # noqa: ARG002 -- SQLAlchemy's signature
        return None if value is None else from_shape(value, srid=SRID)

    def process_result_value(self, value: WKBElement | None, dialect: Dialect) -> BaseGeometry | None:  # noqa: ARG002
        return None if value is None else to_shape(value)


def once(value: ColumnElement[Value]) -> ColumnElement[Value]:
    """A value that rows are compared with, computed once for a statement and not for each row.

    PostgreSQL evaluates a function of parameters in every row it visits where its plan holds for all parameters: a
    geometry of 9 000 vertices is then read from its text as many times.
    """
    return select(value).scalar_subquery()


def bound(shape: BaseGeometry) -> ColumnElement[Any]:
    """A shape for a statement, read by the database once."""
    # As text, which every way of asking binds alike.
    return once(func.ST_GeomFromText(shape.wkt, SRID, type_=Shape("GEOMETRY")))
