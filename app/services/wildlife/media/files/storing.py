"""What was read of files, kept as media: dated, assigned to their deployment, and put into their collection."""

from collections.abc import Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.database import WriteSession, after_commit
from app.gateways import storage
from app.limits.texts import NOTE_LENGTH_MAX
from app.limits.wildlife import FILE_NAME_LENGTH_MAX
from app.models.wildlife.collections import Collection, CollectionResource
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.media import Resource, ResourceStatus, ResourceType, TimeSource
from app.models.wildlife.uploads import MediaUpload
from app.services.system.files import storage_usage
from app.services.wildlife.media import name_patterns
from app.services.wildlife.media.files import keys, readings

FACTS = (
    "size_bytes",
    "sha256",
    "mime_type",
    "width",
    "height",
    "brightness",
    "fps",
    "duration_s",
    "frame_count",
    "declared_frame_count",
    "exif",
    "camera_make",
    "camera_model",
    "serial_number",
    "camera_time",
    "camera_utc_offset_minutes",
)
TIMES = ("camera_time", "camera_utc_offset_minutes")
BROKEN = "The content does not match the SHA-256 that was announced: it was damaged on its way. Upload it again."


class Read(NamedTuple):
    """A file, where it is kept, and what was read of it."""

    file_path: str
    storage_key: str
    deployment_id: int | None
    facts: dict[str, Any]
    announced_sha256: str | None = None
    upload_id: int | None = None
    # The medium that it is, if it was fetched from its address.
    resource_id: int | None = None


async def keep(session: WriteSession, reading_id: int, plan: readings.ReadingPlan, files: Sequence[Read]) -> set[int]:
    """Keeps some files as media, once if it is done twice; answers with the deployments that they are of."""
    # The project first: of two files with one content, the one that comes later knows of the other.
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"media:{plan.project_id}", 0))))
    deployments = await _deployments(session, plan.project_id, files)
    done = {"read": 0, "unreadable": 0, "duplicated": 0}
    kept = []
    for file in files:
        resource = await _keep(session, plan, file, deployments)
        kept.append(resource)
        done["unreadable" if resource.status is ResourceStatus.UNREADABLE else "read"] += 1
        done["duplicated"] += resource.duplicate_of_id is not None
    await _collect(session, plan, kept)
    if plan.archive_key is not None:
        # What is in an archive was not counted before.
        await storage_usage.require_room(session, plan.user_id, field="upload")
    uploads = [file.upload_id for file in files if file.upload_id is not None]
    await session.execute(delete(MediaUpload).where(MediaUpload.id.in_(uploads)))
    await readings.count(session, reading_id, **done)
    return {each.deployment_id for each in kept if each.deployment_id is not None}


async def _deployments(session: WriteSession, project_id: int, files: Sequence[Read]) -> dict[int | str, Deployment]:
    """The deployments that files name by their key; for those that name none, by the serial number of their camera."""
    named = {file.deployment_id for file in files if file.deployment_id is not None}
    serials = {file.facts["serial_number"] for file in files if file.deployment_id is None} - {None}
    of_project = select(Deployment).where(Deployment.research_project_id == project_id)
    by_medium: dict[int | str, Deployment] = {}
    for deployment in await session.scalars(of_project.where(Deployment.id.in_(named))):
        by_medium[deployment.id] = deployment
    by_camera: dict[str, list[Deployment]] = {}
    for deployment in await session.scalars(of_project.where(Deployment.camera_id.in_(serials))):
        by_camera.setdefault(str(deployment.camera_id), []).append(deployment)
    # A camera that stood in several places says nothing by its number alone.
    return by_medium | {serial: those[0] for serial, those in by_camera.items() if len(those) == 1}


