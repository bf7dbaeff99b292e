"""A season in a classification project: its media, its people, and what AI and people say."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from app.database import Database
from app.models.wildlife.classification_projects import (
    ClassificationProject,
    ClassificationProjectCollection,
    ClassificationProjectMember,
    ClassificationProjectRole,
)
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.classificators import Classificator, ClassificatorVersion
from app.models.wildlife.collections import Collection
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.media import Resource
from app.models.wildlife.observations import ObservationType
from app.models.wildlife.projects import ResearchProject, ResearchProjectRole
from app.models.wildlife.providers import AIProvider, AIProviderType, ExternalAIProvider
from app.models.wildlife.species import Species
from app.policies import Viewer
from app.services.wildlife.classifications import classifying, writing
from app.services.wildlife.classifications.classifying import Content
from app.services.wildlife.classifications.observations import Observation
from tests import factories
from tests.wildlife import factories as wildlife

ANIMAL, HUMAN, BLANK = ObservationType.ANIMAL, ObservationType.HUMAN, ObservationType.BLANK
BOX = [0.1, 0.2, 0.3, 0.4]


@dataclass
class Season:
    """A classification project with media, and what a test may need of it."""

    research: ResearchProject
    deployment: Deployment
    collection: Collection
    project: ClassificationProject
    link: ClassificationProjectCollection
    provider: AIProvider
    fox: Species
    deer: Species
    resources: list[Resource] = field(default_factory=list)


async def season(database: Database, owner_id: int, media: int = 3, **fields: Any) -> Season:
    """Of the owner, with media of one deployment in one linked collection."""
    research = await wildlife.project(database, owner_id)
    deployment = await wildlife.deployment(database, await wildlife.location(database, research))
    collection = await wildlife.collection(database, research)
    resources = [
        await wildlife.resource(database, research, f"IMG_{number}.JPG", deployment_id=deployment.id)
        for number in range(media)
    ]
    await wildlife.put_into(database, collection, *resources)
    project = await classification_project(database, research, **fields)
    link = await linked(database, project, collection)
    provider = await ai_provider(database, owner_id)
    fox = await wildlife.species(database, f"Vulpes vulpes {project.id}")
    deer = await wildlife.species(database, f"Cervus elaphus {project.id}")
    return Season(research, deployment, collection, project, link, provider, fox, deer, resources)


async def classification_project(database: Database, of: ResearchProject, **fields: Any) -> ClassificationProject:
    given = {"research_project_id": of.id, "owner_id": of.owner_id, "name": "Who is there?", **fields}
    return await factories.add(database, ClassificationProject(**given))


async def linked(
    database: Database, project: ClassificationProject, collection: Collection, **fields: Any
) -> ClassificationProjectCollection:
    given = {"research_project_id": project.research_project_id, **fields}
    return await factories.add(
        database, ClassificationProjectCollection(project_id=project.id, collection_id=collection.id, **given)
    )


async def ai_provider(database: Database, user_id: int, name: str = "Forest eyes", **fields: Any) -> AIProvider:
    given = {"user_id": user_id, "name": name, "provider_type": AIProviderType.CLASSIFICATION, **fields}
    return await factories.add(database, ExternalAIProvider(**given))


async def classificator(
    database: Database,
    owner_id: int,
    name: str = "Forest",
    *,
    predefined: dict[str, Any] | None = None,
    custom: dict[str, Any] | None = None,
) -> Classificator:
    """With one version."""
    made: Classificator = await factories.add(database, Classificator(owner_id=owner_id, name=name))
    version = ClassificatorVersion(
        classificator_id=made.id, number=1, predefined_attrs=predefined or {}, custom_attrs=custom or {}
    )
    await factories.add(database, version)
    return made


def attribute(kind: str = "STRING", target: str = "DYNAMIC", **rule: Any) -> dict[str, Any]:
    """A custom attribute as a classificator keeps it."""
    return {"fieldType": kind, "target": target, "required": False, "initial": None, "values": [], **rule}


async def joined(
    database: Database,
    at: Season,
    user_id: int,
    role: ClassificationProjectRole | None = ClassificationProjectRole.ANNOTATOR,
    research: ResearchProjectRole = ResearchProjectRole.MEMBER,
) -> None:
    """Has somebody work in both projects, or without a role in the research project alone."""
    await wildlife.member(database, at.research, user_id, role=research)
    if role is not None:
        await factories.add(database, ClassificationProjectMember(project_id=at.project.id, user_id=user_id, role=role))


def seen(species: Species | None = None, kind: ObservationType = ANIMAL, **fields: Any) -> Observation:
    """One object with a box."""
    given = {"species_id": species and species.id, "bboxes": BOX if kind is not BLANK else None, **fields}
    return Observation(kind, **given)


async def final(database: Database, at: Season, number: int = 0) -> Classification:
    """The FINAL of a medium as it is now."""
    sought = select(Classification).where(
        Classification.project_id == at.project.id,
        Classification.resource_id == at.resources[number].id,
        Classification.classification_type == ClassificationType.FINAL,
    )
    async with database.reading() as session:
        return (await session.scalars(sought)).one()


async def row(database: Database, id: int) -> Classification:
    """A classification as it is now."""
    async with database.reading() as session:
        return await session.get_one(Classification, id)


async def by_ai(
    database: Database, at: Season, number: int, *observations: Observation, provider: AIProvider | None = None
) -> int:
    """The key of the row of AI about a medium."""
    provider_id = (provider or at.provider).id
    async with database.writing() as session:
        written = await writing.write_ai_classification(
            session, at.project.id, at.resources[number].id, provider_id, observations
        )
    return written.id


async def by_person(
    database: Database, at: Season, number: int, user_id: int, *observations: Observation, **said: Any
) -> Classification:
    """What somebody says of a medium."""
    async with database.writing() as session:
        return await classifying.classify(
            session,
            Viewer(user_id),
            project_id=at.project.id,
            resource_id=at.resources[number].id,
            content=Content(observations, **said),
        )
