"""Datasets and their areas."""

from collections.abc import Mapping, Sequence
from typing import Any

from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, func, select
from sqlalchemy.orm import contains_eager

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Conflict, Forbidden, Invalid, LimitReached, NotFound
from app.gateways import imagery
from app.geometry import shapes
from app.models.accounts import Team
from app.models.mapping.datasets import AOI, Contributions, Dataset, DatasetStatus, DownloadStatus
from app.models.mapping.trainings import Model
from app.policies import Viewer, require, signed_in, visible
from app.policies.mapping import contributes_to_dataset, may_change_this_area, may_change_this_dataset
from app.services.mapping.labels.fetching import at_rest, redraw
from app.services.system import audit
from app.settings import settings


async def dataset_to_change(session: ReadSession, viewer: Viewer, dataset_id: int) -> Dataset:
    """A dataset the viewer may change; locked, so that limits counted next hold under concurrency."""
    dataset = await session.scalar(
        visible(Dataset, viewer).where(Dataset.id == dataset_id).with_for_update(key_share=True)
    )
    if dataset is None:
        raise NotFound("There is no such dataset.")
    require(may_change_this_dataset, viewer, dataset)
    return dataset


async def dataset_to_add_to(session: ReadSession, viewer: Viewer, dataset_id: int) -> Dataset:
    """A dataset the viewer may add areas and labels to; locked, as above."""
    signed_in(viewer)
    sought = visible(Dataset, viewer).add_columns(contributes_to_dataset(viewer)).where(Dataset.id == dataset_id)
    row = (await session.execute(sought.with_for_update(key_share=True, of=Dataset))).one_or_none()
    if row is None:
        raise NotFound("There is no such dataset.")
    if not row[1]:
        raise Forbidden("You may not add to this dataset. Ask its owner, or clone it.")
    dataset: Dataset = row[0]
    return dataset


async def aoi_to_add_to(session: ReadSession, viewer: Viewer, aoi_id: int) -> AOI:
    """An area the viewer may add labels to; its dataset is locked."""
    aoi = await session.scalar(visible(AOI, viewer).where(AOI.id == aoi_id))
    if aoi is None:
        raise NotFound("There is no such area.")
    await dataset_to_add_to(session, viewer, aoi.dataset_id)
    # The dataset's lock may have been waited for: only now is the area's state final.
    await session.refresh(aoi)
    return aoi


async def aoi_to_change(session: ReadSession, viewer: Viewer, aoi_id: int) -> AOI:
    """An area the viewer may change or delete, with its dataset; both locked, and no job running on it."""
    sought = visible(AOI, viewer).join(AOI.dataset).options(contains_eager(AOI.dataset)).where(AOI.id == aoi_id)
    # The dataset first, as everywhere: a different order would deadlock.
    dataset = select(AOI.dataset_id).where(AOI.id == aoi_id).scalar_subquery()
    await session.execute(select(Dataset.id).where(Dataset.id == dataset).with_for_update(key_share=True))
    aoi = await session.scalar(sought)
    if aoi is None:
        raise NotFound("There is no such area.")
    require(may_change_this_area, viewer, aoi)
    at_rest(aoi)
    return aoi


def _offset(value: Sequence[float]) -> list[float]:
    if len(value) != 2:
        raise Invalid("offset", f"Give two numbers, [x, y] in metres; this has {len(value)}.")
    return [checks.within("offset", each, -settings.offset_m_max, settings.offset_m_max) for each in value]


async def _team(session: ReadSession, viewer: Viewer, contributions: Contributions, team_id: int | None) -> int | None:
    """The contributing team, which the viewer must see; None for other kinds of contributions."""
    if contributions is not Contributions.TEAM:
        if team_id is not None:
            raise Invalid(
                "teamId", "Only datasets with contributions TEAM have a team. Leave out teamId, or choose TEAM."
            )
        return None
    if team_id is None:
        raise Invalid("teamId", "Contributions TEAM need a team. Give teamId.")
    known_id = await session.scalar(visible(Team, viewer).with_only_columns(Team.id).where(Team.id == team_id))
    if known_id is None:
        raise NotFound("There is no such team.")
    return known_id


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
    contributions: Contributions = Contributions.OWNER,
    team_id: int | None = None,
) -> Dataset:
    """A new empty dataset of the viewer's."""
    dataset = Dataset(
        user_id=signed_in(viewer),
        name=name,
        source_imagery=_imagery(source_imagery),
        status=status,
        offset=_offset(offset),
        contributions=contributions,
        team_id=await _team(session, viewer, contributions, team_id),
    )
    session.add(dataset)
    await session.flush()
    return dataset


