"""The features an area is known to contain: fetched from OpenStreetMap or uploaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, func, insert, select, true

from app import checks, geometry
from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid, LimitReached
from app.gateways.osm import OsmFeature
from app.models import AOI, Dataset, DownloadStatus, JobKind, Label, LabelOrigin
from app.policies import Viewer, signed_in
from app.policies.mapping import may_change_this_dataset
from app.queue import enqueue
from app.services.mapping.datasets import aoi_to_add_to
from app.services.system import notify
from app.settings import settings


@dataclass(frozen=True)
class LabelUpload:
    """What an upload did."""

    aoi: AOI
    added: int
    outside: int


def features_of(field: str, collection: Any) -> list[tuple[BaseGeometry, dict[str, Any]]]:
    """The polygons of a GeoJSON FeatureCollection with their properties; Invalid names the first that is wrong."""
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list) or collection.get("type") != "FeatureCollection":
        raise Invalid(field, 'Give a GeoJSON FeatureCollection: {"type": "FeatureCollection", "features": […]}.')
    if not 0 < len(features) <= settings.labels_per_upload_max:
        raise Invalid(field, f"Give 1 to {settings.labels_per_upload_max} features; these are {len(features)}.")
    found, repairs_left = [], settings.repairs_per_upload_max
    for number, feature in enumerate(features):
        place = f"{field}.features.{number}"
        shape, tags = _label(place, feature)
        if not shape.is_valid:
            shape, repairs_left = _repaired(place, shape, repairs_left), repairs_left - 1
        found.append((geometry.anticlockwise(shape), tags))
    return found


def _repaired(place: str, shape: BaseGeometry, repairs_left: int) -> BaseGeometry:
    """Real footprints cross themselves now and then; what a label covers is clear all the same."""
    covered = geometry.ground(shape) if repairs_left > 0 else None
    if covered is None:
        raise Invalid(place, f"This label covers no ground, or crosses itself: {shapely.is_valid_reason(shape)}.")
    return covered


def _label(place: str, feature: Any) -> tuple[BaseGeometry, dict[str, Any]]:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise Invalid(place, "This is not a GeoJSON Feature.")
    try:
        shape = geometry.from_geojson(feature)
    except ValueError as error:
        raise Invalid(place, str(error)) from None
    if not isinstance(shape, Polygon | MultiPolygon):
        raise Invalid(place, f"Labels are Polygons or MultiPolygons; this is a {shape.geom_type}.")
    tags = checks.json_object(f"{place}.properties", feature.get("properties") or {})
    geometry.check_place(place, shape)
    return shape, tags


async def upload_labels(
    session: WriteSession, viewer: Viewer, *, aoi_id: int, geojson: Any, replace: bool = False
) -> LabelUpload:
    """Adds features to an area, all or none; those that share no ground with it are left out and counted."""
    aoi, user_id = await aoi_to_add_to(session, viewer, aoi_id), signed_in(viewer)
    features = features_of("geojson", geojson)
    inside = [(shape, tags) for shape, tags in features if geometry.share_ground(aoi.geom, shape)]
    if replace:
        uploaded = delete(Label).where(Label.aoi_id == aoi_id, Label.origin == LabelOrigin.UPLOAD)
        dataset = await session.get_one(Dataset, aoi.dataset_id)
        # Whoever may not delete what others uploaded cannot do so by uploading.
        own = true() if may_change_this_dataset(viewer, dataset) else Label.user_id == user_id
        await session.execute(uploaded.where(own))
    given = {"origin": LabelOrigin.UPLOAD, "user_id": user_id}
    await add_labels(session, aoi, [{"geom": shape, "tags": tags or None, **given} for shape, tags in inside])
    return LabelUpload(aoi, added=len(inside), outside=len(features) - len(inside))


async def add_labels(session: WriteSession, aoi: AOI, rows: Sequence[dict[str, object]]) -> None:
    """More labels for an area whose dataset is locked, if there is room for them."""
    labelled = select(func.count()).select_from(Label).join(AOI).where(AOI.dataset_id == aoi.dataset_id)
    if (await session.scalar(labelled) or 0) + len(rows) > settings.labels_per_dataset_max:
        raise LimitReached("A dataset holds no more labels than this.", limit=settings.labels_per_dataset_max)
    if rows:
        await session.execute(insert(Label), [{"aoi_id": aoi.id, **row} for row in rows])


async def ask_for_osm_labels(session: WriteSession, viewer: Viewer, *, aoi_id: int) -> AOI:
    """Begins to fetch an area's labels from OpenStreetMap; the area says so from this transaction on."""
    aoi = await aoi_to_add_to(session, viewer, aoi_id)
    if aoi.label_status is DownloadStatus.RUNNING:
        raise Conflict("The labels of this area are being fetched already.")
    aoi.label_status, aoi.label_error = DownloadStatus.RUNNING, None
    await enqueue(session, JobKind.FETCH_LABELS, subject_id=aoi.id, user_id=signed_in(viewer))
    await session.refresh(aoi)
    return aoi


async def area_to_label(session: ReadSession, aoi_id: int) -> Polygon:
    """Where to look for labels."""
    return (await session.get_one(AOI, aoi_id)).geom


async def replace_osm_labels(session: WriteSession, aoi_id: int, features: Sequence[OsmFeature]) -> None:
    """Puts what OpenStreetMap knows now in place of what it knew before; other labels stay."""
    aoi = await session.get_one(AOI, aoi_id, with_for_update=True)
    await session.execute(delete(Label).where(Label.aoi_id == aoi_id, Label.origin == LabelOrigin.OSM))
    # What was fetched once and then corrected by hand is not there twice.
    taken = select(Label.osm_type, Label.osm_id).where(Label.aoi_id == aoi_id, Label.osm_id.is_not(None))
    corrected = {tuple(row) for row in await session.execute(taken)}
    rows = [
        {
            "geom": feature.geometry,
            "tags": feature.tags,
            "osm_id": feature.osm_id,
            "osm_type": feature.osm_type,
            "origin": LabelOrigin.OSM,
        }
        for feature in features
        if (feature.osm_type, feature.osm_id) not in corrected and geometry.share_ground(aoi.geom, feature.geometry)
    ]
    await add_labels(session, aoi, rows)
    aoi.label_status = DownloadStatus.DOWNLOADED
    aoi.label_fetched = await session.scalar(select(func.now()))
    await notify(session, aoi.user_id, f"{len(rows)} labels were fetched for area {aoi.id}.", about=aoi)


async def labelling_failed(session: WriteSession, aoi_id: int, reason: str) -> None:
    """Says why the labels did not come; those from before stay."""
    aoi = await session.get_one(AOI, aoi_id, with_for_update=True)
    aoi.label_status = DownloadStatus.DOWNLOADED if aoi.label_fetched else DownloadStatus.NOT_DOWNLOADED
    aoi.label_error = reason[: settings.note_length_max]
    await notify(session, aoi.user_id, f"The labels of area {aoi.id} could not be fetched. {reason}", about=aoi)
