"""GraphQL types for media, sequences and collections."""

import strawberry
from strawberry import auto
from strawberry.scalars import JSON

from app.models.wildlife import collections as collection_tables
from app.models.wildlife import media as tables
from app.services.wildlife.media.files.file_links import MediaSize, of_ones_own_project
from resolvers.enums import show_enum
from resolvers.wildlife.media import media_links, pictures
from resolvers.wildlife.media import queries as resolve
from schema.accounts import User
from schema.fields import Connection, computed, connection, field, many, one
from schema.row import Row
from schema.wildlife.places.types import Deployment
from schema.wildlife.projects import ResearchProject

for enum in (tables.ResourceType, tables.ResourceStatus, tables.TimeSource, MediaSize):
    show_enum(enum)


class Sequence(Row, of=tables.Sequence):
    sequence_id: auto
    starts_at: auto
    ends_at: auto
    resource_count: auto
    created_at: auto
    research_project: ResearchProject = one(tables.Sequence.research_project, needs_read=True)
    deployment: Deployment = one(tables.Sequence.deployment, needs_read=True)
    resources: Connection["Resource"] = many(tables.Sequence.resources)


class Resource(Row, of=tables.Resource):
    media_id: auto
    name: auto
    file_path: auto
    status: auto
    read_error: auto
    resource_type: auto
    mime_type: auto
    size_bytes: auto
    sha256: auto
    width: auto
    height: auto
    brightness: auto
    fps: auto
    duration_s: auto
    frame_count: auto
    declared_frame_count: auto
    exif: JSON | None = computed(resolve.exif)
    camera_make: auto
    camera_model: auto
    serial_number: auto
    camera_time: auto
    camera_utc_offset_minutes: auto
    time_source: auto
    recorded_at: auto
    date_recorded_correct: auto
    contains_people: auto
    contains_vehicles: auto
    description: auto
    tags: auto
    created_at: auto
    last_modified: auto
    research_project: ResearchProject = one(tables.Resource.research_project, needs_read=True)
    deployment: Deployment | None = one(tables.Resource.deployment)
    sequence: Sequence | None = one(tables.Resource.sequence)
    owner: User | None = one(tables.Resource.owner)
    picture_link: str | None = field(media_links.picture_link, prefetch=of_ones_own_project)
    original_link: str | None = field(media_links.original_link, prefetch=of_ones_own_project)
    annotated_link: str | None = field(pictures.annotated_link)
    duplicate_of: "Resource | None" = one(tables.Resource.duplicate_of)
    duplicates: Connection["Resource"] = many(tables.Resource.duplicates)
    collections: Connection["CollectionResource"] = many(tables.Resource.collection_items)


class Collection(Row, of=collection_tables.Collection):
    name: auto
    description: auto
    created_at: auto
    last_modified: auto
    research_project: ResearchProject = one(collection_tables.Collection.research_project, needs_read=True)
    owner: User | None = one(collection_tables.Collection.owner)
    items: Connection["CollectionResource"] = many(collection_tables.Collection.items)


class CollectionResource(Row, of=collection_tables.CollectionResource):
    created_at: auto
    collection: Collection = one(collection_tables.CollectionResource.collection, needs_read=True)
    resource: Resource = one(collection_tables.CollectionResource.resource, needs_read=True)


@strawberry.type
class MediaQuery:
    resource: Resource | None = field(resolve.resource)
    resources: Connection[Resource] = connection(resolve.resources, order=resolve.ResourceOrder)
    sequence: Sequence | None = field(resolve.sequence)
    sequences: Connection[Sequence] = connection(resolve.sequences, order=resolve.SequenceOrder)
    collection: Collection | None = field(resolve.collection)
    collections: Connection[Collection] = connection(resolve.collections, order=resolve.CollectionOrder)
