"""Writes labels from elsewhere to the database."""

from collections.abc import Sequence

import orjson
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ARRAY, BigInteger, LargeBinary, String, cast, func, insert, literal, select
from sqlalchemy.dialects.postgresql import JSONB

from app.database import WriteSession
from app.formats.labels.footprints import BATCH, Footprint, share_ground
from app.gateways.osm import OsmFeature
from app.geometry.shapes import SRID, anticlockwise
from app.models.mapping.datasets import Label, LabelOrigin


def filter_osm_footprints(area: BaseGeometry, features: Sequence[OsmFeature]) -> list[Footprint]:
    """OpenStreetMap features that overlap an area; they are already valid."""
    shapes = [anticlockwise(each.geometry) for each in features]
    footprints = [
        Footprint(shape.wkb, orjson.dumps(each.tags), each.osm_id, each.osm_type)
        for shape, each in zip(shapes, features, strict=True)
    ]
    shared = share_ground(area, shapes) if shapes else []
    return [each for each, is_shared in zip(footprints, shared, strict=True) if is_shared]


async def insert_labels(
    session: WriteSession, footprints: Sequence[Footprint], *, aoi_id: int, user_id: int | None, origin: LabelOrigin
) -> None:
    """Inserts labels, a thousand per statement."""
    for start in range(0, len(footprints), BATCH):
        wkb, tags, osm_ids, osm_types = zip(*footprints[start : start + BATCH], strict=True)
        tag_texts = [each and each.decode() for each in tags]
        rows = (
            func.unnest(
                cast(list(wkb), ARRAY(LargeBinary)),
                cast(tag_texts, ARRAY(String)),
                cast(list(osm_ids), ARRAY(BigInteger)),
                cast(list(osm_types), ARRAY(String)),
            )
            .table_valued("wkb", "tags", "osm_id", "osm_type", name="given")
            .render_derived()
        )
        columns = {
            Label.aoi_id: literal(aoi_id, BigInteger),
            Label.user_id: literal(user_id, BigInteger),
            Label.origin: literal(origin, Label.origin.type),
            Label.geom: func.ST_GeomFromWKB(rows.c.wkb, SRID),
            Label.tags: cast(rows.c.tags, JSONB),
            Label.osm_id: rows.c.osm_id,
            Label.osm_type: rows.c.osm_type,
        }
        await session.execute(insert(Label).from_select(list(columns), select(*columns.values())))
