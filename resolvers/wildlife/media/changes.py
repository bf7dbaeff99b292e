"""Changes of media and collections."""

from dataclasses import dataclass
from datetime import datetime

import strawberry
from sqlalchemy import Select

from app.events.streams import SourceStream
from app.events.subscribers import StreamEvent
from app.models.base import BigInt
from app.models.wildlife.collections import Collection
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.media import Resource
from app.models.wildlife.projects import ResearchProject
from app.models.wildlife.uploads import MediaReading, ReadingStatus
from app.policies import visible
from app.services.system.files import uploads as system_uploads
from app.services.system.files.uploads import UploadLink
from app.services.wildlife.media import collections, editing
from app.services.wildlife.media.editing import MovedMedia
from app.services.wildlife.media.files import readings, uploads
from app.services.wildlife.media.files.uploads import RequestedUpload
from resolvers import ids
from resolvers.context import Info
from resolvers.deleted import Deleted
from resolvers.loaders import RowOrReference
from resolvers.optional_arguments import provided


@strawberry.input(description="A file of a memory card.")
class MediaFileInput:
    """What is known of a file before it is sent."""

    path: str = strawberry.field(description="The path on the memory card.")
    bytes: BigInt = strawberry.field(description="The size in bytes.")
    sha256: str = strawberry.field(description="The SHA-256 of the content, in hexadecimal.")


@strawberry.input(description="A medium that stays where it is.")
class MediaAddressInput:
    """An address, with what is known of what is there."""

    url: str = strawberry.field(description="The address.")
    recorded_at: datetime | None = strawberry.field(default=None, description="When it was recorded, if that is known.")


@dataclass(frozen=True)
class RequestedUploads:
    """What is there of the files of a memory card, and the links for the rest."""

    files: list[RequestedUpload]

    @property
    def missing(self) -> int:
        """The number of files that have to be sent."""
        return sum(file.state is uploads.UploadState.MISSING for file in self.files)


@dataclass(frozen=True)
class AddedMedia:
    """Media that were added."""

    resources: list[Resource]


@dataclass(frozen=True)
class DeletedMedia:
    """Media that are gone."""

    deleted_ids: list[strawberry.ID]


@dataclass(frozen=True)
class MediaReadingEvent:
    """How far a reading of media is."""

    cursor: str
    status: ReadingStatus
    progress: float
    media_reading: MediaReading


def _key(id: strawberry.ID | None, model: type[Deployment] | type[Collection]) -> int | None:
    return None if id is None else ids.key(id, model)


async def request_media_uploads(
    info: Info,
    research_project_id: strawberry.ID,
    files: list[MediaFileInput],
    deployment_id: strawberry.ID | None = None,
) -> RequestedUploads:
    """Says which files of a memory card are there already, and returns links for those that are missing.

    Asked again, it says what is still missing, so that a broken upload continues. Afterwards `readMedia` reads them.

    research_project_id: The research project.
    files: The files, at most {settings.media_uploads_at_once_max}.
    deployment_id: The deployment that they are of. Without it, media get the deployment of their camera's serial
        number, or wait for `moveMedia`.
    """
    viewer = info.context.viewer
    asked = [uploads.MediaFile(file.path, file.bytes, file.sha256) for file in files]
    async with (
        uploads.pace_media_bytes(info.context.rates, viewer, bytes=sum(file.bytes for file in asked)),
        info.context.writing() as session,
    ):
        requested = await uploads.request_uploads(
            session,
            viewer,
            project_id=ids.key(research_project_id, ResearchProject),
            deployment_id=_key(deployment_id, Deployment),
            files=asked,
        )
    return RequestedUploads(requested)


async def resource_with_path(root: strawberry.Parent[RequestedUpload], info: Info) -> RowOrReference[Resource] | None:
    """The medium with this path, if there is one."""
    # Nothing changed it: a key that may not read sees of it what strangers see.
    return None if root.resource is None else await info.context.load.one(Resource, root.resource.id)


async def same_content(root: strawberry.Parent[RequestedUpload], info: Info) -> RowOrReference[Resource] | None:
    """Another medium of the project with the same content, if there is one. It is no reason not to send."""
    return None if root.same_content is None else await info.context.load.one(Resource, root.same_content.id)


