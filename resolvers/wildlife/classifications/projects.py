"""Classification projects, their members and collections."""

from typing import Any

import strawberry
from sqlalchemy import Select

from app import checks
from app.limits.wildlife import PROJECT_NAME_LENGTH_MAX
from app.models.accounts import User
from app.models.wildlife.classification_projects import (
    ClassificationProject,
    ClassificationProjectCollection,
    ClassificationProjectMember,
    ClassificationProjectRole,
    ClassificationProjectStatus,
    Exposure,
)
from app.models.wildlife.classificators import Classificator
from app.models.wildlife.collections import Collection
from app.models.wildlife.projects import ResearchProject
from app.pagination import Order
from app.policies import visible
from app.services.wildlife.classification_projects import collections, editing, members
from resolvers import ids
from resolvers.context import Info
from resolvers.deleted import Deleted
from resolvers.loaders import RowOrReference
from resolvers.optional_arguments import provided
from resolvers.wildlife.providers.queries import provider_key


class ClassificationProjectOrder(Order):
    """By age or by name.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    NAME: By name, from A to Z.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    NAME = ("name", False)


async def classification_project(info: Info, id: strawberry.ID) -> RowOrReference[ClassificationProject]:
    """A classification project by its id.

    id: The id of the project.
    """
    return await info.context.find(ClassificationProject, id)


def classification_projects(
    info: Info,
    research_project_id: strawberry.ID | None = None,
    status: ClassificationProjectStatus | None = None,
    search: str | None = None,
) -> Select[ClassificationProject]:
    """Classification projects of research projects that the viewer is a member of.

    research_project_id: Only projects of this research project.
    status: Only projects with this status.
    search: Only projects whose name contains this text, ignoring case.
    """
    query = visible(ClassificationProject, info.context.viewer)
    if research_project_id is not None:
        key = ids.key(research_project_id, ResearchProject)
        query = query.where(ClassificationProject.research_project_id == key)
    if status is not None:
        query = query.where(ClassificationProject.status == status)
    sought = checks.optional_text("search", search, length_max=PROJECT_NAME_LENGTH_MAX)
    return query if sought is None else query.where(ClassificationProject.name.icontains(sought, autoescape=True))


async def classification_project_collection(
    info: Info, id: strawberry.ID
) -> RowOrReference[ClassificationProjectCollection]:
    """A collection of a classification project by its id.

    id: The id of the collection within the project.
    """
    return await info.context.find(ClassificationProjectCollection, id)


def _optional_key(id: str | None, model: Any) -> int | None:
    return None if id is None else ids.key(id, model)


async def create_classification_project(
    info: Info,
    research_project_id: strawberry.ID,
    name: str,
    classificator_id: strawberry.ID | None = None,
    detection_provider_id: strawberry.ID | None = None,
    species_provider_id: strawberry.ID | None = None,
    sequence_gap_s: int = 300,
    requires_ai: bool = False,
    detection_confidence_min: float = 0.2,
    species_confidence_min: float = 0.5,
    iou_min: float = 0.5,
    humans: Exposure = Exposure.BLURRED,
    vehicles: Exposure = Exposure.BLURRED,
    video_fps: float = 1.0,
) -> ClassificationProject:
    """Creates a classification project, owned by the viewer. For managers of the research project.

    research_project_id: The research project.
    name: The name, unique within the research project, ignoring case.
    classificator_id: The attributes in use.
    detection_provider_id: The AI provider that finds objects.
    species_provider_id: The AI provider that names species.
    sequence_gap_s: The longest pause within a sequence, in seconds.
    requires_ai: Whether new media are sent to the providers automatically.
    detection_confidence_min: Detections below this confidence are dropped, 0 to 1.
    species_confidence_min: Species below this confidence are not taken over, 0 to 1.
    iou_min: The overlap from which two boxes are taken for the same object, 0 to 1.
    humans: How pictures with people are shown outside the project.
    vehicles: How pictures with vehicles are shown outside the project.
    video_fps: The frames of a video that AI looks at, per second.
    """
    async with info.context.writing() as session:
        return await editing.create_classification_project(
            session,
            info.context.viewer,
            research_project_id=ids.key(research_project_id, ResearchProject),
            name=name,
            classificator_id=_optional_key(classificator_id, Classificator),
            detection_provider_id=None if detection_provider_id is None else provider_key(detection_provider_id),
            species_provider_id=None if species_provider_id is None else provider_key(species_provider_id),
            sequence_gap_s=sequence_gap_s,
            requires_ai=requires_ai,
            detection_confidence_min=detection_confidence_min,
            species_confidence_min=species_confidence_min,
            iou_min=iou_min,
            humans=humans,
            vehicles=vehicles,
            video_fps=video_fps,
        )


async def update_classification_project(
    info: Info,
    id: strawberry.ID,
    name: strawberry.Maybe[str] = None,
    status: strawberry.Maybe[ClassificationProjectStatus] = None,
    classificator_id: strawberry.Maybe[strawberry.ID | None] = None,
    detection_provider_id: strawberry.Maybe[strawberry.ID | None] = None,
    species_provider_id: strawberry.Maybe[strawberry.ID | None] = None,
    sequence_gap_s: strawberry.Maybe[int] = None,
    requires_ai: strawberry.Maybe[bool] = None,
    detection_confidence_min: strawberry.Maybe[float] = None,
    species_confidence_min: strawberry.Maybe[float] = None,
    iou_min: strawberry.Maybe[float] = None,
    humans: strawberry.Maybe[Exposure] = None,
    vehicles: strawberry.Maybe[Exposure] = None,
    video_fps: strawberry.Maybe[float] = None,
) -> ClassificationProject:
    """Updates the given fields of a classification project. For its admins.

    id: The project.
    name: The new name.
    status: Ongoing, or finished: then nobody classifies or approves.
    classificator_id: The attributes in use from now on; null for none.
    detection_provider_id: The AI provider that finds objects; null for none.
    species_provider_id: The AI provider that names species; null for none.
    sequence_gap_s: The longest pause within a sequence, in seconds.
    requires_ai: Whether new media are sent to the providers automatically.
    detection_confidence_min: Detections below this confidence are dropped, 0 to 1.
    species_confidence_min: Species below this confidence are not taken over, 0 to 1.
    iou_min: The overlap from which two boxes are taken for the same object, 0 to 1.
    humans: How pictures with people are shown outside the project.
    vehicles: How pictures with vehicles are shown outside the project.
    video_fps: The frames of a video that AI looks at, per second.
    """
    changes = provided(
        name=name,
        status=status,
        sequence_gap_s=sequence_gap_s,
        requires_ai=requires_ai,
        detection_confidence_min=detection_confidence_min,
        species_confidence_min=species_confidence_min,
        iou_min=iou_min,
        humans=humans,
        vehicles=vehicles,
        video_fps=video_fps,
    )
    if classificator_id is not None:
        changes["classificator_id"] = _optional_key(classificator_id.value, Classificator)
    providers = {"detection_provider_id": detection_provider_id, "species_provider_id": species_provider_id}
    for field, id_ in provided(**providers).items():
        changes[field] = None if id_ is None else provider_key(id_)
    async with info.context.writing() as session:
        return await editing.update_classification_project(
            session, info.context.viewer, ids.key(id, ClassificationProject), changes
        )


async def delete_classification_project(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a classification project. If it has approved classifications, these are kept, and nobody works on it.

    id: The project.
    """
    async with info.context.writing() as session:
        return Deleted.of(
            await editing.delete_classification_project(
                session, info.context.viewer, ids.key(id, ClassificationProject)
            )
        )


