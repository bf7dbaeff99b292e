"""GraphQL types for classification projects."""

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app.models.wildlife import classification_projects as tables
from resolvers.wildlife.classifications import projects as resolve
from schema.accounts import User
from schema.deleted import Deleted
from schema.fields import Connection, connection, field, many, mutation, one
from schema.problems import Conflict, InvalidInput
from schema.row import Row, adds_fields
from schema.wildlife.classifications.classificators import Classificator
from schema.wildlife.media.types import Collection
from schema.wildlife.projects import ResearchProject
from schema.wildlife.providers.types import AIProvider

if TYPE_CHECKING:
    from schema.wildlife.classifications.types import Classification


class ClassificationProject(Row, of=tables.ClassificationProject):
    name: auto
    status: auto
    sequence_gap_s: auto
    requires_ai: auto
    detection_confidence_min: auto
    species_confidence_min: auto
    iou_min: auto
    humans: auto
    vehicles: auto
    video_fps: auto
    disabled_at: auto
    resource_count: auto
    approved_count: auto
    classified_count: auto
    classified_ai_count: auto
    created_at: auto
    last_modified: auto
    research_project: ResearchProject = one(tables.ClassificationProject.research_project, needs_read=True)
    owner: User | None = one(tables.ClassificationProject.owner)
    disabled_by: User | None = one(tables.ClassificationProject.disabled_by)
    classificator: Classificator | None = one(tables.ClassificationProject.classificator)
    detection_provider: AIProvider | None = one(tables.ClassificationProject.detection_provider)
    species_provider: AIProvider | None = one(tables.ClassificationProject.species_provider)
    members: Connection["ClassificationProjectMember"] = many(tables.ClassificationProject.members)
    collections: Connection["ClassificationProjectCollection"] = many(tables.ClassificationProject.collections)


@adds_fields(ResearchProject)
class OfResearchProjects:
    classification_projects: Connection[ClassificationProject] = many(tables.RESEARCH_PROJECT_CLASSIFICATION_PROJECTS)


class ClassificationProjectMember(Row, of=tables.ClassificationProjectMember):
    role: auto
    created_at: auto
    project: ClassificationProject = one(tables.ClassificationProjectMember.project, needs_read=True)
    user: User | None = one(tables.ClassificationProjectMember.user)


class ClassificationProjectCollection(Row, of=tables.ClassificationProjectCollection):
    is_active: auto
    filled_at: auto
    total_count: auto
    approved_count: auto
    classified_count: auto
    classified_ai_count: auto
    created_at: auto
    project: ClassificationProject = one(tables.ClassificationProjectCollection.project, needs_read=True)
    collection: Collection = one(tables.ClassificationProjectCollection.collection, needs_read=True)
    classifications: Connection[
        Annotated["Classification", strawberry.lazy("schema.wildlife.classifications.types")]
    ] = many(tables.ClassificationProjectCollection.classifications)


@strawberry.type
class ClassificationProjectsQuery:
    classification_project: ClassificationProject | None = field(resolve.classification_project)
    classification_projects: Connection[ClassificationProject] = connection(
        resolve.classification_projects, order=resolve.ClassificationProjectOrder
    )
    classification_project_collection: ClassificationProjectCollection | None = field(
        resolve.classification_project_collection
    )


@strawberry.type
class ClassificationProjectsMutation:
    create_classification_project: ClassificationProject | InvalidInput | Conflict = mutation(
        resolve.create_classification_project
    )
    update_classification_project: ClassificationProject | InvalidInput | Conflict = mutation(
        resolve.update_classification_project
    )
    delete_classification_project: Deleted | Conflict = mutation(resolve.delete_classification_project)
    set_classification_project_member: ClassificationProjectMember | InvalidInput | Conflict = mutation(
        resolve.set_classification_project_member
    )
    remove_classification_project_member: Deleted | Conflict = mutation(resolve.remove_classification_project_member)
    add_classification_project_collection: ClassificationProjectCollection | InvalidInput | Conflict = mutation(
        resolve.add_classification_project_collection
    )
    update_classification_project_collection: ClassificationProjectCollection | Conflict = mutation(
        resolve.update_classification_project_collection
    )
    remove_classification_project_collection: Deleted | Conflict = mutation(
        resolve.remove_classification_project_collection
    )
