"""One plain function per row that a test of camera-trap projects may need, with keyword overrides."""

from datetime import UTC, datetime
from typing import Any

from shapely import Point

from app.database import Database
from app.models.wildlife.collections import Collection, CollectionResource
from app.models.wildlife.deployments import Deployment, DeploymentFailure, Location
from app.models.wildlife.media import Resource, ResourceStatus, ResourceType, Sequence
from app.models.wildlife.projects import (
    ResearchProject,
    ResearchProjectMember,
    ResearchProjectRole,
    ResearchProjectStatus,
    ResearchProjectTeam,
)
from app.models.wildlife.providers import (
    AIProvider,
    AIProviderConnection,
    AIProviderType,
    ExternalAIProvider,
    LocalAIProvider,
    LocalEngine,
    TrapperAIProvider,
)
from app.models.wildlife.species import Species, SpeciesAlias, TaxonRank
from app.models.wildlife.uploads import MediaReading, MediaUpload
from app.weights import MEGADETECTOR_LITE
from tests import factories as people
from tests.factories import add

SPRING = datetime(2026, 4, 1, tzinfo=UTC)
SUMMER = datetime(2026, 7, 1, tzinfo=UTC)


async def project(database: Database, owner_id: int, **fields: Any) -> ResearchProject:
    """A private project with its owner's membership."""
    number = await _count(database)
    given = {"name": f"Forest {number}", "acronym": f"F{number}", "owner_id": owner_id, **fields}
    made = await add(database, ResearchProject(**given))
    await member(database, made, owner_id, role=ResearchProjectRole.OWNER)
    return made


async def open_project(database: Database, owner_id: int, **fields: Any) -> ResearchProject:
    """A project that everybody sees."""
    return await project(database, owner_id, **{"is_public": True, "status": ResearchProjectStatus.APPROVED, **fields})


async def _count(database: Database) -> int:
    async with database.reading() as session:
        return len((await session.execute(ResearchProject.__table__.select())).all()) + 1


async def member(database: Database, of: ResearchProject, user_id: int, **fields: Any) -> ResearchProjectMember:
    given = {"project_id": of.id, "user_id": user_id, "role": ResearchProjectRole.MEMBER, **fields}
    return await add(database, ResearchProjectMember(**given))


async def team(database: Database, of: ResearchProject, team_id: int, **fields: Any) -> ResearchProjectTeam:
    given = {"project_id": of.id, "team_id": team_id, "role": ResearchProjectRole.MEMBER, **fields}
    return await add(database, ResearchProjectTeam(**given))


async def location(database: Database, of: ResearchProject, location_id: str = "loc1", **fields: Any) -> Location:
    given = {"point": Point(23.85, 52.7), "timezone": "Europe/Warsaw", **fields}
    return await add(
        database, Location(research_project_id=of.id, location_id=location_id, owner_id=of.owner_id, **given)
    )


async def deployment(database: Database, at: Location, code: str = "r1", **fields: Any) -> Deployment:
    """From April to July 2026."""
    given = {
        "research_project_id": at.research_project_id,
        "location_id": at.id,
        "owner_id": at.owner_id,
        "deployment_code": code,
        "deployment_id": f"{code}-{at.location_id}",
        "starts_at": SPRING,
        "ends_at": SUMMER,
        **fields,
    }
    return await add(database, Deployment(**given))


async def failure(
    database: Database, of: Deployment, starts_at: datetime, ends_at: datetime, **fields: Any
) -> DeploymentFailure:
    given = {"deployment_id": of.id, "starts_at": starts_at, "ends_at": ends_at, "reason": "Battery", **fields}
    return await add(database, DeploymentFailure(**given))


async def collection(database: Database, of: ResearchProject, name: str = "Spring", **fields: Any) -> Collection:
    return await add(
        database, Collection(**{"research_project_id": of.id, "owner_id": of.owner_id, "name": name, **fields})
    )


async def resource(database: Database, of: ResearchProject, name: str = "IMG_0001.JPG", **fields: Any) -> Resource:
    """A picture that has been read, of no deployment unless one is given; its file is not there."""
    given = {
        "research_project_id": of.id,
        "owner_id": of.owner_id,
        "name": name,
        "file_path": name,
        "storage_key": f"media/{of.id}/{name}",
        "status": ResourceStatus.READ,
        "resource_type": ResourceType.IMAGE,
        "mime_type": "image/jpeg",
        "width": 640,
        "height": 480,
        "recorded_at": SPRING,
        **fields,
    }
    return await add(database, Resource(**given))


