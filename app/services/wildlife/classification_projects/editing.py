"""Makes, changes and deletes classification projects."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, exists, func, select

from app import checks
from app.database import WriteSession
from app.errors import Forbidden, Invalid, NotFound
from app.limits import wildlife as limits
from app.models.wildlife.classification_projects import ClassificationProject, ClassificationProjectStatus
from app.models.wildlife.classifications import Classification
from app.models.wildlife.classificators import Classificator
from app.models.wildlife.projects import ResearchProject
from app.models.wildlife.providers import AIProvider
from app.policies import Viewer, signed_in, visible
from app.policies.wildlife.projects import MANAGERS, works_in_project
from app.services.wildlife.classifications.access import project_to_change
from app.services.wildlife.classifications.rows import IS_FINAL

RANGES = {
    "sequence_gap_s": (0, limits.SEQUENCE_GAP_S_MAX),
    "video_fps": (limits.VIDEO_FPS_MIN, limits.VIDEO_FPS_MAX),
    **dict.fromkeys(("detection_confidence_min", "species_confidence_min", "iou_min"), (0, 1)),
}
PROVIDERS = {"detection_provider_id": "detectionProviderId", "species_provider_id": "speciesProviderId"}


async def create_classification_project(
    session: WriteSession, viewer: Viewer, *, research_project_id: int, name: str, **fields: Any
) -> ClassificationProject:
    """A project without media; its maker owns it. For managers of the research project."""
    signed_in(viewer)
    rights = works_in_project(viewer, ResearchProject.id, MANAGERS)
    sought = visible(ResearchProject, viewer).where(ResearchProject.id == research_project_id).add_columns(rights)
    row = (await session.execute(sought)).one_or_none()
    if row is None:
        raise NotFound("There is no such research project.")
    research, may_create = row
    if not may_create:
        raise Forbidden("Only managers of the research project may create classification projects in it.")
    project = ClassificationProject(research_project_id=research.id, owner_id=signed_in(viewer))
    await _change(session, viewer, project, {"name": name, **fields})
    session.add(project)
    await session.refresh(project)
    return project


async def update_classification_project(
    session: WriteSession, viewer: Viewer, project_id: int, changes: Mapping[str, Any]
) -> ClassificationProject:
    """Changes the given fields. For admins of the project."""
    project = await project_to_change(session, viewer, project_id)
    await _change(session, viewer, project, changes)
    await session.refresh(project)
    return project


async def _change(
    session: WriteSession, viewer: Viewer, project: ClassificationProject, changes: Mapping[str, Any]
) -> None:
    for field, value in changes.items():
        setattr(project, field, await _checked(session, viewer, field, value))


async def _checked(session: WriteSession, viewer: Viewer, field: str, value: Any) -> Any:
    if field in RANGES:
        return checks.within(checks.camel_case(field), value, *RANGES[field])
    if field == "classificator_id" and value is not None:
        return await _classificator(session, viewer, value)
    if field in PROVIDERS and value is not None:
        return await _provider(session, viewer, PROVIDERS[field], value)
    return value


async def _classificator(session: WriteSession, viewer: Viewer, id: int) -> int:
    classificator = await session.scalar(visible(Classificator, viewer).where(Classificator.id == id))
    if classificator is None:
        raise Invalid("classificatorId", "There is no such classificator.")
    if classificator.disabled_at is not None:
        raise Invalid("classificatorId", "This classificator was taken out of use. Choose another one.")
    return classificator.id


async def _provider(session: WriteSession, viewer: Viewer, field: str, id: int) -> int:
    provider_id = await session.scalar(
        visible(AIProvider, viewer).where(AIProvider.id == id).with_only_columns(AIProvider.id)
    )
    if provider_id is None:
        raise Invalid(field, "There is no such AI provider.")
    return id


async def delete_classification_project(
    session: WriteSession, viewer: Viewer, project_id: int
) -> ClassificationProject:
    """Deletes a project; one with approved classifications is only disabled, and they stay."""
    project = await project_to_change(session, viewer, project_id)
    approved = exists().where(Classification.project_id == project.id, IS_FINAL, Classification.is_approved)
    if await session.scalar(select(approved)):
        project.disabled_at, project.disabled_by_id = func.now(), signed_in(viewer)
        project.status = ClassificationProjectStatus.FINISHED
        await session.refresh(project)
        return project
    await session.execute(delete(ClassificationProject).where(ClassificationProject.id == project.id))
    return project
