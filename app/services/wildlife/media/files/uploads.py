"""Files of media on their way: which are there already, which are missing, and the links to send these to.

A broken upload of a memory card continues: the same request again answers with what is still missing.
"""

import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from limits import RateLimitItemPerHour
from sqlalchemy import func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from app import checks
from app.database import ReadSession, WriteSession, after_commit
from app.errors import Invalid, LimitReached
from app.gateways import storage
from app.limits import wildlife as limits
from app.models.base import BigInt
from app.models.wildlife.media import Resource
from app.models.wildlife.uploads import MediaUpload
from app.policies import Viewer, signed_in
from app.policies.wildlife.projects import WORKERS
from app.rates import Rates, Share
from app.services import links
from app.services.system.files import storage_usage
from app.services.system.files.uploads import address_for
from app.services.wildlife.media.files import keys
from app.services.wildlife.places.deployments import deployment_to_change
from app.services.wildlife.projects.access import project_to_work_in
from app.settings import settings

UPLOAD = links.Kind("media-upload", "uploads", MediaUpload)
MEDIA_TYPE = "application/octet-stream"
SHA256 = re.compile(r"[0-9a-f]{64}")


class UploadState(Enum):
    """Whether a file of a memory card is there.

    MISSING: It has to be sent to its link.
    RECEIVED: It has been sent and waits for `readMedia`.
    THERE: It is a medium already.
    """

    MISSING = "MISSING"
    RECEIVED = "RECEIVED"
    THERE = "THERE"