async def request_media_archive_upload(info: Info, bytes: int) -> UploadLink:
    """Returns a link to upload a ZIP of media to; pass its `upload` to `readMedia` afterwards.

    Folders named like the id of a deployment say which deployment their files are of. `locations.csv` and
    `deployments.csv` at the top are imported first.

    bytes: The size in bytes, at most {settings.upload_bytes_max}.
    """
    viewer = info.context.viewer
    async with system_uploads.pace_bytes(info.context.rates, viewer, bytes=bytes), info.context.writing() as session:
        return await readings.archive_upload(session, viewer, bytes=bytes)


async def read_media(
    info: Info,
    research_project_id: strawberry.ID,
    deployment_id: strawberry.ID | None = None,
    collection_id: strawberry.ID | None = None,
    upload: str | None = None,
) -> MediaReading:
    """Starts one job that reads what was uploaded. Files that cannot be read are kept and listed with the reason.

    research_project_id: The research project.
    deployment_id: The deployment whose uploads are read; without it, uploads without a deployment are.
    collection_id: The collection that the media go to.
    upload: The `upload` value of the link that a ZIP was uploaded to, to read that instead.
    """
    viewer = info.context.viewer
    archive = None
    if upload is not None:
        archive = await system_uploads.uploaded(viewer, upload, use=readings.ARCHIVE)
    async with info.context.writing() as session:
        return await readings.start_reading(
            session,
            viewer,
            project_id=ids.key(research_project_id, ResearchProject),
            deployment_id=_key(deployment_id, Deployment),
            collection_id=_key(collection_id, Collection),
            archive=archive,
        )


async def media_reading(info: Info, id: strawberry.ID) -> RowOrReference[MediaReading]:
    """A reading of media by its id. Visible to members of the research project.

    id: The id of the reading.
    """
    return await info.context.find(MediaReading, id)


def media_readings(info: Info, research_project_id: strawberry.ID | None = None) -> Select[MediaReading]:
    """Readings of media, as far as the viewer is a member of their research projects.

    research_project_id: Only readings of this research project.
    """
    query = visible(MediaReading, info.context.viewer)
    if research_project_id is None:
        return query
    return query.where(MediaReading.research_project_id == ids.key(research_project_id, ResearchProject))


async def media_reading_updated(
    info: Info, media_reading_id: strawberry.ID, after: str | None = None
) -> SourceStream[MediaReadingEvent]:
    """The progress of a reading of media. Completes when the reading ends.

    media_reading_id: The reading.
    after: The cursor to continue after; missed events come first. Without it, the current state comes first.
    """

    async def read(event: StreamEvent) -> MediaReadingEvent:
        now = await info.context.renewed().read(MediaReading, media_reading_id)
        status = ReadingStatus(event.payload["status"])
        return MediaReadingEvent(event.position.cursor, status, event.payload["progress"], now)

    start = await info.context.events.beginning(after)
    reading = await info.context.read(MediaReading, media_reading_id)
    return SourceStream.of_work(
        info.context.events,
        readings.topic_of(reading.id),
        start,
        read,
        now=MediaReadingEvent(start.cursor, reading.status, readings.progress_of(reading), reading),
        after=after,
        is_over=lambda event: event.status.is_final,
    )


async def add_media_addresses(
    info: Info,
    research_project_id: strawberry.ID,
    media: list[MediaAddressInput],
    deployment_id: strawberry.ID | None = None,
) -> AddedMedia:
    """Adds media by their addresses alone. Nothing is fetched.

    research_project_id: The research project.
    media: The addresses, at most {settings.media_uploads_at_once_max}.
    deployment_id: The deployment that they are of.
    """
    asked = [editing.MediaAddress(each.url, each.recorded_at) for each in media]
    async with info.context.writing() as session:
        added = await editing.add_addresses(
            session,
            info.context.viewer,
            project_id=ids.key(research_project_id, ResearchProject),
            deployment_id=_key(deployment_id, Deployment),
            media=asked,
        )
    return AddedMedia(added)


async def update_resource(
    info: Info,
    id: strawberry.ID,
    description: strawberry.Maybe[str | None] = None,
    tags: strawberry.Maybe[list[str]] = None,
) -> Resource:
    """Updates what people say of a medium.

    id: The medium.
    description: A description; null clears it.
    tags: Its tags.
    """
    changes = provided(description=description, tags=tags)
    async with info.context.writing() as session:
        return await editing.update_resource(session, info.context.viewer, ids.key(id, Resource), changes)