async def _keep(
    session: WriteSession, plan: readings.ReadingPlan, file: Read, deployments: dict[int | str, Deployment]
) -> Resource:
    facts = file.facts
    by_camera = facts["serial_number"] if file.resource_id is None else None
    deployment = deployments.get(file.deployment_id or by_camera or 0)
    deployment_id = None if deployment is None else deployment.id
    place = Resource.deployment_id.is_(None) if deployment_id is None else Resource.deployment_id == deployment_id
    before = select(Resource).where(Resource.research_project_id == plan.project_id, place)
    is_it = Resource.file_path == file.file_path if file.resource_id is None else Resource.id == file.resource_id
    resource = await session.scalar(before.where(is_it))
    if resource is None:
        resource = Resource(research_project_id=plan.project_id, owner_id=plan.user_id, deployment_id=deployment_id)
        session.add(resource)
    elif resource.storage_key and resource.storage_key != file.storage_key:
        after_commit(session, partial(storage.delete_all, files_of(resource)))
    _describe(resource, file, deployment)
    twin = select(func.min(Resource.id)).where(
        Resource.research_project_id == plan.project_id,
        Resource.sha256 == facts["sha256"],
        Resource.id != (resource.id or 0),
    )
    with session.no_autoflush:
        first = await session.scalar(twin)
    resource.duplicate_of_id = first if first is not None and first < (resource.id or first + 1) else None
    await session.flush()
    return resource


def _describe(resource: Resource, file: Read, deployment: Deployment | None) -> None:
    facts = file.facts
    damaged = file.announced_sha256 is not None and file.announced_sha256 != facts["sha256"]
    error = BROKEN if damaged else facts["error"]
    if file.resource_id is None:  # an address says less of its name than who added it
        resource.name = PurePosixPath(file.file_path).name[:FILE_NAME_LENGTH_MAX]
    resource.file_path = file.file_path
    resource.storage_key = file.storage_key
    resource.status = ResourceStatus.READ if error is None else ResourceStatus.UNREADABLE
    resource.read_error = None if error is None else error[:NOTE_LENGTH_MAX]
    resource.resource_type = ResourceType[facts["resource_type"]] if facts["resource_type"] else None
    resource.thumbnail_key = keys.thumbnail_of(file.storage_key) if facts["thumbnail"] else None
    resource.preview_key = keys.preview_of(file.storage_key) if facts["preview"] else None
    resource.previews_bytes = len(facts["thumbnail"] or b"") + len(facts["preview"] or b"")
    # A table with the time of recording was filled in by people, who may have corrected it.
    is_of_table = file.resource_id is not None and resource.time_source is TimeSource.TABLE
    for name in FACTS:
        if not (is_of_table and name in TIMES):
            setattr(resource, name, facts[name])
    if not is_of_table:
        resource.time_source = TimeSource.FILE if facts["camera_time"] else None
    pattern = deployment.file_name_pattern if deployment is not None else None
    named = name_patterns.read_name(pattern, resource.name) if pattern and not is_of_table else None
    if named is not None:
        # The pattern was chosen because what is written in these files is wrong or missing.
        resource.camera_time, resource.camera_utc_offset_minutes = named.camera_time, None
        resource.time_source = TimeSource.FILE_NAME
        resource.serial_number = named.camera or resource.serial_number


async def _collect(session: WriteSession, plan: readings.ReadingPlan, kept: Sequence[Resource]) -> None:
    if plan.collection_id is None or not kept:
        return
    # It may have been deleted meanwhile: the media are kept all the same.
    there = select(Collection.id).where(Collection.id == plan.collection_id).with_for_update(read=True, key_share=True)
    if await session.scalar(there) is None:
        return
    rows = [
        {"collection_id": plan.collection_id, "resource_id": each.id, "research_project_id": plan.project_id}
        for each in kept
    ]
    await session.execute(insert(CollectionResource).values(rows).on_conflict_do_nothing())


def files_of(resource: Resource) -> list[str]:
    """Every file that is kept of a medium."""
    return [key for key in (resource.storage_key, resource.thumbnail_key, resource.preview_key) if key is not None]