async def set_classification_project_member(
    info: Info, project_id: strawberry.ID, user_id: strawberry.ID, role: ClassificationProjectRole
) -> ClassificationProjectMember:
    """Adds a member to a classification project, or changes their role. For its admins.

    project_id: The project.
    user_id: The user, a member of the research project.
    role: What the member may do.
    """
    async with info.context.writing() as session:
        return await members.set_member(
            session,
            info.context.viewer,
            project_id=ids.key(project_id, ClassificationProject),
            user_id=ids.key(user_id, User),
            role=role,
        )


async def remove_classification_project_member(info: Info, id: strawberry.ID) -> Deleted:
    """Removes a member; their classifications stay. For admins, and for members who leave.

    id: The membership.
    """
    async with info.context.writing() as session:
        return Deleted.of(
            await members.remove_member(session, info.context.viewer, ids.key(id, ClassificationProjectMember))
        )


async def add_classification_project_collection(
    info: Info, project_id: strawberry.ID, collection_id: strawberry.ID
) -> ClassificationProjectCollection:
    """Adds a collection to a classification project: each of its media gets a FINAL. For admins of the project.

    project_id: The project.
    collection_id: A collection of the same research project.
    """
    async with info.context.writing() as session:
        return await collections.link_collection(
            session,
            info.context.viewer,
            project_id=ids.key(project_id, ClassificationProject),
            collection_id=ids.key(collection_id, Collection),
        )


async def update_classification_project_collection(
    info: Info, id: strawberry.ID, is_active: bool
) -> ClassificationProjectCollection:
    """Says whether the media of a collection are worked on. For admins of the project.

    id: The collection within the project.
    is_active: Whether its media are worked on.
    """
    async with info.context.writing() as session:
        return await collections.activate_collection(
            session, info.context.viewer, ids.key(id, ClassificationProjectCollection), is_active=is_active
        )


async def remove_classification_project_collection(info: Info, id: strawberry.ID) -> Deleted:
    """Removes a collection from a classification project. Media that were classified stay in it. For its admins.

    id: The collection within the project.
    """
    async with info.context.writing() as session:
        return Deleted.of(
            await collections.unlink_collection(
                session, info.context.viewer, ids.key(id, ClassificationProjectCollection)
            )
        )
