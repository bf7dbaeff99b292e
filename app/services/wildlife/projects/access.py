"""Research projects as those who work in them find them."""

from collections.abc import Collection

from app.database import ReadSession
from app.errors import Forbidden, NotFound
from app.models.wildlife.projects import ResearchProject, ResearchProjectRole
from app.policies import Viewer, signed_in, visible
from app.policies.wildlife.projects import ANY_ROLE, MANAGERS, OWNERS, WORKERS, works_in_project

NEEDED = {
    ANY_ROLE: "This needs a role in the research project. Ask one of its managers.",
    WORKERS: "This needs the role MEMBER in the research project. Ask one of its managers.",
    MANAGERS: "This needs the role MANAGER in the research project. Ask its owner.",
    OWNERS: "This needs the role OWNER in the research project. Ask its owner.",
}


async def project_to_work_in(
    session: ReadSession,
    viewer: Viewer,
    project_id: int,
    roles: Collection[ResearchProjectRole] = WORKERS,
    *,
    is_locked: bool = False,
) -> ResearchProject:
    """A research project in which the viewer has one of these roles; locked where what is counted next must hold."""
    signed_in(viewer)
    may = works_in_project(viewer, ResearchProject.id, roles)
    query = visible(ResearchProject, viewer).add_columns(may).where(ResearchProject.id == project_id)
    if is_locked:
        query = query.with_for_update(key_share=True, of=ResearchProject)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFound("There is no such research project.")
    if not row[1]:
        raise Forbidden(NEEDED[frozenset(roles)])
    project: ResearchProject = row[0]
    return project
