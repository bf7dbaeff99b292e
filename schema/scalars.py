"""Scalars beyond GraphQL's five, and their Python types."""

import datetime as dt
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import shapely
import strawberry
from shapely import Point, Polygon
from shapely.geometry.base import BaseGeometry
from strawberry.schema.types.base_scalars import DateDefinition, DateTimeDefinition, TimeDefinition
from strawberry.types.scalar import ScalarDefinition

from app.errors import Unfit
from app.geometry import antimeridian
from app.geometry.shapes import FeatureCollection, from_geojson, single, to_geojson
from app.models.base import BigInt

SAFE_INTEGER_MAX = 2**53 - 1


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > SAFE_INTEGER_MAX:
        raise Unfit(f"Expected a whole number between ±{SAFE_INTEGER_MAX}.")
    return value


def exact_id(value: Any) -> str:
    """An id given as a variable; graphql-core's own scalar would accept 5.0 as "5"."""
    # A number with a fraction, or one that JSON's readers cannot keep exactly, would come to name something else.
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unfit("Expected an id as a string, exactly as the API returned it.")
    return str(value)


def _geojson(name: str, kind: type[BaseGeometry], description: str) -> ScalarDefinition:
    def parse(value: Any) -> BaseGeometry:
        geometry = from_geojson(value)
        if kind is Polygon:
            geometry = single(geometry)
            # Its two parts on either side of longitude 180 are one polygon.
            if isinstance(antimeridian.joined(geometry), Polygon):
                return geometry
        if not isinstance(geometry, kind):
            raise Unfit(f"Expected a {kind.__name__}; this is a {geometry.geom_type}.")
        return geometry

    return strawberry.scalar(
        name=name,
        description=f"{description} As a GeoJSON object (RFC 7946): longitude before latitude, in degrees.",
        serialize=to_geojson,
        parse_value=parse,
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc7946#section-3.1",
    )


def _uuid(value: Any) -> UUID:
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise Unfit("Expected a UUID, such as 7d444840-9dc0-11d1-b245-5ffdce74fad2.") from None


# As many digits as the ledger keeps, with a point and nothing else.
DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,8})?")


def _decimal(value: Any) -> Decimal:
    # A JSON number with a fraction was rounded before it came here.
    if isinstance(value, bool) or not isinstance(value, str | int) or not DECIMAL.fullmatch(str(value)):
        raise Unfit(
            "Expected a decimal as a string, with at most 12 digits before and 8 after the point, such as 0.05."
        )
    return Decimal(value)


RFC_3339 = "https://datatracker.ietf.org/doc/html/rfc3339#section-5.6"

SCALARS: dict[Any, ScalarDefinition] = {
    dt.date: replace(
        DateDefinition,
        description="A date as in RFC 3339: YYYY-MM-DD.",
        specified_by_url=RFC_3339,
    ),
    dt.datetime: replace(
        DateTimeDefinition,
        description="A date with a time and an offset as in RFC 3339: YYYY-MM-DDThh:mm:ss+hh:mm.",
        specified_by_url=RFC_3339,
    ),
    dt.time: replace(
        TimeDefinition,
        description="A time of day as in RFC 3339: hh:mm:ss.",
        specified_by_url=RFC_3339,
    ),
    UUID: strawberry.scalar(
        name="UUID",
        description="A universally unique identifier, written with hyphens.",
        serialize=str,
        parse_value=_uuid,
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc9562",
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="An exact decimal, written as a string: an amount of money has eight decimals.",
        serialize=lambda value: f"{value:f}",
        parse_value=_decimal,
        specified_by_url="https://www.w3.org/TR/xmlschema-2/#decimal",
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="An integer of up to 53 bits, exact in every client: an OpenStreetMap id, a size in bytes.",
        serialize=int,
        parse_value=_whole,
        # It says which integers are the same in every program that reads JSON.
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc8259#section-6",
    ),
    FeatureCollection: strawberry.scalar(
        name="GeoJSONFeatureCollection",
        description="A GeoJSON object (RFC 7946) with features, as map libraries accept it.",
        serialize=dict,
        parse_value=dict,
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc7946#section-3.3",
    ),
    Polygon: _geojson(
        "GeoJSONPolygon", Polygon, "One polygon, with or without holes; a MultiPolygon if it crosses the antimeridian."
    ),
    Point: _geojson("GeoJSONPoint", Point, "One point."),
    BaseGeometry: _geojson("GeoJSONGeometry", shapely.Geometry, "A geometry of any kind."),
}