@dataclass(frozen=True)
class MediaFile:
    """A file of a memory card: its path there, its size, and the SHA-256 of its content."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class RequestedUpload:
    """What is known of a file that somebody wants to upload."""

    path: str
    state: UploadState
    url: str | None
    media_type: str
    bytes_max: BigInt
    expires_at: datetime | None
    resource: Resource | None
    same_content: Resource | None


def pace_media_bytes(rates: Rates, viewer: Viewer, *, bytes: int) -> AbstractAsyncContextManager[None]:
    """A block that counts the bytes to be sent if it succeeds; refused if the account has sent too much."""
    limit = RateLimitItemPerHour(settings.media_bytes_per_hour_max)
    message = f"The limit for media is {limit.amount:,} bytes per hour. Continue later with the same request."
    return rates.spending(Share(limit, f"media-bytes:account:{signed_in(viewer)}", message, max(bytes, 0)))


def checked_path(value: str) -> str:
    """A path as it stands on the memory card, with either slash; refused if it leads out of it."""
    path = checks.text("path", value, length_max=limits.FILE_PATH_LENGTH_MAX, is_exact=True).replace("\\", "/")
    parts = PurePosixPath(path).parts
    if path.startswith(("/", "~")) or ".." in parts or re.match(r"[A-Za-z]:", path):
        raise Invalid("path", "Use a path relative to the memory card, without `..`.")
    if not parts or len(parts[-1]) > limits.FILE_NAME_LENGTH_MAX:
        raise Invalid("path", f"Use a file name of at most {limits.FILE_NAME_LENGTH_MAX} characters.")
    return str(PurePosixPath(*parts))


def checked_files(files: Sequence[MediaFile]) -> list[MediaFile]:
    """The files, if they can be media, and each has a path of its own."""
    if not 1 <= len(files) <= settings.media_uploads_at_once_max:
        raise Invalid("files", f"Give 1 to {settings.media_uploads_at_once_max} files; these are {len(files)}.")
    checked = [_checked(file) for file in files]
    if len({file.path for file in checked}) < len(checked):
        raise Invalid("path", "Two of these files have the same path.")
    return checked


def _checked(file: MediaFile) -> MediaFile:
    checks.within("bytes", file.bytes, 0, settings.medium_bytes_max)
    if not SHA256.fullmatch(file.sha256.lower()):
        raise Invalid("sha256", "Give the SHA-256 of the file as 64 hexadecimal digits.")
    return MediaFile(checked_path(file.path), file.bytes, file.sha256.lower())


async def request_uploads(
    session: WriteSession, viewer: Viewer, *, project_id: int, deployment_id: int | None, files: Sequence[MediaFile]
) -> list[RequestedUpload]:
    """What is there of these files, with links for what is missing. Of an empty file there is nothing to send."""
    project = await project_to_work_in(session, viewer, project_id, WORKERS, is_locked=True)
    if deployment_id is not None:
        deployment = await deployment_to_change(session, viewer, deployment_id)
        if deployment.research_project_id != project.id:
            raise Invalid("deploymentId", "This deployment belongs to another research project.")
    wanted = checked_files(files)
    storage.require_room(sum(file.bytes for file in wanted))
    there = await _there(session, project.id, deployment_id, wanted)
    same = await _same_content(session, project.id, wanted)
    new = [file for file in wanted if not _is_there(there.get(file.path), file)]
    await _room(session, viewer, project.id, len(new))
    coming = await _expected(session, viewer, project.id, deployment_id, new)
    if new:
        await storage_usage.require_room(session, signed_in(viewer), field="files")
    requested = []
    for file in wanted:
        row = coming.get(file.path)
        has_arrived = row is not None and await storage.exists(row.storage_key)
        twin = same.get(file.sha256)
        requested.append(_answer(viewer, file, row, there.get(file.path), twin, has_arrived=has_arrived))
    return requested


def _is_there(resource: Resource | None, file: MediaFile) -> bool:
    return resource is not None and resource.sha256 == file.sha256


async def _there(
    session: ReadSession, project_id: int, deployment_id: int | None, files: Sequence[MediaFile]
) -> dict[str, Resource]:
    of = (
        Resource.deployment_id.is_(None) if deployment_id is None else Resource.deployment_id == deployment_id,
        Resource.research_project_id == project_id,
        Resource.file_path.in_([file.path for file in files]),
    )
    return {row.file_path: row for row in await session.scalars(select(Resource).where(*of))}


async def _same_content(session: ReadSession, project_id: int, files: Sequence[MediaFile]) -> dict[str, Resource]:
    of = (
        Resource.research_project_id == project_id,
        Resource.sha256.in_([file.sha256 for file in files]),
        Resource.duplicate_of_id.is_(None),
    )
    return {str(row.sha256): row for row in await session.scalars(select(Resource).where(*of))}


async def _room(session: ReadSession, viewer: Viewer, project_id: int, more: int) -> None:
    of = MediaUpload.research_project_id == project_id, MediaUpload.user_id == signed_in(viewer)
    waiting = await session.scalar(select(func.count()).where(*of)) or 0
    if waiting + more > settings.media_uploads_waiting_max:
        raise LimitReached(
            "Too many files wait to be sent or read. Send them, and read them with `readMedia`, first.",
            limit=settings.media_uploads_waiting_max,
        )


async def _expected(
    session: WriteSession, viewer: Viewer, project_id: int, deployment_id: int | None, files: Sequence[MediaFile]
) -> dict[str, MediaUpload]:
    """A row for each file; one whose content has changed since it was last asked for gets a new key."""
    if not files:
        return {}
    rows = [
        {
            "research_project_id": project_id,
            "deployment_id": deployment_id,
            "user_id": signed_in(viewer),
            "file_path": file.path,
            "size_bytes": file.bytes,
            "sha256": file.sha256,
            "storage_key": keys.fresh(project_id),
        }
        for file in files
    ]
    # As in the index: PostgreSQL compares the expressions.
    place: list[Any] = [MediaUpload.research_project_id, text("coalesce(deployment_id, 0)"), MediaUpload.file_path]
    added = insert(MediaUpload).values(rows)
    changed = tuple_(MediaUpload.size_bytes, MediaUpload.sha256) != tuple_(
        added.excluded.size_bytes, added.excluded.sha256
    )
    columns = {name: getattr(added.excluded, name) for name in ("size_bytes", "sha256", "storage_key", "user_id")}
    of = (
        MediaUpload.research_project_id == project_id,
        func.coalesce(MediaUpload.deployment_id, 0) == (deployment_id or 0),
        MediaUpload.file_path.in_([file.path for file in files]),
    )
    before = set(await session.scalars(select(MediaUpload.storage_key).where(*of)))
    await session.execute(
        added.on_conflict_do_update(
            index_elements=place, set_=columns, where=changed & MediaUpload.reading_id.is_(None)
        )
    )
    expected = (await session.scalars(select(MediaUpload).where(*of).execution_options(populate_existing=True))).all()
    # What was sent under a key that no row has any more would be kept for ever, and counted for nobody.
    if replaced := before - {row.storage_key for row in expected}:
        after_commit(session, partial(storage.delete_all, sorted(replaced)))
    return {row.file_path: row for row in expected}


def _answer(
    viewer: Viewer,
    file: MediaFile,
    row: MediaUpload | None,
    resource: Resource | None,
    twin: Resource | None,
    *,
    has_arrived: bool,
) -> RequestedUpload:
    if row is None:
        state, url = UploadState.THERE, None
    elif has_arrived or row.size_bytes == 0 or row.reading_id is not None:
        state, url = UploadState.RECEIVED, None
    else:
        state, url = UploadState.MISSING, address_for(viewer, UPLOAD, row, MEDIA_TYPE)
    return RequestedUpload(
        path=file.path,
        state=state,
        url=url,
        media_type=MEDIA_TYPE,
        bytes_max=BigInt(file.bytes),
        expires_at=datetime.now(UTC) + timedelta(seconds=settings.file_link_s) if url else None,
        resource=resource,
        same_content=twin if twin is not None and twin is not resource else None,
    )
