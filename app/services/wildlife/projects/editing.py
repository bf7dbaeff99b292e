"""Research projects."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, exists, select

from app import checks
from app.database import WriteSession
from app.errors import Conflict, Invalid, NotFound
from app.limits import wildlife as limits
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.media import Resource
from app.models.wildlife.projects import (
    ResearchProject,
    ResearchProjectMember,
    ResearchProjectRole,
    ResearchProjectStatus,
)
from app.policies import Viewer, require, signed_in, visible
from app.policies.wildlife.projects import MANAGERS, OWNERS, may_decide_on_research_projects
from app.services.system import audit
from app.services.system.notifications import notify_unless_viewer
from app.services.wildlife.projects.access import project_to_work_in
from app.settings import settings

Check = Callable[[Any], Any]


def _keywords(values: Sequence[str]) -> list[str]:
    if len(values) > settings.keywords_max:
        raise Invalid("keywords", f"Give at most {settings.keywords_max} keywords; these are {len(values)}.")
    return list(values)


def _same(value: Any) -> Any:
    return value


FIELDS: dict[str, Check] = {
    "name": _same,
    "acronym": _same,
    "abstract": lambda value: checks.optional_text("abstract", value, length_max=limits.ABSTRACT_LENGTH_MAX),
    "methods": lambda value: checks.optional_text("methods", value, length_max=limits.ABSTRACT_LENGTH_MAX),
    "keywords": _keywords,
    "is_public": _same,
    "shares_media": _same,
    "sampling_design": _same,
    "sensor_method": lambda values: list(dict.fromkeys(values)),
    "individual_animals": _same,
}


async def create_research_project(session: WriteSession, viewer: Viewer, fields: Mapping[str, Any]) -> ResearchProject:
    """A new private project of the viewer's."""
    owner_id = signed_in(viewer)
    project = ResearchProject(owner_id=owner_id, **{name: FIELDS[name](value) for name, value in fields.items()})
    session.add(project)
    await session.flush()
    session.add(ResearchProjectMember(project_id=project.id, user_id=owner_id, role=ResearchProjectRole.OWNER))
    await session.flush()
    audit.record(session, owner_id, "createResearchProject", about=project)
    return project


async def update_research_project(
    session: WriteSession, viewer: Viewer, project_id: int, changes: Mapping[str, Any]
) -> ResearchProject:
    """Updates the given fields, as `create_research_project` takes them."""
    # What others see of it is the owner's decision.
    roles = OWNERS if changes.keys() & {"is_public", "shares_media"} else MANAGERS
    project = await project_to_work_in(session, viewer, project_id, roles, is_locked=True)
    for name, value in changes.items():
        setattr(project, name, FIELDS[name](value))
    await session.flush()
    if changes:
        audit.record(session, signed_in(viewer), "updateResearchProject", about=project, fields=sorted(changes))
    await session.refresh(project)
    return project


async def decide_research_project(
    session: WriteSession, viewer: Viewer, project_id: int, *, status: ResearchProjectStatus, note: str | None
) -> ResearchProject:
    """Approves or rejects a project; its owner is notified. Only approved ones can be seen by all."""
    require(may_decide_on_research_projects, viewer, None)
    query = visible(ResearchProject, viewer).where(ResearchProject.id == project_id)
    project = await session.scalar(query.with_for_update(key_share=True))
    if project is None:
        raise NotFound("There is no such research project.")
    project.status = status
    project.status_note = checks.optional_text("note", note, length_max=limits.ABSTRACT_LENGTH_MAX)
    await session.flush()
    audit.record(
        session,
        signed_in(viewer),
        "decideResearchProject",
        about=project,
        user_id=project.owner_id,
        status=status.value,
    )
    message = f"The research project {project.acronym} is now {status.value.lower()}."
    notify_unless_viewer(session, viewer, project.owner_id, message, about=project)
    await session.refresh(project)
    return project


async def delete_research_project(session: WriteSession, viewer: Viewer, project_id: int) -> ResearchProject:
    """Deletes a project with its members, locations and collections, unless it has deployments or media."""
    project = await project_to_work_in(session, viewer, project_id, OWNERS)
    # The key, too: what is added concurrently comes either before or not at all.
    await session.execute(select(ResearchProject.id).where(ResearchProject.id == project.id).with_for_update())
    of_project = Resource.research_project_id == project.id
    if await session.scalar(select(exists().where(of_project))):
        raise Conflict("This research project has media. Delete them first.")
    if await session.scalar(select(exists().where(Deployment.research_project_id == project.id))):
        raise Conflict("This research project has deployments. Delete them first.")
    audit.record(session, signed_in(viewer), "deleteResearchProject", about=project, user_id=project.owner_id)
    await session.execute(delete(ResearchProject).where(ResearchProject.id == project.id))
    return project