async def sequence(database: Database, of: Deployment, starts_at: datetime = SPRING, **fields: Any) -> Sequence:
    given = {
        "research_project_id": of.research_project_id,
        "deployment_id": of.id,
        "starts_at": starts_at,
        "ends_at": starts_at,
        **fields,
    }
    return await add(database, Sequence(**given))


async def put_into(database: Database, of: Collection, *resources: Resource) -> None:
    for each in resources:
        await add(
            database,
            CollectionResource(collection_id=of.id, resource_id=each.id, research_project_id=of.research_project_id),
        )


async def species(database: Database, scientific_name: str = "Vulpes vulpes", **fields: Any) -> Species:
    given = {
        "checklist": "GBIF",
        "key": scientific_name.lower().replace(" ", "-"),
        "rank": TaxonRank.SPECIES,
        **fields,
    }
    return await add(database, Species(scientific_name=scientific_name, **given))


async def ai_provider_connection(database: Database, owner_id: int, **fields: Any) -> AIProviderConnection:
    """A connection to an AI Manager that is not there."""
    given = {
        "user_id": owner_id,
        "api_url": "https://manager.example.org",
        "api_auth_login": "worker",
        "api_auth_passw": "sealed",
        "trapper_instance_url": "https://fieldgraph.example.org",
    }
    return await add(database, AIProviderConnection(**{**given, **fields}))


async def ai_provider(
    database: Database, of: AIProviderConnection | None = None, *, kind: type[AIProvider] | None = None, **fields: Any
) -> AIProvider:
    """A detector: of a connection, or one that runs elsewhere."""
    given = {"name": "MegaDetector", "version": "5a", "provider_type": AIProviderType.DETECTION}
    if of is not None:
        given |= {"connection_id": of.id, "user_id": of.user_id}
    chosen = kind or (ExternalAIProvider if of is None else TrapperAIProvider)
    return await add(database, chosen(**{**given, **fields}))


async def reading(database: Database, of: ResearchProject, **fields: Any) -> MediaReading:
    return await add(database, MediaReading(**{"research_project_id": of.id, "user_id": of.owner_id, **fields}))


async def season(database: Database, owner_id: int, member_id: int) -> ResearchProject:
    """A project with one of everything, all of it the owner's, that somebody else works in."""
    forest = await project(database, owner_id)
    await member(database, forest, member_id)
    await team(database, forest, (await people.team(database, owner_id, member_id)).id)
    place = await location(database, forest)
    placed = await deployment(database, place, clock_corrected_by_id=owner_id)
    await failure(database, placed, SPRING, SUMMER)
    group = await sequence(database, placed)
    first = await resource(database, forest, "IMG_0001.JPG", deployment_id=placed.id, sequence_id=group.id)
    await resource(database, forest, "IMG_0002.JPG", duplicate_of_id=first.id)
    spring = await collection(database, forest)
    await put_into(database, spring, first)
    await reading(database, forest, deployment_id=placed.id, collection_id=spring.id)
    await add(
        database,
        MediaUpload(
            research_project_id=forest.id,
            user_id=owner_id,
            file_path="IMG_0003.JPG",
            size_bytes=1,
            sha256="0" * 64,
            storage_key="media/1/x",
        ),
    )
    fox = await species(database)
    await add(database, SpeciesAlias(species_id=fox.id, checklist="COL", key="5BSG3"))
    await ai_provider(database, await ai_provider_connection(database, owner_id))
    return forest


async def local_detector(database: Database) -> AIProvider:
    """The row that the migration makes; tests begin without rows."""
    label = {"aiLabel": "animal", "value": "animal"}
    return await ai_provider(
        database,
        kind=LocalAIProvider,
        name="MegadetectorLite",
        engine=LocalEngine.MEGADETECTOR_LITE,
        model_file_hash=MEGADETECTOR_LITE.sha256,
        video_support=True,
        categories={"attributeMappings": [{"attributeType": "observation_type", "labels": [label]}]},
    )
