"""Imports of label files into areas."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry
from sqlalchemy import func, select

from app.database import WriteSession
from app.formats.labels.footprints import Footprint
from app.formats.labels.skipping import Skipped
from app.gateways.osm import BUILDINGS, Tags, check_tags
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.kinds.mapping import MappingJob
from app.models.mapping.datasets import AOI
from app.models.mapping.imports import LabelFormat, LabelImport
from app.models.mapping.trainings import TrainingStatus
from app.policies import Viewer, signed_in
from app.queue import enqueue
from app.services.mapping.datasets.editing import aoi_to_add_to
from app.services.mapping.labels.uploads import add_uploaded
from app.services.system.files.uploads import Uploaded, UploadLink, release, upload_link
from app.services.system.notifications import notify
from app.settings import settings

LABELS = "labels"
MEDIA_TYPES = {
    LabelFormat.GEOJSON: "application/geo+json",
    LabelFormat.OSM_XML: "application/vnd.openstreetmap.data+xml",
    LabelFormat.OSM_PBF: "application/vnd.openstreetmap.data+pbf",
}
FORMATS = {media_type: format for format, media_type in MEDIA_TYPES.items()}


@dataclass(frozen=True)
class ImportPlan:
    """What a worker needs to import labels."""

    storage_key: str
    format: LabelFormat
    tags: Tags
    area: BaseGeometry
    strict: bool


async def label_upload(session: WriteSession, viewer: Viewer, *, format: LabelFormat, bytes: int) -> UploadLink:
    """An upload link for a file of labels."""
    media_type, bytes_max = MEDIA_TYPES[format], settings.label_file_bytes_max
    return await upload_link(session, viewer, use=LABELS, media_type=media_type, bytes=bytes, bytes_max=bytes_max)


async def import_labels(
    session: WriteSession,
    viewer: Viewer,
    *,
    aoi_id: int,
    file: Uploaded,
    tags: Tags | None = None,
    replace: bool = False,
    strict: bool = False,
) -> LabelImport:
    """Queues the import of a file into an area: what can be used of it, or with `strict` all of it or nothing."""
    aoi = await aoi_to_add_to(session, viewer, aoi_id)
    label_import = LabelImport(
        user_id=signed_in(viewer),
        aoi_id=aoi.id,
        format=FORMATS[file.media_type],
        tags={} if tags == {} else check_tags("tags", BUILDINGS if tags is None else tags),
        replace=replace,
        strict=strict,
        storage_key=file.key,
    )
    session.add(label_import)
    await session.flush()
    job = await enqueue(session, MappingJob.IMPORT_LABELS, subject_id=label_import.id, user_id=label_import.user_id)
    label_import.job_id = job.id
    await session.flush()
    return label_import


async def begin_import(session: WriteSession, import_id: int) -> ImportPlan:
    """Marks the inspection as started, and returns its input."""
    label_import = await session.get_one(LabelImport, import_id, with_for_update=True)
    label_import.status = TrainingStatus.RUNNING
    area = (await session.get_one(AOI, label_import.aoi_id)).geom
    return ImportPlan(label_import.storage_key, label_import.format, label_import.tags, area, label_import.strict)


async def finish_import(
    session: WriteSession,
    import_id: int,
    batches: Iterable[Sequence[Footprint]],
    *,
    count: int,
    outside: int,
    skipped: Sequence[Skipped],
) -> None:
    """Inserts the labels of a file."""
    label_import = await session.get_one(LabelImport, import_id, with_for_update=True)
    user = await session.get_one(User, label_import.user_id)
    viewer = Viewer(user.id, is_staff=user.is_staff)
    # They may have lost the right to add labels since the request.
    aoi = await aoi_to_add_to(session, viewer, label_import.aoi_id)
    upload = await add_uploaded(
        session,
        viewer,
        aoi,
        batches,
        count=count,
        outside=outside,
        skipped=skipped,
        replace=label_import.replace,
        strict=label_import.strict,
    )
    await release(session, label_import.storage_key)
    label_import.added, label_import.outside = upload.added, upload.outside
    label_import.skipped = [each.plain() for each in upload.skipped]
    label_import.status = TrainingStatus.FINISHED
    label_import.finished_at = await session.scalar(select(func.now()))
    left_out = sum(each.count for each in upload.skipped)
    note = f" {left_out} features were skipped." if left_out else ""
    message = f"{upload.added} labels were added to area {aoi.id}.{note}"
    notify(session, label_import.user_id, message, about=label_import)


async def import_failed(session: WriteSession, import_id: int, reason: str) -> None:
    """Marks an import as failed, with the reason."""
    label_import = await session.get_one(LabelImport, import_id, with_for_update=True)
    label_import.status = TrainingStatus.FAILED
    label_import.failure = reason[:NOTE_LENGTH_MAX]
    label_import.finished_at = await session.scalar(select(func.now()))
    message = f"No labels were added to area {label_import.aoi_id}. {reason}"
    notify(session, label_import.user_id, message, about=label_import)
