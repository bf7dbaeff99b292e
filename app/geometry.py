"""Geometry as the domain sees it: shapely shapes in longitude and latitude (EPSG:4326), measured on the ellipsoid."""

from typing import Any

import shapely
from geoalchemy2 import Geometry
from geoalchemy2.elements import WKBElement
from geoalchemy2.shape import from_shape, to_shape
from pyproj import Geod
from shapely import Polygon
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient
from sqlalchemy import Dialect
from sqlalchemy.types import TypeDecorator

from app.errors import Invalid
from app.settings import settings

SRID = 4326
ELLIPSOID = Geod(ellps="WGS84")


class Shape(TypeDecorator[BaseGeometry]):
    """A PostGIS column that reads and writes shapely shapes; its GiST index is declared beside it."""

    impl = Geometry
    cache_ok = True

    def __init__(self, kind: str) -> None:
        super().__init__(kind, srid=SRID, spatial_index=False)
        self.kind = kind

    def process_bind_param(self, value: BaseGeometry | None, dialect: Dialect) -> Any:  # noqa: ARG002 -- SQLAlchemy's signature
        return None if value is None else from_shape(value, srid=SRID)

    def process_result_value(self, value: WKBElement | None, dialect: Dialect) -> BaseGeometry | None:  # noqa: ARG002
        return None if value is None else to_shape(value)


def area_m2(geometry: BaseGeometry) -> float:
    """True area in square metres, whatever the winding of the rings."""
    return abs(float(ELLIPSOID.geometry_area_perimeter(orient_all(geometry))[0]))


def orient_all(geometry: BaseGeometry) -> BaseGeometry:
    """The same shape with its outer rings anticlockwise and its holes clockwise, as RFC 7946 asks."""
    if isinstance(geometry, Polygon):
        return orient(geometry)
    if isinstance(geometry, shapely.MultiPolygon):
        return shapely.MultiPolygon([orient(part) for part in geometry.geoms])
    return geometry


def from_geojson(value: Any, field: str) -> BaseGeometry:
    """The shape a GeoJSON geometry describes; Invalid says what is wrong with any other value.

    Rings in the wrong order are turned. What crosses itself is refused, since only its author knows what was meant.
    """
    if not isinstance(value, dict) or "type" not in value:
        raise Invalid(field, 'This is not a GeoJSON geometry: an object with "type" and "coordinates".')
    if value["type"] == "Feature":
        return from_geojson(value.get("geometry"), field)
    try:
        geometry = shapely.force_2d(shape(value))
    except Exception:  # noqa: BLE001 -- shapely raises whatever the malformed value provokes
        raise Invalid(field, "These GeoJSON coordinates do not make a geometry.") from None
    return checked(geometry, field)


def checked(geometry: BaseGeometry, field: str) -> BaseGeometry:
    """The geometry, if it lies on the earth and is sound."""
    coordinates = shapely.get_coordinates(geometry)
    if geometry.is_empty or len(coordinates) == 0:
        raise Invalid(field, "This geometry is empty.")
    if len(coordinates) > settings.vertices_max:
        raise Invalid(field, f"Use at most {settings.vertices_max} vertices; these are {len(coordinates)}.")
    longitudes, latitudes = abs(coordinates[:, 0]), abs(coordinates[:, 1])
    # Written so that NaN, which is neither larger nor smaller, is refused too.
    if not ((longitudes <= 180).all() and (latitudes <= 90).all()):
        raise Invalid(field, "Longitudes go from -180 to 180 and latitudes from -90 to 90, in this order.")
    if not geometry.is_valid:
        raise Invalid(field, f"This geometry is not sound: {shapely.is_valid_reason(geometry)}.")
    return orient_all(geometry)


def polygon(value: Any, field: str) -> Polygon:
    """One polygon that encloses ground."""
    geometry = from_geojson(value, field)
    if not isinstance(geometry, Polygon):
        raise Invalid(field, f"Draw a Polygon; this is a {geometry.geom_type}.")
    return geometry


def to_geojson(geometry: BaseGeometry) -> dict[str, Any]:
    """The GeoJSON object of a shape."""
    return dict(mapping(geometry))
