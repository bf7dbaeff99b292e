"""Gives new media to the providers of projects that want it (`requiresAi`), without being asked.

It happens where media come in and where a job ends, never by the clock. The detector has the first look, and the
classifier of species follows when it is done. Each medium is sent to each provider once: whatever fails is not tried
again and again, but can be started by hand.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import aliased

from app.database import ReadSession, WriteSession, part
from app.errors import DomainError
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobBatch, AIJobStage
from app.models.wildlife.classification_projects import (
    ClassificationProject,
    ClassificationProjectCollection,
    ClassificationProjectStatus,
)
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.providers import AIProvider
from app.policies import Viewer
from app.services.system.notifications import notify_if_visible
from app.services.wildlife.ai_jobs import starting
from app.services.wildlife.ai_jobs.config import JobConfig, Overwrite

Link, Project = ClassificationProjectCollection, ClassificationProject


async def offer_media_of(session: WriteSession, collection_ids: Sequence[int]) -> None:
    """Gives the new media of collections to the providers of all projects that have them."""
    await _offer(session, Link.collection_id.in_(collection_ids))


async def offer_media_of_link(session: WriteSession, link_id: int | None) -> None:
    """The same for a collection in one project."""
    if link_id is not None:
        await _offer(session, Link.id == link_id)


async def _offer(session: WriteSession, *links: ColumnElement[bool]) -> None:
    wanting = (
        select(Link, Project)
        .join(Project, Project.id == Link.project_id)
        .where(*links, Link.is_active, Project.requires_ai, Project.disabled_at.is_(None))
        .where(Project.status == ClassificationProjectStatus.ONGOING)
        .order_by(Link.id)
    )
    for link, project in (await session.execute(wanting)).all():
        for provider_id in (project.detection_provider_id, project.species_provider_id):
            if provider_id is not None and not await _is_busy(session, link.id, provider_id):
                await _give(session, link, project, await session.get_one(AIProvider, provider_id))


async def _is_busy(session: ReadSession, link_id: int, provider_id: int) -> bool:
    """Whether the provider is at it: when it is done, the others have their turn."""
    under_way = exists().where(
        AIClassificationJob.collection_id == link_id,
        AIClassificationJob.ai_provider_id == provider_id,
        AIClassificationJob.stage.not_in([stage for stage in AIJobStage if stage.is_final]),
    )
    return bool(await session.scalar(select(under_way)))


async def _give(
    session: WriteSession, link: ClassificationProjectCollection, project: ClassificationProject, provider: AIProvider
) -> None:
    which = _new(project, provider)
    if not await starting.media_of(session, project.id, link.id, provider, *which):
        return
    config = JobConfig(
        minimum_confidence=project.detection_confidence_min,
        iou_threshold=project.iou_min,
        overwrite=Overwrite.SKIP_EXISTING,
    )
    owner, keys = Viewer(project.owner_id), {"collection_id": link.id, "provider_id": provider.id}
    try:
        async with part(session):
            await starting.start(session, owner, **keys, config=config, which=which)
    except DomainError as error:
        message = f"New media of {project.name} were not sent to {provider.name}. {error.message}"
        await notify_if_visible(session, project.owner_id, message, about=project)


def _new(project: ClassificationProject, provider: AIProvider) -> list[ColumnElement[bool]]:
    """Media that are not approved, that were never sent to the provider, and whose turn with it has come."""
    classified = (
        select(func.unnest(AIJobBatch.resource_ids))
        .join(AIClassificationJob, AIClassificationJob.id == AIJobBatch.ai_job_id)
        .where(AIClassificationJob.project_id == project.id, AIClassificationJob.ai_provider_id == provider.id)
    )
    new = [~Classification.is_approved, Classification.resource_id.not_in(classified)]
    detector_id = project.detection_provider_id
    if detector_id is None or detector_id == provider.id:
        return [*new, ~Classification.is_classified_ai]
    earlier = aliased(Classification)
    return [
        *new,
        exists().where(
            earlier.project_id == project.id,
            earlier.resource_id == Classification.resource_id,
            earlier.classification_type == ClassificationType.AI,
            earlier.model_id == detector_id,
            earlier.superseded_at.is_(None),
            ~earlier.is_blank,
        ),
    ]
