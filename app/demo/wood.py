"""The demo's camera-trap project: a drawn season, what AI found in it, and what people have approved of that."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

import anyio.to_thread
from shapely import Point
from sqlalchemy import select

from app import pictures
from app.database import Database, ReadSession, WriteSession
from app.demo.people import take_turn
from app.gateways import storage
from app.gateways.fakes.wood import season, stand_in_manager
from app.gateways.fakes.wood.shots import Seen
from app.models.base import Record
from app.models.wildlife.classification_projects import ClassificationProject, ClassificationProjectCollection
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.collections import Collection, CollectionResource
from app.models.wildlife.deployments import Deployment, DeploymentFailure, Location
from app.models.wildlife.media import Resource, ResourceStatus, ResourceType, Sequence, TimeSource
from app.models.wildlife.observations import ObservationType
from app.models.wildlife.projects import (
    ResearchProject,
    ResearchProjectMember,
    ResearchProjectRole,
    ResearchProjectStatus,
    SamplingDesign,
    SensorMethod,
)
from app.models.wildlife.providers import AIProviderType, ExternalAIProvider
from app.models.wildlife.species import Species, TaxonRank
from app.policies import Viewer
from app.services.wildlife.classifications import classifying, writing
from app.services.wildlife.classifications.approvals import approving
from app.services.wildlife.classifications.classifying import Content
from app.services.wildlife.classifications.observations import Observation
from app.settings import settings

Added = TypeVar("Added", bound=Record)
NAME, ACRONYM = "Demo wood", "WOOD"
SIDES = {"thumbnail": 320, "preview": 1_024}
GBIF_KEYS = {
    "Capreolus capreolus": "5220126",
    "Sus scrofa": "7705930",
    "Vulpes vulpes": "5219243",
    "Meles meles": "2433875",
}
TYPES = {"person": ObservationType.HUMAN, "car": ObservationType.VEHICLE, "vehicle": ObservationType.VEHICLE}
# Of the pictures, so many are approved; the others wait for a newcomer.
APPROVED_SHARE = 0.5


class Drawn(NamedTuple):
    """A file of the season with its small pictures."""

    picture: season.Picture
    content: bytes
    seen: tuple[Seen, ...]
    sizes: Mapping[str, pictures.Drawing]

    @property
    def key(self) -> str:
        """Where the file is kept."""
        return f"media/demo/{sha256(self.content).hexdigest()}.jpg"


@lru_cache(maxsize=2)
def _drawn(visits: int) -> tuple[Drawn, ...]:
    drawn_files = []
    for picture in season.pictures(visits):
        content, seen = picture.taken()
        sizes = pictures.within("demo", content, "image/jpeg", list(SIDES.values()), settings.medium_pixels_max)
        drawn_files.append(Drawn(picture, content, seen, {name: sizes[side] for name, side in SIDES.items()}))
    return tuple(drawn_files)


async def make(database: Database, people: Mapping[str, Viewer]) -> None:
    """Makes the project if it is missing."""
    async with database.reading() as session:
        if await _is_there(session):
            return
    drawn = await anyio.to_thread.run_sync(_drawn, stand_in_manager.VISITS)
    for each in drawn:
        await storage.put(each.key, each.content)
        for name, small in each.sizes.items():
            await storage.put(f"{each.key}.{name}.webp", small.content)
    async with database.writing(s_max=settings.long_transaction_s_max) as session:
        await take_turn(session)
        if not await _is_there(session):
            await _make(session, people, drawn)


async def _is_there(session: ReadSession) -> bool:
    return await session.scalar(select(ResearchProject.id).where(ResearchProject.name == NAME)) is not None


async def _make(session: WriteSession, people: Mapping[str, Viewer], drawn: tuple[Drawn, ...]) -> None:
    ecologist = people["ecologist"]
    research = await _research_project(session, people)
    deployments = {camera.code: await _deployment(session, research, camera) for camera in season.CAMERAS}
    media = await _media(session, research, deployments, drawn)
    collection = await _added(
        session, Collection(research_project_id=research.id, owner_id=ecologist.user_id, name="May")
    )
    session.add_all(
        CollectionResource(collection_id=collection.id, resource_id=medium.id, research_project_id=research.id)
        for medium in media
    )
    project = await _added(
        session,
        ClassificationProject(
            research_project_id=research.id, owner_id=ecologist.user_id, name="Who lives in the wood?"
        ),
    )
    columns = {"project_id": project.id, "collection_id": collection.id, "research_project_id": research.id}
    await _added(session, ClassificationProjectCollection(**columns))
    species = {name: await _species(session, name, key) for name, key in GBIF_KEYS.items()}
    await _look(session, project, ecologist, media, drawn, species)
    await _approve(session, project, ecologist, media, drawn, species)


async def _research_project(session: WriteSession, people: Mapping[str, Viewer]) -> ResearchProject:
    research = ResearchProject(
        name=NAME,
        acronym=ACRONYM,
        abstract="Four kinds of animals, before six cameras on an island that does not exist. All pictures are drawn.",
        owner_id=people["ecologist"].user_id,
        status=ResearchProjectStatus.APPROVED,
        is_public=True,
        sampling_design=SamplingDesign.TARGETED,
        sensor_method=[SensorMethod.ACTIVITY_DETECTION],
    )
    made = await _added(session, research)
    roles = {"ecologist": ResearchProjectRole.OWNER, "mapper": ResearchProjectRole.MANAGER,
             "surveyor": ResearchProjectRole.MEMBER, "reviewer": ResearchProjectRole.VIEWER}  # fmt: skip
    session.add_all(
        ResearchProjectMember(project_id=made.id, user_id=people[name].user_id, role=role)
        for name, role in roles.items()
    )
    return made


async def _deployment(session: WriteSession, research: ResearchProject, camera: season.Camera) -> Deployment:
    columns: dict[str, Any] = {"research_project_id": research.id, "owner_id": research.owner_id}
    point = Point(camera.longitude, camera.latitude)
    place = Location(
        location_id=camera.code, name=camera.name, point=point, timezone=season.ZONE, ignore_dst=True, is_public=True,
        coordinate_uncertainty=10, habitat="Drawn wood", **columns,
    )  # fmt: skip
    place = await _added(session, place)
    late = int(camera.late.total_seconds())
    deployment = await _added(
        session,
        Deployment(
            location_id=place.id, deployment_code="May", deployment_id=f"May-{camera.code}", starts_at=season.START,
            ends_at=season.END, camera_id=camera.serial, camera_model="Fieldgraph Drawn camera 1",
            clock_correction_s=late, clock_correction_note="The clock ran late." if late else None, **columns,
        ),
    )  # fmt: skip
    if camera.broken:
        start, end, reason = camera.broken
        session.add(DeploymentFailure(deployment_id=deployment.id, starts_at=start, ends_at=end, reason=reason))
    return deployment


async def _media(
    session: WriteSession, research: ResearchProject, deployments: Mapping[str, Deployment], drawn: tuple[Drawn, ...]
) -> list[Resource]:
    visits: dict[tuple[str, int], list[Drawn]] = {}
    for each in drawn:
        visits.setdefault((each.picture.camera.code, each.picture.visit), []).append(each)
    media: dict[str, Resource] = {}
    for (code, _), several in visits.items():
        times = [each.picture.at for each in several]
        columns = {"research_project_id": research.id, "deployment_id": deployments[code].id}
        sequence = Sequence(starts_at=min(times), ends_at=max(times), resource_count=len(times), **columns)
        made = await _added(session, sequence)
        media |= {each.picture.path: _medium(each, sequence_id=made.id, **columns) for each in several}
    session.add_all(media.values())
    await session.flush()
    return [media[each.picture.path] for each in drawn]


def _medium(each: Drawn, **columns: Any) -> Resource:
    picture = each.picture
    return Resource(
        name=picture.name, file_path=picture.path, storage_key=each.key, thumbnail_key=f"{each.key}.thumbnail.webp",
        preview_key=f"{each.key}.preview.webp", status=ResourceStatus.READ, resource_type=ResourceType.IMAGE,
        mime_type="image/jpeg", size_bytes=len(each.content), sha256=sha256(each.content).hexdigest(),
        width=each.sizes["preview"].width, height=each.sizes["preview"].height, camera_make="Fieldgraph",
        camera_model="Drawn camera 1", serial_number=picture.camera.serial,
        camera_time=picture.camera_time.isoformat(), time_source=TimeSource.FILE, recorded_at=picture.at,
        date_recorded_correct=True, **columns,
    )  # fmt: skip


async def _species(session: WriteSession, name: str, key: str) -> int:
    """The key of a species; made if no checklist has it yet."""
    id = await session.scalar(select(Species.id).where(Species.scientific_name == name).order_by(Species.id).limit(1))
    if id is not None:
        return int(id)
    made = Species(
        checklist="GBIF", key=key, scientific_name=name, vernacular_name=season.NAMES[name], rank=TaxonRank.SPECIES
    )
    await _added(session, made)
    return made.id


async def _look(
    session: WriteSession,
    project: ClassificationProject,
    ecologist: Viewer,
    media: list[Resource],
    drawn: tuple[Drawn, ...],
    species: Mapping[str, int],
) -> None:
    """What the model found, with its errors."""
    provider = await _added(
        session,
        ExternalAIProvider(
            user_id=ecologist.user_id, name="Drawn wood", version="1", provider_type=AIProviderType.DETECTION,
            description="What the demo's model found before you came.", object_based=True,
        ),
    )  # fmt: skip
    results = [
        writing.AIResult(
            medium.id,
            [
                Observation(
                    TYPES.get(detection.label, ObservationType.ANIMAL if detection.species else ObservationType.HUMAN),
                    species_id=species[detection.species] if detection.species else None,
                    classification_confidence=detection.confidence,
                    bboxes=list(detection.bbox),
                )
                for detection in stand_in_manager.findings_in(each.picture, each.seen)
            ],
        )
        for medium, each in zip(media, drawn, strict=True)
    ]
    await writing.write_ai_classifications(session, project.id, provider.id, results)


async def _approve(
    session: WriteSession,
    project: ClassificationProject,
    ecologist: Viewer,
    media: list[Resource],
    drawn: tuple[Drawn, ...],
    species: Mapping[str, int],
) -> None:
    """The ecologist says what she sees in the first pictures of each camera, and approves it."""
    for medium, each in list(zip(media, drawn, strict=True))[:: round(1 / APPROVED_SHARE)]:
        observations = [
            Observation(
                TYPES.get(seen.kind, ObservationType.ANIMAL),
                species_id=species.get(seen.kind),
                bboxes=list(seen.bbox),
                distance=round(seen.distance, 1),
            )
            for seen in each.seen
        ]
        content = Content(observations, is_blank=not observations)
        mine = await classifying.classify(
            session, ecologist, project_id=project.id, resource_id=medium.id, content=content
        )
        version = await session.scalar(
            select(Classification.version).where(
                Classification.project_id == project.id,
                Classification.resource_id == medium.id,
                Classification.classification_type == ClassificationType.FINAL,
            )
        )
        assert version is not None
        await approving.approve_classification(session, ecologist, mine.id, expected_version=version)


async def _added(session: WriteSession, row: Added) -> Added:
    session.add(row)
    await session.flush()
    return row
