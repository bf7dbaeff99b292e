"""The labels of an area, fetched from OpenStreetMap or uploaded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shapely import Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, func, select, true

from app.database import ReadSession, WriteSession
from app.errors import Forbidden, Invalid, LimitReached, NotFound
from app.formats.labels.footprints import Footprint
from app.formats.labels.skipping import Skipped, with_duplicates
from app.gateways.osm import BUILDINGS, Tags, check_tags
from app.models.kinds.mapping import MappingJob
from app.models.mapping.datasets import AOI, Dataset, Label, LabelOrigin
from app.policies import Viewer, signed_in, visible
from app.policies.mapping import contributes_to_dataset, may_change_this_dataset
from app.queue import enqueue
from app.services.mapping.datasets.editing import aoi_to_add_to
from app.services.mapping.labels.fetching import at_rest, begin_fetching, end_fetching, fail_fetching, make_way
from app.services.mapping.labels.footprints import insert_labels
from app.services.system.notifications import notify
from app.settings import settings


@dataclass(frozen=True)
class LabelUpload:
    """The result of an upload."""

    aoi: AOI
    added: int
    outside: int
    skipped: list[Skipped]


async def area_to_add_labels_to(session: ReadSession, viewer: Viewer, aoi_id: int) -> BaseGeometry:
    """The ground of an area, for a viewer who may add labels to it."""
    signed_in(viewer)
    sought = visible(AOI, viewer).join(AOI.dataset).add_columns(contributes_to_dataset(viewer))
    row = (await session.execute(sought.where(AOI.id == aoi_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such area.")
    if not row[1]:
        raise Forbidden("You may not add to this dataset. Ask its owner, or clone it.")
    area: BaseGeometry = row[0].geom
    return area


async def upload_labels(
    session: WriteSession,
    viewer: Viewer,
    *,
    aoi_id: int,
    footprints: Sequence[Footprint],
    outside: int,
    skipped: Sequence[Skipped] = (),
    replace: bool = False,
    strict: bool = False,
) -> LabelUpload:
    """Adds labels to an area; those that do not overlap it, or cannot be used, are skipped and counted."""
    aoi = await aoi_to_add_to(session, viewer, aoi_id)
    return await add_uploaded(
        session,
        viewer,
        aoi,
        [footprints],
        count=len(footprints),
        outside=outside,
        skipped=skipped,
        replace=replace,
        strict=strict,
    )


async def add_uploaded(
    session: WriteSession,
    viewer: Viewer,
    aoi: AOI,
    batches: Iterable[Sequence[Footprint]],
    *,
    count: int,
    outside: int,
    skipped: Sequence[Skipped],
    replace: bool,
    strict: bool,
) -> LabelUpload:
    """Inserts uploaded labels if the dataset has room for them; optionally replaces earlier uploads.

    An OpenStreetMap element that the area has already is not added again.
    """
    user_id = signed_in(viewer)
    if replace:
        uploaded = delete(Label).where(Label.aoi_id == aoi.id, Label.origin == LabelOrigin.UPLOAD)
        dataset = await session.get_one(Dataset, aoi.dataset_id)
        # A viewer who may not delete others' labels must not be able to do so by uploading.
        own = true() if may_change_this_dataset(viewer, dataset) else Label.user_id == user_id
        await session.execute(uploaded.where(own))
    await make_room(session, aoi, count)
    added, again = 0, list[str]()
    for footprints in batches:
        known = await _known_elements(session, aoi, footprints)
        new = [each for each in footprints if (each.osm_type, each.osm_id) not in known]
        again += [f"{each.osm_type}/{each.osm_id}" for each in footprints if (each.osm_type, each.osm_id) in known]
        if again and strict:
            raise Invalid("geojson", f"{again[0]} is already a label of this area. Leave it out.")
        await insert_labels(session, new, aoi_id=aoi.id, user_id=user_id, origin=LabelOrigin.UPLOAD)
        added += len(new)
    return LabelUpload(aoi, added, outside, with_duplicates(skipped, again))


async def _known_elements(
    session: ReadSession, aoi: AOI, footprints: Sequence[Footprint]
) -> set[tuple[str | None, int | None]]:
    """Those OpenStreetMap elements that an area has labels of."""
    sought = [each.osm_id for each in footprints if each.osm_id is not None]
    if not sought:
        return set()
    labels = select(Label.osm_type, Label.osm_id).where(Label.aoi_id == aoi.id, Label.osm_id.in_(sought))
    return {(osm_type, osm_id) for osm_type, osm_id in await session.execute(labels)}


async def make_room(session: WriteSession, aoi: AOI, count: int) -> None:
    """Refused if the dataset of an area, which is locked, has no room for so many more labels."""
    labelled = select(func.count()).select_from(Label).join(AOI).where(AOI.dataset_id == aoi.dataset_id)
    if (await session.scalar(labelled) or 0) + count > settings.labels_per_dataset_max:
        raise LimitReached("This dataset has reached the limit for labels.", limit=settings.labels_per_dataset_max)


async def ask_for_osm_labels(session: WriteSession, viewer: Viewer, *, aoi_id: int, tags: Tags | None = None) -> AOI:
    """Starts fetching an area's labels from OpenStreetMap; its status changes in this transaction."""
    aoi = await aoi_to_add_to(session, viewer, aoi_id)
    at_rest(aoi)
    begin_fetching(aoi)
    aoi.label_tags = check_tags("tags", BUILDINGS if tags is None else tags)
    await enqueue(session, MappingJob.FETCH_LABELS, subject_id=aoi.id, user_id=signed_in(viewer))
    await session.refresh(aoi)
    return aoi


async def begin_labelling(session: ReadSession, aoi_id: int) -> tuple[Polygon, Tags]:
    """The ground to fetch, and the tags."""
    aoi = await session.get_one(AOI, aoi_id)
    return aoi.geom, aoi.label_tags or BUILDINGS


async def replace_osm_labels(session: WriteSession, aoi_id: int, footprints: Sequence[Footprint]) -> None:
    """Replaces the labels fetched before; other labels stay."""
    aoi = await session.get_one(AOI, aoi_id, with_for_update=True)
    taken = await make_way(session, Label, Label.aoi_id == aoi_id)
    footprints = [each for each in footprints if (each.osm_type, each.osm_id) not in taken]
    await make_room(session, aoi, len(footprints))
    await insert_labels(session, footprints, aoi_id=aoi_id, user_id=None, origin=LabelOrigin.OSM)
    await end_fetching(session, aoi)
    notify(session, aoi.user_id, f"{len(footprints)} labels were fetched for area {aoi.id}.", about=aoi)


async def labelling_failed(session: WriteSession, aoi_id: int, reason: str) -> None:
    """Marks the fetch as failed, with the reason; earlier labels stay."""
    aoi = await session.get_one(AOI, aoi_id, with_for_update=True)
    fail_fetching(aoi, reason)
    notify(session, aoi.user_id, f"The labels of area {aoi.id} could not be fetched. {reason}", about=aoi)