async def update_dataset(session: WriteSession, viewer: Viewer, dataset_id: int, changes: Mapping[str, Any]) -> Dataset:
    """Updates the given fields, as `create_dataset` takes them."""
    dataset = await dataset_to_change(session, viewer, dataset_id)
    checked = {
        "name": lambda value: value,
        "source_imagery": _imagery,
        "status": lambda value: value,
        "offset": _offset,
    }
    requested = dict(changes)
    if requested.keys() & {"contributions", "team_id"}:
        contributions = requested.pop("contributions", dataset.contributions)
        team_id_kept = dataset.team_id if contributions is Contributions.TEAM else None
        dataset.team_id = await _team(session, viewer, contributions, requested.pop("team_id", team_id_kept))
        dataset.contributions = contributions
    for field, value in requested.items():
        setattr(dataset, field, checked[field](value))
    await session.flush()
    if changes:
        facts = {"fields": sorted(changes)}
        audit.record(session, signed_in(viewer), "updateDataset", about=dataset, user_id=dataset.user_id, **facts)
    return dataset


async def delete_dataset(session: WriteSession, viewer: Viewer, dataset_id: int) -> Dataset:
    """Deletes the dataset with its areas and labels, unless a model is trained on it."""
    dataset = await dataset_to_change(session, viewer, dataset_id)
    # Now the key, too: a model created concurrently comes either before or not at all.
    await session.execute(select(Dataset.id).where(Dataset.id == dataset.id).with_for_update())
    if models := await session.scalar(select(func.count()).where(Model.dataset_id == dataset.id)):
        raise Conflict(f"Models are trained on this dataset ({models}). Delete them first, or archive the dataset.")
    running = select(func.count()).where(AOI.dataset_id == dataset.id, AOI.label_status == DownloadStatus.RUNNING)
    if await session.scalar(running):
        raise Conflict("Labels of this dataset are being fetched. Wait until that has finished.")
    audit.record(session, signed_in(viewer), "deleteDataset", about=dataset, user_id=dataset.user_id)
    await session.execute(delete(Dataset).where(Dataset.id == dataset.id))
    return dataset


async def create_aoi(session: WriteSession, viewer: Viewer, *, dataset_id: int, geom: BaseGeometry) -> AOI:
    """A new area in a dataset the viewer may add to."""
    dataset = await dataset_to_add_to(session, viewer, dataset_id)
    area = _area(geom)
    await room_for_area(session, dataset.id)
    aoi = AOI(dataset_id=dataset.id, user_id=signed_in(viewer), geom=area)
    session.add(aoi)
    await session.flush()
    return aoi


def _area(geom: BaseGeometry) -> BaseGeometry:
    return shapes.checked("geom", geom, area_m2_min=settings.aoi_area_m2_min, area_m2_max=settings.aoi_area_m2_max)


async def room_for_area(session: ReadSession, dataset_id: int) -> None:
    """Refused if a dataset has the maximum number of areas; it is locked."""
    count = await session.scalar(select(func.count()).where(AOI.dataset_id == dataset_id))
    if (count or 0) >= settings.aois_per_dataset_max:
        raise LimitReached("This dataset has reached the limit for areas.", limit=settings.aois_per_dataset_max)


async def update_aoi(session: WriteSession, viewer: Viewer, aoi_id: int, *, geom: BaseGeometry) -> AOI:
    """Changes the boundary of an area; its creator stays the same."""
    aoi = await aoi_to_change(session, viewer, aoi_id)
    redraw(aoi, _area(geom))
    await session.refresh(aoi)
    return aoi


async def delete_aoi(session: WriteSession, viewer: Viewer, aoi_id: int) -> AOI:
    """Deletes the area with its labels."""
    aoi = await aoi_to_change(session, viewer, aoi_id)
    await session.execute(delete(AOI).where(AOI.id == aoi.id))
    return aoi
