"""GraphQL types for how media come in and change."""

from datetime import datetime

import strawberry
from strawberry import auto

from app.models.base import BigInt
from app.models.kinds.system import SystemRateLimit
from app.models.kinds.wildlife import WildlifeRateLimit
from app.models.wildlife import uploads as tables
from app.services.wildlife.media import editing
from app.services.wildlife.media.files import uploads
from app.settings import settings
from resolvers.enums import show_enum
from resolvers.wildlife.media import changes as resolve
from resolvers.wildlife.media.fetching import fetch_media
from schema.accounts import User
from schema.deleted import Deleted
from schema.fields import Connection, connection, cursor, field, mutation, one, subscription
from schema.files import UploadLink
from schema.problems import Conflict, InvalidInput, LimitReached, Unavailable
from schema.row import Row, shows
from schema.system.jobs import Job
from schema.wildlife.media.types import Collection, Resource
from schema.wildlife.places.types import Deployment
from schema.wildlife.projects import ResearchProject

for enum in (tables.ReadingStatus, uploads.UploadState):
    show_enum(enum)


@shows(uploads.RequestedUpload)
class RequestedUpload:
    path: str = strawberry.field(description="The path on the memory card.")
    state: uploads.UploadState = strawberry.field(description="Whether it is there.")
    url: str | None = strawberry.field(description="The URL to PUT the file to, if it is missing.")
    media_type: str = strawberry.field(description="The media type to send as Content-Type.")
    bytes_max: BigInt = strawberry.field(description="The size in bytes.")
    expires_at: datetime | None = strawberry.field(description="When the link expires; ask again for a new one.")
    resource: Resource | None = field(resolve.resource_with_path)
    same_content: Resource | None = field(resolve.same_content)


@shows(resolve.RequestedUploads)
class RequestedUploads:
    files: list[RequestedUpload] = strawberry.field(description="The files, in the order in which they were named.")
    missing: int = strawberry.field(description="The number of files that have to be sent.")


@shows(resolve.AddedMedia)
class AddedMedia:
    resources: list[Resource] = strawberry.field(description="The media, in the order in which they were named.")


@shows(editing.MovedMedia)
class MovedMedia:
    count: int = strawberry.field(description="The number of media that were moved, or would be.")
    is_dry_run: bool = strawberry.field(description="Whether nothing was changed.")


@shows(resolve.DeletedMedia)
class DeletedMedia:
    deleted_ids: list[strawberry.ID] = strawberry.field(description="The ids they had.")


class MediaReading(Row, of=tables.MediaReading):
    status: auto
    failure: auto
    total: auto
    read: auto
    unreadable: auto
    duplicated: auto
    created_at: auto
    started_at: auto
    finished_at: auto
    research_project: ResearchProject = one(tables.MediaReading.research_project, needs_read=True)
    user: User | None = one(tables.MediaReading.user)
    deployment: Deployment | None = one(tables.MediaReading.deployment)
    collection: Collection | None = one(tables.MediaReading.collection)
    job: Job | None = one(tables.MediaReading.job)


@shows(resolve.MediaReadingEvent)
class MediaReadingEvent:
    cursor: str = cursor()
    status: tables.ReadingStatus = strawberry.field(description="The status that was reached.")
    progress: float = strawberry.field(description="The share of files that are read, from 0 to 1.")
    media_reading: MediaReading = strawberry.field(description="The current state of the reading.")


@strawberry.type
class MediaChangesQuery:
    media_reading: MediaReading | None = field(resolve.media_reading)
    media_readings: Connection[MediaReading] = connection(resolve.media_readings)


@strawberry.type
class MediaMutation:
    request_media_uploads: RequestedUploads | InvalidInput | LimitReached | Unavailable = mutation(
        resolve.request_media_uploads,
        rate_limit=WildlifeRateLimit.MEDIA_BATCHES,
        request_bytes_max=settings.shape_request_bytes_max,
    )
    request_media_archive_upload: UploadLink | InvalidInput = mutation(
        resolve.request_media_archive_upload, rate_limit=SystemRateLimit.UPLOADS
    )
    read_media: MediaReading | InvalidInput | Conflict = mutation(resolve.read_media, rate_limit=SystemRateLimit.JOBS)
    fetch_media: MediaReading | InvalidInput | Conflict = mutation(fetch_media, rate_limit=SystemRateLimit.JOBS)
    add_media_addresses: AddedMedia | InvalidInput = mutation(
        resolve.add_media_addresses, request_bytes_max=settings.shape_request_bytes_max
    )
    update_resource: Resource | InvalidInput | LimitReached = mutation(resolve.update_resource)
    move_media: MovedMedia | InvalidInput | Conflict = mutation(resolve.move_media)
    delete_media: DeletedMedia | InvalidInput | Conflict = mutation(resolve.delete_media)
    create_collection: Collection | InvalidInput | Conflict = mutation(resolve.create_collection)
    update_collection: Collection | InvalidInput | Conflict = mutation(resolve.update_collection)
    delete_collection: Deleted | Conflict = mutation(resolve.delete_collection)
    add_to_collection: Collection | InvalidInput = mutation(resolve.add_to_collection)
    remove_from_collection: Collection | InvalidInput = mutation(resolve.remove_from_collection)


@strawberry.type
class MediaSubscription:
    media_reading_updated: MediaReadingEvent = subscription(resolve.media_reading_updated)
