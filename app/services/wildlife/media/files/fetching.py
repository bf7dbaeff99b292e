"""Media that are known by their addresses: fetched when somebody asks, and only then."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import httpx
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid, NotFound
from app.gateways import outside
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.kinds.wildlife import WildlifeJob
from app.models.wildlife.collections import Collection, CollectionResource
from app.models.wildlife.media import Resource, ResourceStatus
from app.models.wildlife.uploads import MediaReading, MediaUpload
from app.policies import Viewer, signed_in, visible
from app.policies.wildlife.projects import WORKERS
from app.queue import enqueue
from app.services.system.files import storage_usage
from app.services.wildlife.media.files import keys, readings
from app.services.wildlife.projects.access import project_to_work_in
from app.settings import settings

WHO = "The server of this medium"


class Unfetched(NamedTuple):
    """A medium that could not be fetched, and why."""

    upload_id: int
    resource_id: int
    reason: str


async def start_fetching(
    session: WriteSession,
    viewer: Viewer,
    *,
    project_id: int,
    resource_ids: Sequence[int] | None,
    collection_id: int | None,
) -> MediaReading:
    """Queues the fetching of media that are known by their addresses: of some, or of all in a collection."""
    if (resource_ids is None) == (collection_id is None):
        raise Invalid("resourceIds", "Give either media or a collection.")
    project = await project_to_work_in(session, viewer, project_id, WORKERS, is_locked=True)
    await storage_usage.require_any_room(session, signed_in(viewer))
    of_project = Resource.research_project_id == project.id
    if collection_id is not None:
        wanted = await _of_collection(session, viewer, project.id, collection_id)
    else:
        wanted = await _named(session, viewer, project.id, resource_ids or ())
    reading = MediaReading(research_project_id=project.id, user_id=signed_in(viewer))
    session.add(reading)
    await session.flush()
    elsewhere = select(Resource).where(of_project, Resource.id.in_(wanted), Resource.status == ResourceStatus.ADDRESS)
    rows = [_waiting(reading, medium) for medium in await session.scalars(elsewhere.order_by(Resource.id))]
    if rows:
        added = insert(MediaUpload).values(rows).on_conflict_do_nothing().returning(MediaUpload.id)
        reading.total = len((await session.scalars(added)).all())
    if not reading.total:
        raise Conflict("There is nothing to fetch: these media are here, or they are being fetched.")
    job = await enqueue(session, WildlifeJob.READ_MEDIA, subject_id=reading.id, user_id=reading.user_id)
    reading.job_id = job.id
    await session.flush()
    return reading


async def _named(session: ReadSession, viewer: Viewer, project_id: int, resource_ids: Sequence[int]) -> list[int]:
    most = settings.media_uploads_at_once_max
    if not 1 <= len(resource_ids) <= most:
        raise Invalid("resourceIds", f"Give 1 to {most} media; these are {len(resource_ids)}.")
    seen = visible(Resource, viewer).where(Resource.research_project_id == project_id, Resource.id.in_(resource_ids))
    visible_ids = set(await session.scalars(seen.with_only_columns(Resource.id)))
    for index, id in enumerate(resource_ids):
        if id not in visible_ids:
            raise NotFound(f"The research project has no medium for item {index + 1} of `resourceIds`.")
    return list(visible_ids)


async def _of_collection(session: ReadSession, viewer: Viewer, project_id: int, collection_id: int) -> list[int]:
    sought = visible(Collection, viewer).where(Collection.id == collection_id)
    if await session.scalar(sought.where(Collection.research_project_id == project_id)) is None:
        raise NotFound("There is no such collection in this research project.")
    members = select(Resource.id).join(CollectionResource, CollectionResource.resource_id == Resource.id)
    elsewhere = members.where(
        CollectionResource.collection_id == collection_id, Resource.status == ResourceStatus.ADDRESS
    )
    most = settings.media_fetched_at_once_max
    return list(await session.scalars(elsewhere.order_by(Resource.id).limit(most)))


def _waiting(reading: MediaReading, medium: Resource) -> dict[str, object]:
    return {
        "research_project_id": medium.research_project_id,
        "user_id": reading.user_id,
        "deployment_id": medium.deployment_id,
        "reading_id": reading.id,
        "resource_id": medium.id,
        "file_path": medium.file_path,
        "size_bytes": 0,
        "sha256": "",
        "storage_key": keys.fresh(medium.research_project_id),
    }


async def fetch(client: httpx.AsyncClient, address: str, path: Path) -> None:
    """Writes what an address has to a file. Outage if it cannot be had, Invalid if it is no address."""
    url = outside.check_url("filePath", address)
    request = client.build_request("GET", url)
    with path.open("wb") as file:
        async for piece in outside.pieces(
            client, request, who=WHO, bytes_max=settings.medium_bytes_max, s_max=settings.media_fetch_s_max
        ):
            file.write(piece)


async def note_unfetched(session: WriteSession, reading_id: int, unfetched: Sequence[Unfetched]) -> None:
    """Says of media why they were not fetched; they can be asked for again."""
    for each in unfetched:
        noted = update(Resource).where(Resource.id == each.resource_id, Resource.status == ResourceStatus.ADDRESS)
        await session.execute(noted.values(read_error=each.reason[:NOTE_LENGTH_MAX]))
    done = delete(MediaUpload).where(MediaUpload.id.in_([each.upload_id for each in unfetched]))
    await session.execute(done)
    await readings.count(session, reading_id, read=0, unreadable=len(unfetched), duplicated=0)
