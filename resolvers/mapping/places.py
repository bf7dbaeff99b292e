"""Lists narrowed to a place on the map."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func

from app import geometry


def overlaps(geom: Any, bbox: Sequence[float]) -> ColumnElement[bool]:
    """Whether a row's bounding box shares a point with [west, south, east, north]; the GiST index answers that."""
    box: ColumnElement[bool] = geom.op("&&")(func.ST_MakeEnvelope(*geometry.bounds("bbox", bbox), geometry.SRID))
    return box
