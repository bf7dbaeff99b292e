"""Geometry as the domain sees it: shapely shapes in longitude and latitude (EPSG:4326), measured on the ellipsoid."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NewType, TypeVar

import numpy as np
import shapely
from shapely import LineString, MultiPolygon, Point, Polygon
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from app.errors import Invalid, Unfit
from app.geometry import antimeridian, reference_systems
from app.geometry.tiles import LATITUDE_MAX
from app.settings import settings

if TYPE_CHECKING:
    from pyproj import Geod

Geometry = TypeVar("Geometry", bound=BaseGeometry)

FeatureCollection = NewType("FeatureCollection", dict[str, Any])
"""A GeoJSON FeatureCollection."""

SRID = 4326
DECIMALS = 7
# A vertex is two or three numbers in a list in a list; rings and members of collections are lists, too.
PARTS_PER_VERTEX = 8


def area_m2(geometry: BaseGeometry) -> float:
    """True area in square metres."""
    return abs(float(_ellipsoid().geometry_area_perimeter(anticlockwise(geometry))[0]))


@cache
def _ellipsoid() -> "Geod":
    from pyproj import Geod  # noqa: PLC0415 -- as in `reference_systems`

    return Geod(ellps="WGS84")


def anticlockwise(geometry: Geometry) -> Geometry:
    """The same shape with its outer rings anticlockwise and its holes clockwise."""
    return shapely.orient_polygons(geometry)  # type: ignore[no-any-return]


def share_ground(one: BaseGeometry, other: BaseGeometry) -> bool:
    """Whether there is a spot that lies in both; a common edge is none."""
    return bool(one.intersects(other) and not one.touches(other))


def from_geojson(value: Any) -> BaseGeometry:
    """The shape of a GeoJSON geometry, of a Feature, or of a FeatureCollection of one; Unfit for any other value."""
    crs = None
    for kind in ("FeatureCollection", "Feature"):
        if isinstance(value, dict) and value.get("type") == kind:
            crs = crs or value.get("crs")
            value = _only(value.get("features")) if kind == "FeatureCollection" else _present(value.get("geometry"))
    if not isinstance(value, dict) or "type" not in value:
        raise Unfit('Give a GeoJSON geometry: an object with "type" and "coordinates".')
    _check_size(value)
    transform = reference_systems.to_degrees(crs or value.get("crs"))
    try:
        read = shapely.force_2d(shape(value))
    except Exception:  # noqa: BLE001 -- shapely raises whatever a malformed value provokes
        raise Unfit("These coordinates do not form a GeoJSON geometry.") from None
    return transform(read)


def _only(features: Any) -> Any:
    if not isinstance(features, list) or len(features) != 1:
        count = f"this FeatureCollection has {len(features)}" if isinstance(features, list) else "this has none"
        raise Unfit(f"Give a single feature; {count}.")
    return features[0]


def _present(shape: Any) -> Any:
    if shape is None:
        raise Unfit("This feature has no geometry.")
    return shape


def single(geometry: BaseGeometry) -> BaseGeometry:
    """The only polygon of a MultiPolygon or of a collection; every other shape as it is."""
    if isinstance(geometry, Polygon) or geometry.is_empty:
        return geometry
    parts = list(polygons(geometry))
    others = [part for part in shapely.get_parts(geometry) if isinstance(part, Point | LineString)]
    return parts[0] if len(parts) == 1 and not others else geometry


def _check_size(value: dict[str, Any]) -> None:
    """Passes if a GeoJSON geometry is quick to build; what has some vertices too many is refused with their number.

    Building takes microseconds for each vertex, counting a fraction of one.
    """
    left = PARTS_PER_VERTEX * settings.vertices_max
    pending: list[Any] = [value]
    while pending:
        part = pending.pop()
        parts = [part.get("coordinates"), part.get("geometries")] if isinstance(part, dict) else part
        if not isinstance(parts, list):
            continue
        left -= len(parts)
        if left < 0:
            raise Unfit(f"Use at most {settings.vertices_max} vertices; this has far more.")
        pending += [each for each in parts if isinstance(each, list | dict)]


def check_place(field: str, geometry: BaseGeometry) -> None:
    """Passes if the geometry lies on the mapped earth and has no more vertices than it may."""
    coordinates = shapely.get_coordinates(geometry)
    if len(coordinates) == 0:
        raise Invalid(field, "This geometry is empty.")
    if len(coordinates) > settings.vertices_max:
        raise Invalid(field, f"Use at most {settings.vertices_max} vertices; this has {len(coordinates)}.")
    longitudes, latitudes = abs(coordinates[:, 0]), abs(coordinates[:, 1])
    # Written so that NaN, which is neither larger nor smaller, is refused, too.
    if not ((longitudes <= 180).all() and (latitudes <= LATITUDE_MAX).all()):
        raise Invalid(
            field, "Longitude comes first and must be within ±180; latitude must be within ±85.05, where map tiles end."
        )


def checked(field: str, geometry: BaseGeometry, *, area_m2_min: float, area_m2_max: float) -> BaseGeometry:
    """The geometry with its rings in RFC 7946's order, if it lies on the earth, is sound, and has a fit size.

    What crosses itself is refused, not repaired: only its author knows what was meant.
    """
    ordered = sound(field, antimeridian.split(geometry))
    if not area_m2_min <= (area := area_m2(ordered)) <= area_m2_max:
        raise Invalid(field, f"Draw {area_m2_min:,.0f} to {area_m2_max:,.0f} m²; this is {area:,.0f} m².")
    return ordered


def sound(field: str, shape: BaseGeometry) -> BaseGeometry:
    """The shape with its rings in order, if it lies on the earth and does not cross itself.

    What goes beyond longitude 180 is split there.
    """
    shape = antimeridian.split(shape, by_steps=False)
    check_place(field, shape)
    if not shape.is_valid:
        raise Invalid(field, f"This geometry is not valid: {shapely.is_valid_reason(shape)}.")
    return anticlockwise(shape)


def bounds(field: str, box: Sequence[float]) -> tuple[float, float, float, float]:
    """West, south, east and north, if these are some."""
    if len(box) != 4:
        raise Invalid(field, f"Give four numbers, [west, south, east, north] in degrees; this has {len(box)}.")
    west, south, east, north = box
    # Written so that NaN is refused, too.
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise Invalid(
            field, "West may not exceed east, nor south north. Longitudes are within ±180, latitudes within ±90."
        )
    return west, south, east, north


def outline(field: str, shape: BaseGeometry) -> Polygon | MultiPolygon:
    """What somebody drew around a feature, always the same of the same ground: its rings begin at one place."""
    if not isinstance(shape, Polygon | MultiPolygon):
        raise Invalid(field, f"Draw a Polygon or a MultiPolygon; this is a {shape.geom_type}.")
    return anticlockwise(shapely.normalize(sound(field, antimeridian.split(shape))))


def ground(shape: BaseGeometry) -> Polygon | MultiPolygon | None:
    """The ground a shape covers, repaired where its rings cross; None if it covers none, or would take long to repair.

    A ring of n vertices may cross itself n² times: a scribble of 10 000 vertices took minutes and all memory there was.
    """
    if not shape.is_valid:
        if shapely.get_num_coordinates(shape) > settings.repair_vertices_max:
            return None
        shape = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    parts = [part for part in polygons(shape) if part.area > 0]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def enclosed(outer: Sequence[BaseGeometry], inner: Sequence[BaseGeometry]) -> BaseGeometry:
    """The ground that lines enclose, end to end, without what inner lines enclose: a multipolygon of OpenStreetMap."""
    return _within(outer) - _within(inner)


def _within(lines: Sequence[BaseGeometry]) -> BaseGeometry:
    # Polygonizing finds holes as well, as polygons of their own: together they are all that is enclosed.
    return shapely.union_all(shapely.polygonize(lines).geoms)


def polygons(shape: BaseGeometry) -> Iterator[Polygon]:
    """The polygons of a shape, also those within collections."""
    if isinstance(shape, Polygon):
        yield shape
    for part in getattr(shape, "geoms", ()):
        yield from polygons(part)


def to_geojson(geometry: BaseGeometry) -> dict[str, Any]:
    """The GeoJSON object of a shape, to seven decimals: a centimetre."""
    return to_geojson_all([geometry])[0]


def to_geojson_all(geometries: Sequence[BaseGeometry]) -> list[dict[str, Any]]:
    """The same of many, in a fraction of the time."""
    rounded = shapely.transform(np.array(geometries, dtype=object), lambda coordinates: coordinates.round(DECIMALS))
    return [dict(mapping(geometry)) for geometry in rounded]
