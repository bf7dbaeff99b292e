"""Media: addresses of what is elsewhere, changes, moves between deployments, and deletion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, delete, func, select, update

from app import checks
from app.database import ReadSession, WriteSession, after_commit
from app.errors import Invalid, LimitReached, NotFound
from app.gateways import storage
from app.limits import wildlife as limits
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.media import Resource, ResourceStatus, TimeSource
from app.policies import Viewer, signed_in, visible
from app.policies.wildlife.projects import MANAGERS, WORKERS
from app.services.system import audit
from app.services.wildlife.media import timing
from app.services.wildlife.media.collections import checked_keys
from app.services.wildlife.media.files.storing import files_of
from app.services.wildlife.places.deployments import deployment_to_change
from app.services.wildlife.projects.access import project_to_work_in
from app.settings import settings

SCHEMES = {"http", "https"}


@dataclass(frozen=True)
class MediaAddress:
    """A medium that stays where it is: its address, and when it was recorded, if that is known."""

    url: str
    recorded_at: datetime | None = None


@dataclass(frozen=True)
class MovedMedia:
    """How many media were moved, or would be."""

    count: int
    is_dry_run: bool


def checked_address(value: str) -> str:
    """An address of the web. Whether something is there is not asked."""
    address = checks.text("url", value, length_max=limits.FILE_PATH_LENGTH_MAX)
    try:
        parts = urlsplit(address)
        fits = parts.scheme in SCHEMES and bool(parts.hostname) and not parts.username and " " not in address
    except ValueError:
        fits = False
    if not fits:
        raise Invalid("url", "Use an address that begins with https:// or http://, without a user name.")
    return address


async def add_addresses(
    session: WriteSession,
    viewer: Viewer,
    *,
    project_id: int,
    deployment_id: int | None,
    media: Sequence[MediaAddress],
) -> list[Resource]:
    """Media by their addresses alone: nothing of them is fetched. One that is there already is answered as it is."""
    project = await project_to_work_in(session, viewer, project_id, WORKERS, is_locked=True)
    if deployment_id is not None:
        await _deployment_of(session, viewer, deployment_id, project.id)
    if not 1 <= len(media) <= settings.media_uploads_at_once_max:
        most = settings.media_uploads_at_once_max
        raise Invalid("media", f"Give 1 to {most} addresses; these are {len(media)}.")
    wanted = {checked_address(each.url): each for each in media}
    place = Resource.deployment_id.is_(None) if deployment_id is None else Resource.deployment_id == deployment_id
    there = select(Resource).where(Resource.research_project_id == project.id, place)
    there_already = {row.file_path: row for row in await session.scalars(there.where(Resource.file_path.in_(wanted)))}
    for address, each in wanted.items():
        if address not in there_already:
            there_already[address] = _address(project.id, deployment_id, signed_in(viewer), address, each.recorded_at)
            session.add(there_already[address])
    await session.flush()
    if deployment_id is not None:
        await timing.settle(session, deployment_id)
    for row in there_already.values():
        await session.refresh(row)
    return [there_already[address] for address in wanted]


def _address(
    project_id: int, deployment_id: int | None, owner_id: int, address: str, recorded_at: datetime | None
) -> Resource:
    moment = None if recorded_at is None else checks.moment("recordedAt", recorded_at)
    name = PurePosixPath(urlsplit(address).path).name or "medium"
    return Resource(
        research_project_id=project_id,
        deployment_id=deployment_id,
        owner_id=owner_id,
        name=name[: limits.FILE_NAME_LENGTH_MAX],
        file_path=address,
        status=ResourceStatus.ADDRESS,
        recorded_at=moment,
        # As if the camera had written it, so that a correction of its clock applies.
        camera_time=None if moment is None else moment.replace(tzinfo=None).isoformat(),
        camera_utc_offset_minutes=None if moment is None else 0,
        time_source=None if moment is None else TimeSource.TABLE,
    )


async def _deployment_of(session: ReadSession, viewer: Viewer, deployment_id: int, project_id: int) -> Deployment:
    deployment = await deployment_to_change(session, viewer, deployment_id)
    if deployment.research_project_id != project_id:
        raise Invalid("deploymentId", "This deployment belongs to another research project.")
    return deployment


async def update_resource(
    session: WriteSession, viewer: Viewer, resource_id: int, changes: Mapping[str, Any]
) -> Resource:
    """Updates what people say of a medium."""
    query = visible(Resource, viewer).where(Resource.id == resource_id)
    resource = await session.scalar(query.with_for_update(key_share=True, of=Resource))
    if resource is None:
        raise NotFound("There is no such medium.")
    await project_to_work_in(session, viewer, resource.research_project_id, WORKERS)
    if "description" in changes:
        resource.description = checks.optional_text(
            "description", changes["description"], length_max=limits.ABSTRACT_LENGTH_MAX
        )
    if "tags" in changes:
        if len(changes["tags"]) > settings.keywords_max:
            raise LimitReached("A medium has too many tags.", limit=settings.keywords_max)
        resource.tags = list(changes["tags"])
    await session.refresh(resource)
    return resource


def chosen(
    project_id: int,
    resource_ids: Sequence[int] | None,
    serial_number: str | None,
    deployment_id: int | None,
    *,
    is_unassigned: bool,
) -> ColumnElement[bool]:
    """The media that are named, or those with a serial number, of a deployment or of none."""
    which = Resource.research_project_id == project_id
    if resource_ids is not None:
        return which & Resource.id.in_(checked_keys(resource_ids))
    if serial_number is None and deployment_id is None and not is_unassigned:
        raise Invalid("resourceIds", "Say which media: by ids, by serial number, or of which deployment.")
    if serial_number is not None:
        which &= Resource.serial_number == serial_number
    if deployment_id is not None:
        which &= Resource.deployment_id == deployment_id
    if is_unassigned:
        which &= Resource.deployment_id.is_(None)
    return which


async def move_media(
    session: WriteSession,
    viewer: Viewer,
    *,
    project_id: int,
    which: ColumnElement[bool],
    expected: int | None,
    to_deployment_id: int | None,
    is_dry_run: bool = False,
) -> MovedMedia:
    """Gives media another deployment, or none: all of them or none. Their times and sequences follow."""
    project = await project_to_work_in(session, viewer, project_id, WORKERS, is_locked=True)
    if to_deployment_id is not None:
        await _deployment_of(session, viewer, to_deployment_id, project.id)
    listed = select(Resource.id, Resource.deployment_id).where(which).order_by(Resource.id)
    rows = (await session.execute(listed.with_for_update(key_share=True))).all()
    if expected is not None and len(rows) != expected:
        raise NotFound("Some of these media are not there, or belong to another research project.")
    moved = [row for row in rows if row.deployment_id != to_deployment_id]
    if is_dry_run or not moved:
        return MovedMedia(len(moved), is_dry_run)
    ids = [row.id for row in moved]
    await session.execute(
        update(Resource)
        .where(Resource.id.in_(ids))
        .values(deployment_id=to_deployment_id, sequence_id=None)
        .execution_options(synchronize_session=False)
    )
    if to_deployment_id is None:
        await timing.release(session, ids)
    touched = {row.deployment_id for row in moved} | {to_deployment_id}
    for deployment_id in sorted(each for each in touched if each is not None):
        await timing.settle(session, deployment_id)
    audit.record(session, signed_in(viewer), "moveMedia", about=project, media=len(ids), deployment=to_deployment_id)
    return MovedMedia(len(moved), is_dry_run)


async def delete_media(session: WriteSession, viewer: Viewer, *, project_id: int, resource_ids: Sequence[int]) -> int:
    """Deletes media with all that is known of them; their files go after the transaction. For managers."""
    project = await project_to_work_in(session, viewer, project_id, MANAGERS, is_locked=True)
    keys = checked_keys(resource_ids)
    of = select(Resource).where(Resource.id.in_(keys), Resource.research_project_id == project.id)
    rows = (await session.scalars(of.order_by(Resource.id).with_for_update())).all()
    if len(rows) != len(keys):
        raise NotFound("Some of these media are not there, or belong to another research project.")
    files = [key for row in rows for key in files_of(row)]
    touched = sorted({row.deployment_id for row in rows if row.deployment_id is not None})
    hashes = {row.sha256 for row in rows if row.sha256 is not None}
    await session.execute(delete(Resource).where(Resource.id.in_(keys)))
    await _name_duplicates(session, project.id, hashes)
    for deployment_id in touched:
        await timing.settle(session, deployment_id)
    after_commit(session, partial(storage.delete_all, files))
    audit.record(session, signed_in(viewer), "deleteMedia", about=project, media=len(keys))
    return len(keys)


async def _name_duplicates(session: WriteSession, project_id: int, hashes: set[str]) -> None:
    """Of media whose first one is gone, the next is the first."""
    firsts = (
        select(Resource.sha256, func.min(Resource.id).label("first"))
        .where(Resource.research_project_id == project_id, Resource.sha256.in_(hashes))
        .group_by(Resource.sha256)
        .subquery()
    )
    await session.execute(
        update(Resource)
        .where(
            Resource.research_project_id == project_id, Resource.sha256 == firsts.c.sha256, Resource.id > firsts.c.first
        )
        .values(duplicate_of_id=firsts.c.first)
        .execution_options(synchronize_session=False)
    )
