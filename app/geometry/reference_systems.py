"""The coordinate reference systems that GeoJSON files name, and their coordinates as longitude and latitude."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from app.errors import Unfit, quoted

# A name of an authority and a code in it, as EPSG:3857, as a URN or as an address. What else PROJ would read, such as
# the path of a grid, is not for a file from outside to say.
NAME = re.compile(
    r"(?:urn:(?:x-)?ogc:def:crs:|https?://www\.opengis\.net/(?:def/crs/|gml/srs/))?"
    r"(EPSG|ESRI|OGC|IGNF)(?:[:/#]|\.xml#)+(?:[0-9.]+[:/])?(?:[0-9.]*[:/])?([0-9A-Za-z]+)",
    re.IGNORECASE,
)
BARE = {"CRS84": "OGC:CRS84", "WGS84": "OGC:CRS84", "WGS 84": "OGC:CRS84"}
# Web Mercator before it had a number of its own.
OLD_CODES = {"EPSG:900913": "EPSG:3857", "EPSG:3785": "EPSG:3857", "EPSG:102100": "EPSG:3857"}
DEGREES = {"OGC:CRS84", "OGC:CRS84H", "EPSG:4326", "EPSG:4979"}

Transform = Callable[[BaseGeometry], BaseGeometry]


def unchanged(shape: BaseGeometry) -> BaseGeometry:
    """The shape as it is."""
    return shape


def to_degrees(crs: Any) -> Transform:
    """How shapes come to longitude and latitude, by the `crs` of a GeoJSON object; Unfit if that is not known."""
    if crs is None:
        return unchanged
    name = _name(crs)
    match = NAME.fullmatch(BARE.get(name.upper(), name))
    if match is None:
        raise Unfit(f"The coordinate reference system {quoted(name)} is not known. Use EPSG:4326.")
    code = f"{match[1]}:{match[2]}".upper()
    code = OLD_CODES.get(code, code)
    return unchanged if code in DEGREES else _transform(code)


def _name(crs: Any) -> str:
    properties = crs.get("properties") if isinstance(crs, dict) else None
    if isinstance(crs, str):
        return crs.strip()
    if not isinstance(properties, dict):
        raise Unfit('The member "crs" names no coordinate reference system. Leave it out, or use EPSG:4326.')
    if str(crs.get("type")).upper() == "EPSG":
        return f"EPSG:{properties.get('code')}"
    name = properties.get("name") or properties.get("href")
    if not isinstance(name, str):
        raise Unfit('The member "crs" names no coordinate reference system. Leave it out, or use EPSG:4326.')
    return name.strip()


@lru_cache(32)
def _transform(code: str) -> Transform:
    # With its tables it takes 10 MB, which a process needs that moves coordinates or measures areas.
    from pyproj import CRS, Transformer  # noqa: PLC0415
    from pyproj.exceptions import ProjError  # noqa: PLC0415

    try:
        system = CRS.from_user_input(code)
        # With the x axis first, as GeoJSON has it, whatever the authority says.
        transformer = Transformer.from_crs(system, CRS.from_epsg(4326), always_xy=True)
    except ProjError:
        raise Unfit(f"The coordinate reference system {quoted(code)} is not known. Use EPSG:4326.") from None
    if not (system.is_projected or system.is_geographic):
        raise Unfit(f"The coordinate reference system {quoted(code)} has no map coordinates. Use EPSG:4326.")

    def moved(coordinates: Any) -> Any:
        return np.column_stack(transformer.transform(coordinates[:, 0], coordinates[:, 1]))

    return lambda shape: shapely.transform(shapely.force_2d(shape), moved)
