"""Media, their sequences, and collections."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select, case, exists, null, select

from app import checks
from app.limits.wildlife import FILE_PATH_LENGTH_MAX, PROJECT_NAME_LENGTH_MAX
from app.models.wildlife.collections import Collection, CollectionResource
from app.models.wildlife.deployments import Deployment, Location
from app.models.wildlife.media import Resource, ResourceStatus, ResourceType, Sequence
from app.models.wildlife.projects import ResearchProject
from app.pagination import Order
from app.policies import AnyViewer, visible
from app.policies.wildlife.projects import is_member
from resolvers import ids
from resolvers.context import Info
from resolvers.loaders import RowOrReference


class ResourceOrder(Order):
    """By age of the row, or by the time of recording. Media without a time come last.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)


class SequenceOrder(Order):
    """By age of the row, or by the time of the first medium.

    OLDEST: The oldest first.
    NEWEST: The newest first.
    FIRST_START: The earliest first medium first.
    LAST_START: The latest first medium first.
    """

    OLDEST = ("id", False)
    NEWEST = ("id", True)
    FIRST_START = ("starts_at", False)
    LAST_START = ("starts_at", True)


class CollectionOrder(Order):
    """By age or by name.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    NAME: By name, from A to Z.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    NAME = ("name", False)


def exif(viewer: AnyViewer) -> ColumnElement[Any]:
    """What the camera wrote into the file, without positions. Null for viewers who are not members of the project."""
    return case((is_member(viewer, Resource.research_project_id), Resource.exif), else_=null())


async def resource(info: Info, id: strawberry.ID) -> RowOrReference[Resource]:
    """A medium by its id.

    id: The id of the medium.
    """
    return await info.context.find(Resource, id)


def resources(
    info: Info,
    research_project_id: strawberry.ID | None = None,
    deployment_id: strawberry.ID | None = None,
    location_id: strawberry.ID | None = None,
    collection_id: strawberry.ID | None = None,
    sequence_id: strawberry.ID | None = None,
    status: ResourceStatus | None = None,
    resource_type: ResourceType | None = None,
    recorded_from: datetime | None = None,
    recorded_to: datetime | None = None,
    date_recorded_correct: bool | None = None,
    is_duplicate: bool | None = None,
    has_deployment: bool | None = None,
    is_of_another_camera: bool | None = None,
    serial_number: str | None = None,
    sha256: str | None = None,
    search: str | None = None,
) -> Select[Resource]:
    """Media.

    research_project_id: Only media of this research project.
    deployment_id: Only media of this deployment.
    location_id: Only media of deployments at this location.
    collection_id: Only media in this collection.
    sequence_id: Only media of this sequence.
    status: Only media with this status; UNREADABLE lists files that cannot be read, with the reason in `readError`.
    resource_type: Only pictures, videos or sounds.
    recorded_from: Only media recorded at this time or later.
    recorded_to: Only media recorded at this time or earlier.
    date_recorded_correct: Only media recorded within their deployment, or outside of it.
    is_duplicate: Only media whose content the project already had, or only others.
    has_deployment: Only media of a deployment, or only those whose deployment nobody knows yet.
    is_of_another_camera: Only media whose serial number is not that of their deployment's camera, or only others.
    serial_number: Only media with this serial number of the camera.
    sha256: Only media with this content.
    search: Only media whose path contains this text, ignoring case.
    """
    query = visible(Resource, info.context.viewer)
    if research_project_id is not None:
        query = query.where(Resource.research_project_id == ids.key(research_project_id, ResearchProject))
    if deployment_id is not None:
        query = query.where(Resource.deployment_id == ids.key(deployment_id, Deployment))
    if location_id is not None:
        at = select(Deployment.id).where(Deployment.location_id == ids.key(location_id, Location))
        query = query.where(Resource.deployment_id.in_(at))
    if collection_id is not None:
        of = CollectionResource.collection_id == ids.key(collection_id, Collection)
        query = query.where(exists().where(of, CollectionResource.resource_id == Resource.id))
    if sequence_id is not None:
        query = query.where(Resource.sequence_id == ids.key(sequence_id, Sequence))
    for condition in _conditions(
        status, resource_type, date_recorded_correct, is_duplicate, has_deployment, is_of_another_camera
    ):
        query = query.where(condition)
    for condition in _recorded(recorded_from, recorded_to):
        query = query.where(condition)
    if serial_number is not None:
        query = query.where(Resource.serial_number == serial_number)
    if sha256 is not None:
        query = query.where(Resource.sha256 == sha256.lower())
    sought = checks.optional_text("search", search, length_max=FILE_PATH_LENGTH_MAX)
    return query if sought is None else query.where(Resource.file_path.icontains(sought, autoescape=True))


def _conditions(
    status: ResourceStatus | None,
    resource_type: ResourceType | None,
    date_recorded_correct: bool | None,
    is_duplicate: bool | None,
    has_deployment: bool | None,
    is_of_another_camera: bool | None,
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if status is not None:
        conditions.append(Resource.status == status)
    if resource_type is not None:
        conditions.append(Resource.resource_type == resource_type)
    if date_recorded_correct is not None:
        conditions.append(Resource.date_recorded_correct == date_recorded_correct)
    if is_duplicate is not None:
        conditions.append(Resource.duplicate_of_id.is_not(None) == is_duplicate)
    if has_deployment is not None:
        conditions.append(Resource.deployment_id.is_not(None) == has_deployment)
    if is_of_another_camera is not None:
        other = exists().where(Deployment.id == Resource.deployment_id, Deployment.camera_id != Resource.serial_number)
        conditions.append(other if is_of_another_camera else ~other)
    return conditions


def _recorded(begin: datetime | None, end: datetime | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if begin is not None:
        conditions.append(Resource.recorded_at >= checks.moment("recordedFrom", begin))
    if end is not None:
        conditions.append(Resource.recorded_at <= checks.moment("recordedTo", end))
    return conditions


async def sequence(info: Info, id: strawberry.ID) -> RowOrReference[Sequence]:
    """A sequence by its id.

    id: The id of the sequence.
    """
    return await info.context.find(Sequence, id)


def sequences(
    info: Info,
    research_project_id: strawberry.ID | None = None,
    deployment_id: strawberry.ID | None = None,
    starts_from: datetime | None = None,
    starts_to: datetime | None = None,
    sequence_id: str | None = None,
) -> Select[Sequence]:
    """Sequences.

    research_project_id: Only sequences of this research project.
    deployment_id: Only sequences of this deployment.
    starts_from: Only sequences that begin at this time or later.
    starts_to: Only sequences that begin at this time or earlier.
    sequence_id: Only the sequence with this UUID.
    """
    query = visible(Sequence, info.context.viewer)
    if research_project_id is not None:
        query = query.where(Sequence.research_project_id == ids.key(research_project_id, ResearchProject))
    if deployment_id is not None:
        query = query.where(Sequence.deployment_id == ids.key(deployment_id, Deployment))
    if starts_from is not None:
        query = query.where(Sequence.starts_at >= checks.moment("startsFrom", starts_from))
    if starts_to is not None:
        query = query.where(Sequence.starts_at <= checks.moment("startsTo", starts_to))
    return query if sequence_id is None else query.where(Sequence.sequence_id == sequence_id)


async def collection(info: Info, id: strawberry.ID) -> RowOrReference[Collection]:
    """A collection by its id.

    id: The id of the collection.
    """
    return await info.context.find(Collection, id)


def collections(
    info: Info, research_project_id: strawberry.ID | None = None, search: str | None = None
) -> Select[Collection]:
    """Collections.

    research_project_id: Only collections of this research project.
    search: Only collections whose name contains this text, ignoring case.
    """
    query = visible(Collection, info.context.viewer)
    if research_project_id is not None:
        query = query.where(Collection.research_project_id == ids.key(research_project_id, ResearchProject))
    sought = checks.optional_text("search", search, length_max=PROJECT_NAME_LENGTH_MAX)
    return query if sought is None else query.where(Collection.name.icontains(sought, autoescape=True))