async def move_media(
    info: Info,
    research_project_id: strawberry.ID,
    to_deployment_id: strawberry.ID | None = None,
    resource_ids: list[strawberry.ID] | None = None,
    serial_number: str | None = None,
    from_deployment_id: strawberry.ID | None = None,
    is_unassigned: bool = False,
    dry_run: bool = False,
) -> MovedMedia:
    """Gives media another deployment, all of them or none, for example those of a camera whose number was wrong.

    research_project_id: The research project.
    to_deployment_id: The deployment that they are of; null if nobody knows it.
    resource_ids: The media, at most {settings.list_length_max}; or else those that the other arguments describe.
    serial_number: Media with this serial number of the camera.
    from_deployment_id: Media of this deployment.
    is_unassigned: Media without a deployment.
    dry_run: Whether to say only how many would be moved.
    """
    project_key = ids.key(research_project_id, ResearchProject)
    keys = None if resource_ids is None else [ids.key(id, Resource) for id in resource_ids]
    which = editing.chosen(
        project_key, keys, serial_number, _key(from_deployment_id, Deployment), is_unassigned=is_unassigned
    )
    async with info.context.writing() as session:
        return await editing.move_media(
            session,
            info.context.viewer,
            project_id=project_key,
            which=which,
            expected=None if keys is None else len(set(keys)),
            to_deployment_id=_key(to_deployment_id, Deployment),
            is_dry_run=dry_run,
        )


async def delete_media(
    info: Info, research_project_id: strawberry.ID, resource_ids: list[strawberry.ID]
) -> DeletedMedia:
    """Deletes media with their files, all of them or none. For managers of the research project.

    research_project_id: The research project.
    resource_ids: The media, at most {settings.list_length_max}.
    """
    keys = [ids.key(id, Resource) for id in resource_ids]
    async with info.context.writing() as session:
        await editing.delete_media(
            session,
            info.context.viewer,
            project_id=ids.key(research_project_id, ResearchProject),
            resource_ids=keys,
        )
    return DeletedMedia(list(resource_ids))


async def create_collection(
    info: Info, research_project_id: strawberry.ID, name: str, description: str | None = None
) -> Collection:
    """Creates an empty collection.

    research_project_id: The research project.
    name: The name, unique within the research project, ignoring case.
    description: A description.
    """
    async with info.context.writing() as session:
        return await collections.create_collection(
            session,
            info.context.viewer,
            ids.key(research_project_id, ResearchProject),
            name=name,
            description=description,
        )


async def update_collection(
    info: Info,
    id: strawberry.ID,
    name: strawberry.Maybe[str] = None,
    description: strawberry.Maybe[str | None] = None,
) -> Collection:
    """Updates the given fields of a collection.

    id: The collection.
    name: The new name.
    description: A description; null clears it.
    """
    changes = provided(name=name, description=description)
    async with info.context.writing() as session:
        return await collections.update_collection(session, info.context.viewer, ids.key(id, Collection), changes)


async def delete_collection(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a collection. Its media stay in the research project.

    id: The collection.
    """
    async with info.context.writing() as session:
        return Deleted.of(await collections.delete_collection(session, info.context.viewer, ids.key(id, Collection)))


async def add_to_collection(
    info: Info,
    id: strawberry.ID,
    resource_ids: list[strawberry.ID] | None = None,
    deployment_id: strawberry.ID | None = None,
) -> Collection:
    """Puts media into a collection of the same research project. Those in it already stay.

    id: The collection.
    resource_ids: The media, at most {settings.list_length_max}.
    deployment_id: All media of this deployment instead.
    """
    keys = [ids.key(each, Resource) for each in resource_ids or []]
    async with info.context.writing() as session:
        return await collections.add_to_collection(
            session,
            info.context.viewer,
            ids.key(id, Collection),
            resource_ids=keys,
            deployment_id=_key(deployment_id, Deployment),
        )


async def remove_from_collection(info: Info, id: strawberry.ID, resource_ids: list[strawberry.ID]) -> Collection:
    """Takes media out of a collection. They stay in the research project.

    id: The collection.
    resource_ids: The media, at most {settings.list_length_max}.
    """
    keys = [ids.key(each, Resource) for each in resource_ids]
    async with info.context.writing() as session:
        return await collections.remove_from_collection(
            session, info.context.viewer, ids.key(id, Collection), resource_ids=keys
        )
