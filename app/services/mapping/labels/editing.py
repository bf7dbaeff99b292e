"""Single labels: drawn, updated, deleted."""

from collections.abc import Mapping
from typing import Any

import orjson
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, delete, func, literal, select
from sqlalchemy.orm import contains_eager

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Invalid, NotFound
from app.geometry import columns, shapes
from app.models.mapping.datasets import AOI, Dataset, Label, LabelOrigin
from app.models.mapping.feedback import FeedbackAOI, FeedbackLabel
from app.policies import Viewer, require, signed_in, visible
from app.policies.mapping import may_change_this_label
from app.services.mapping.datasets.editing import aoi_to_add_to
from app.services.mapping.labels.uploads import make_room
from app.settings import settings


def outlined(area: AOI | FeedbackAOI, geom: BaseGeometry) -> BaseGeometry:
    """A label's outline, if it overlaps the area."""
    outline = shapes.outline("geom", geom)
    if not shapes.share_ground(area.geom, outline):
        raise Invalid("geom", "This label does not overlap its area. Draw it inside.")
    return outline


def tags_of(value: Any) -> dict[str, Any] | None:
    """A label's tags; nothing for none."""
    tags = {} if value is None else checks.json_object("tags", value)
    if (size := len(orjson.dumps(tags))) > settings.label_tags_bytes_max:
        raise Invalid("tags", f"Tags may take at most {settings.label_tags_bytes_max:,} bytes; these take {size:,}.")
    return tags or None


def covers_the_same(label: type[Label | FeedbackLabel], outline: BaseGeometry) -> ColumnElement[bool]:
    """Whether a label has the same outline; the index finds the candidates."""
    ground = columns.once(literal(outline, label.geom.type))
    return label.geom.op("&&")(ground) & func.ST_Equals(label.geom, ground)


def corrected(label: Label | FeedbackLabel, area: AOI | FeedbackAOI, changes: Mapping[str, Any]) -> None:
    """Updates a label; it then counts as drawn, and fetching again does not change it."""
    if "geom" in changes:
        label.geom = outlined(area, changes["geom"])
    if "tags" in changes:
        label.tags = tags_of(changes["tags"])
    if changes:
        label.origin = LabelOrigin.DRAWN


async def create_label(
    session: WriteSession, viewer: Viewer, *, aoi_id: int, geom: BaseGeometry, tags: Any = None
) -> Label:
    """A drawn label. If one with the same outline exists, it gets the tags instead."""
    aoi = await aoi_to_add_to(session, viewer, aoi_id)
    outline = outlined(aoi, geom)
    same = select(Label).where(Label.aoi_id == aoi.id, covers_the_same(Label, outline)).order_by(Label.id).limit(1)
    if existing := await session.scalar(same):
        return existing if tags is None else await update_label(session, viewer, existing.id, {"tags": tags})
    await make_room(session, aoi, 1)
    label = Label(aoi_id=aoi.id, geom=outline, tags=tags_of(tags), origin=LabelOrigin.DRAWN, user_id=signed_in(viewer))
    session.add(label)
    await session.flush()
    return label


async def _label_to_change(session: ReadSession, viewer: Viewer, label_id: int) -> Label:
    """A label the viewer may change or delete, with its area and its dataset; the dataset is locked."""
    dataset = select(AOI.dataset_id).join(Label, Label.aoi_id == AOI.id).where(Label.id == label_id).scalar_subquery()
    await session.execute(select(Dataset.id).where(Dataset.id == dataset).with_for_update(key_share=True))
    sought = visible(Label, viewer).join(Label.aoi).join(AOI.dataset).where(Label.id == label_id)
    label = await session.scalar(
        sought.options(contains_eager(Label.aoi).contains_eager(AOI.dataset)).execution_options(populate_existing=True)
    )
    if label is None:
        raise NotFound("There is no such label.")
    require(may_change_this_label, viewer, label)
    return label


async def update_label(session: WriteSession, viewer: Viewer, label_id: int, changes: Mapping[str, Any]) -> Label:
    """Updates a label's outline or tags; its creator stays the same."""
    label = await _label_to_change(session, viewer, label_id)
    corrected(label, label.aoi, changes)
    await session.flush()
    return label


async def delete_label(session: WriteSession, viewer: Viewer, label_id: int) -> Label:
    """Deletes the label; a fetched one comes back when its area is fetched again."""
    label = await _label_to_change(session, viewer, label_id)
    await session.execute(delete(Label).where(Label.id == label.id))
    return label
