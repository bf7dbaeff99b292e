"""Reading uploaded files into media: one job for all that have arrived."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, select, update

from app import events
from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid, NotFound
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.kinds.wildlife import WildlifeJob
from app.models.wildlife.collections import Collection
from app.models.wildlife.uploads import MediaReading, MediaUpload, ReadingStatus
from app.policies import Viewer, signed_in, visible
from app.policies.wildlife.projects import WORKERS
from app.queue import enqueue
from app.services.system.files.uploads import Uploaded, UploadLink, release, upload_link
from app.services.system.notifications import notify_if_visible
from app.services.wildlife.ai_jobs import automatic
from app.services.wildlife.places.deployments import deployment_to_change
from app.services.wildlife.projects.access import project_to_work_in
from app.settings import settings

ARCHIVE, ARCHIVE_TYPE = "media-archive", "application/zip"


def topic_of(reading_id: int) -> str:
    """The topic of events about a reading."""
    return f"media-reading:{reading_id}"


class Waiting(NamedTuple):
    """A file that waits to be read."""

    upload_id: int
    deployment_id: int | None
    file_path: str
    sha256: str
    storage_key: str
    size_bytes: int
    resource_id: int | None = None


class ReadingPlan(NamedTuple):
    """What a worker needs to know."""

    project_id: int
    user_id: int
    deployment_id: int | None
    collection_id: int | None
    archive_key: str | None


async def archive_upload(session: WriteSession, viewer: Viewer, *, bytes: int) -> UploadLink:
    """An upload link for a ZIP of media."""
    bytes_max = settings.upload_bytes_max
    return await upload_link(session, viewer, use=ARCHIVE, media_type=ARCHIVE_TYPE, bytes=bytes, bytes_max=bytes_max)


async def start_reading(
    session: WriteSession,
    viewer: Viewer,
    *,
    project_id: int,
    deployment_id: int | None = None,
    collection_id: int | None = None,
    archive: Uploaded | None = None,
) -> MediaReading:
    """Queues the reading of what was uploaded for a deployment, or for none; or of a ZIP."""
    project = await project_to_work_in(session, viewer, project_id, WORKERS, is_locked=True)
    await _of_project(session, viewer, project.id, deployment_id, collection_id)
    reading = MediaReading(
        research_project_id=project.id,
        user_id=signed_in(viewer),
        deployment_id=deployment_id,
        collection_id=collection_id,
        storage_key=None if archive is None else archive.key,
    )
    session.add(reading)
    await session.flush()
    if archive is None:
        reading.total = await _take(session, reading)
    job = await enqueue(session, WildlifeJob.READ_MEDIA, subject_id=reading.id, user_id=reading.user_id)
    reading.job_id = job.id
    await session.flush()
    return reading


async def _of_project(
    session: ReadSession, viewer: Viewer, project_id: int, deployment_id: int | None, collection_id: int | None
) -> None:
    if deployment_id is not None:
        deployment = await deployment_to_change(session, viewer, deployment_id)
        if deployment.research_project_id != project_id:
            raise Invalid("deploymentId", "This deployment belongs to another research project.")
    if collection_id is not None:
        query = visible(Collection, viewer).where(Collection.id == collection_id)
        collection = await session.scalar(query.where(Collection.research_project_id == project_id))
        if collection is None:
            raise NotFound("There is no such collection in this research project.")


async def _take(session: WriteSession, reading: MediaReading) -> int:
    """Gives the reading every file that no other is reading; which have arrived the job finds out."""
    free = select(MediaUpload.id).where(
        MediaUpload.research_project_id == reading.research_project_id,
        func.coalesce(MediaUpload.deployment_id, 0) == (reading.deployment_id or 0),
        MediaUpload.reading_id.is_(None),
    )
    taken = await session.scalars(
        update(MediaUpload)
        .where(MediaUpload.id.in_(free.with_for_update(skip_locked=True)))
        .values(reading_id=reading.id)
        .returning(MediaUpload.id)
        .execution_options(synchronize_session=False)
    )
    count = len(taken.all())
    if not count:
        raise Conflict("No uploaded file waits to be read. Ask for links with `requestMediaUploads` first.")
    return count


async def begin_reading(session: WriteSession, reading_id: int) -> ReadingPlan:
    """Marks the reading as started, and answers with its input."""
    reading = await session.get_one(MediaReading, reading_id, with_for_update=True)
    reading.status = ReadingStatus.RUNNING
    reading.started_at = reading.started_at or await session.scalar(select(func.now()))
    tell(session, reading)
    return ReadingPlan(
        reading.research_project_id,
        reading.user_id,
        reading.deployment_id,
        reading.collection_id,
        reading.storage_key,
    )


async def waiting(session: ReadSession, reading_id: int, *, after: int, count: int) -> Sequence[Waiting]:
    """The next files of a reading; whatever has been read is no longer among them."""
    listed = (
        select(MediaUpload)
        .where(MediaUpload.reading_id == reading_id, MediaUpload.id > after)
        .order_by(MediaUpload.id)
        .limit(count)
    )
    return [
        Waiting(row.id, row.deployment_id, row.file_path, row.sha256, row.storage_key, row.size_bytes, row.resource_id)
        for row in await session.scalars(listed)
    ]


def tell(session: WriteSession, reading: MediaReading) -> None:
    """Publishes how far a reading is."""
    fields = {"status": reading.status.value, "progress": progress_of(reading)}
    events.record(session, topic_of(reading.id), fields)


def progress_of(reading: MediaReading) -> float:
    """The share of its files that are read, from 0 to 1."""
    return round(min(1.0, (reading.read + reading.unreadable) / max(1, reading.total)), 4)


async def count(session: WriteSession, reading_id: int, *, read: int, unreadable: int, duplicated: int) -> None:
    """Adds to what a reading has done."""
    reading = await session.get_one(MediaReading, reading_id, with_for_update=True, populate_existing=True)
    reading.read += read
    reading.unreadable += unreadable
    reading.duplicated += duplicated
    tell(session, reading)


async def finish_reading(session: WriteSession, reading_id: int) -> None:
    """Marks a reading as finished; files that never arrived wait for the next one. Who started it is notified."""
    await _hand_back(session, reading_id)
    reading = await session.get_one(MediaReading, reading_id, with_for_update=True, populate_existing=True)
    reading.status = ReadingStatus.FINISHED
    if reading.storage_key is not None:
        await release(session, reading.storage_key)
    if reading.collection_id is not None:
        await automatic.offer_media_of(session, [reading.collection_id])
    reading.finished_at = await session.scalar(select(func.now()))
    message = (
        f"{reading.read} media were read; {reading.unreadable} files cannot be read, and {reading.duplicated} repeat."
    )
    tell(session, reading)
    await notify_if_visible(session, reading.user_id, message, about=reading, event="finished")


async def reading_failed(session: WriteSession, reading_id: int, reason: str) -> None:
    """Marks a reading as failed, with the reason; what it has read stays, and the rest can be read again."""
    await _hand_back(session, reading_id)
    reading = await session.get_one(MediaReading, reading_id, with_for_update=True)
    reading.status = ReadingStatus.FAILED
    reading.failure = reason[:NOTE_LENGTH_MAX]
    reading.finished_at = await session.scalar(select(func.now()))
    tell(session, reading)
    message = f"Media were not read to the end. {reason}"
    await notify_if_visible(session, reading.user_id, message, about=reading, event="failed")


async def _hand_back(session: WriteSession, reading_id: int) -> None:
    """Leaves what was not read to the next reading; what was to be fetched is only fetched if somebody asks again."""
    to_fetch = delete(MediaUpload).where(MediaUpload.reading_id == reading_id, MediaUpload.resource_id.is_not(None))
    await session.execute(to_fetch.execution_options(synchronize_session=False))
    left = update(MediaUpload).where(MediaUpload.reading_id == reading_id).values(reading_id=None)
    await session.execute(left.execution_options(synchronize_session=False))
