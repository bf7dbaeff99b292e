"""Shapes on the ground: read from GeoJSON, and moved between degrees, Web Mercator and true metres."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod, Transformer
from rasterio import Affine
from shapely.affinity import affine_transform
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from app.geometry.tiles import EQUATOR_M, PIXELS

GEOD = Geod(ellps="WGS84")
DEGREES, MERCATOR = "EPSG:4326", "EPSG:3857"


def read_polygons(path: Path) -> list[BaseGeometry]:
    """The polygons of a GeoJSON file in degrees, mended where they cross themselves; points and lines left out."""
    document: dict[str, Any] = json.loads(path.read_bytes())
    features = document["features"] if document["type"] == "FeatureCollection" else [document]
    geometries = [feature.get("geometry", feature) for feature in features]
    shapes = shapely.make_valid([shape(geometry) for geometry in geometries if geometry])
    # Twice: a mended polygon may be a collection that holds a multi-polygon.
    parts = shapely.get_parts(shapely.get_parts(shapes))
    return [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]


def projected(shapes: Sequence[BaseGeometry], transformer: Transformer) -> list[BaseGeometry]:
    """The same shapes in another reference system."""

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))

    return list(shapely.transform(np.array(shapes, dtype=object), move))


def to_mercator(shapes: Sequence[BaseGeometry]) -> list[BaseGeometry]:
    return projected(shapes, Transformer.from_crs(DEGREES, MERCATOR, always_xy=True))


def area_m2(polygon: BaseGeometry) -> float:
    """True square metres of a polygon in degrees."""
    return abs(float(GEOD.geometry_area_perimeter(polygon)[0]))


def pixel_grid(zoom: int, x: int, y: int) -> Affine:
    """Where the pixels of a tile lie in Web Mercator: (column, row) to metres."""
    pixel_m = EQUATOR_M / (PIXELS * 2**zoom)
    west, north = x * PIXELS * pixel_m - EQUATOR_M / 2, EQUATOR_M / 2 - y * PIXELS * pixel_m
    return Affine(pixel_m, 0, west, 0, -pixel_m, north)


def on_grid(shapes: Sequence[BaseGeometry], grid: Affine) -> list[BaseGeometry]:
    """Shapes in pixels, moved to where the pixels lie."""
    return [affine_transform(each, grid.to_shapely()) for each in shapes]
