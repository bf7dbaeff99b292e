"""Datasets and the areas drawn in them."""

from collections.abc import Mapping, Sequence
from typing import Any

from shapely import Polygon
from sqlalchemy import func, select

from app import checks, geometry
from app.database import ReadSession, WriteSession
from app.errors import Invalid, LimitReached, NotFound
from app.gateways import imagery
from app.models import AOI, Dataset, DatasetStatus
from app.policies import Viewer, require, signed_in, visible
from app.policies.mapping import may_change_this_dataset
from app.settings import settings


async def dataset_to_change(session: ReadSession, viewer: Viewer, dataset_id: int) -> Dataset:
    """A dataset the viewer may change; locked, so that limits counted next are kept under concurrency."""
    dataset = await session.scalar(
        visible(Dataset, viewer).where(Dataset.id == dataset_id).with_for_update(key_share=True)
    )
    if dataset is None:
        raise NotFound("There is no such dataset.")
    require(may_change_this_dataset, viewer, dataset)
    return dataset


def _offset(value: Sequence[float]) -> list[float]:
    if len(value) != 2:
        raise Invalid("offset", f"Give two numbers, [x, y] in metres; these are {len(value)}.")
    return [checks.within("offset", each, -settings.offset_m_max, settings.offset_m_max) for each in value]


def _imagery(value: str | None) -> str | None:
    return imagery.check_template("sourceImagery", value) if value and value.strip() else None


async def create_dataset(
    session: WriteSession,
    viewer: Viewer,
    *,
    name: str,
    source_imagery: str | None = None,
    status: DatasetStatus = DatasetStatus.DRAFT,
    offset: Sequence[float] = (0.0, 0.0),
) -> Dataset:
    """An empty dataset of the viewer's."""
    dataset = Dataset(
        user_id=signed_in(viewer),
        name=checks.text("name", name, length_max=settings.name_length_max),
        source_imagery=_imagery(source_imagery),
        status=status,
        offset=_offset(offset),
    )
    session.add(dataset)
    await session.flush()
    return dataset


async def update_dataset(session: WriteSession, viewer: Viewer, dataset_id: int, changes: Mapping[str, Any]) -> Dataset:
    """Changes what is given and leaves the rest: name, source_imagery, status, offset."""
    dataset = await dataset_to_change(session, viewer, dataset_id)
    checked = {
        "name": lambda value: checks.text("name", value, length_max=settings.name_length_max),
        "source_imagery": _imagery,
        "status": lambda value: value,
        "offset": _offset,
    }
    for field, value in changes.items():
        setattr(dataset, field, checked[field](value))
    await session.flush()
    await session.refresh(dataset)
    return dataset


async def create_aoi(session: WriteSession, viewer: Viewer, *, dataset_id: int, geom: Polygon) -> AOI:
    """One more area in a dataset of the viewer's."""
    dataset = await dataset_to_change(session, viewer, dataset_id)
    area = geometry.checked("geom", geom, area_m2_min=settings.aoi_area_m2_min, area_m2_max=settings.aoi_area_m2_max)
    count = await session.scalar(select(func.count()).where(AOI.dataset_id == dataset_id))
    if (count or 0) >= settings.aois_per_dataset_max:
        raise LimitReached("This dataset has as many areas as it may.", limit=settings.aois_per_dataset_max)
    aoi = AOI(dataset_id=dataset.id, user_id=signed_in(viewer), geom=area)
    session.add(aoi)
    await session.flush()
    return aoi
