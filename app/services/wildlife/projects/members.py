"""Who works in a research project: people, and teams with all their members."""

from sqlalchemy import delete, select

from app.database import ReadSession, WriteSession
from app.errors import Conflict, LimitReached, NotFound
from app.models.accounts import Team, TeamMembership, User
from app.models.wildlife.projects import (
    ResearchProject,
    ResearchProjectMember,
    ResearchProjectRole,
    ResearchProjectTeam,
)
from app.policies import Viewer, is_viewer, signed_in, visible
from app.policies.wildlife.projects import MANAGERS, OWNERS
from app.services.system import audit
from app.services.system.notifications import notify_unless_viewer
from app.services.wildlife.projects.access import project_to_work_in
from app.settings import settings

OWNER = ResearchProjectRole.OWNER


async def set_member(
    session: WriteSession, viewer: Viewer, project_id: int, *, user_id: int, role: ResearchProjectRole
) -> ResearchProjectMember:
    """Adds a member, or changes the role of one. Only an owner makes owners, or changes the role of one."""
    project = await project_to_work_in(session, viewer, project_id, MANAGERS, is_locked=True)
    member = await _member(session, project_id, user_id)
    if OWNER in {role, member and member.role}:
        await project_to_work_in(session, viewer, project_id, OWNERS)
    if member is None:
        member = await _added(session, viewer, project, user_id, role)
    elif member.role is not role:
        if user_id == project.owner_id:
            raise Conflict("The owner keeps the role OWNER. Transfer the research project first.")
        member.role = role
        message = f"Your role in the research project {project.acronym} is now {role.value}."
        notify_unless_viewer(session, viewer, user_id, message, about=project)
    await session.flush()
    audit.record(
        session,
        signed_in(viewer),
        "setResearchProjectMember",
        about=project,
        user_id=user_id,
        role=role.value,
    )
    return member


async def _member(session: ReadSession, project_id: int, user_id: int) -> ResearchProjectMember | None:
    query = select(ResearchProjectMember).where(
        ResearchProjectMember.project_id == project_id, ResearchProjectMember.user_id == user_id
    )
    return await session.scalar(query)


async def _added(
    session: WriteSession, viewer: Viewer, project: ResearchProject, user_id: int, role: ResearchProjectRole
) -> ResearchProjectMember:
    user = await session.scalar(visible(User, viewer).where(User.id == user_id, User.is_active))
    if user is None:
        raise NotFound("There is no such user.")
    listed = select(ResearchProjectMember.id).where(ResearchProjectMember.project_id == project.id)
    if len((await session.scalars(listed)).all()) >= settings.research_project_members_max:
        raise LimitReached(
            "This research project has reached the limit for members. Add a team instead.",
            limit=settings.research_project_members_max,
        )
    member = ResearchProjectMember(project_id=project.id, user_id=user_id, role=role)
    session.add(member)
    await session.flush()
    message = f"You are now a member of the research project {project.acronym}."
    notify_unless_viewer(session, viewer, user_id, message, about=project)
    return member


async def remove_member(session: WriteSession, viewer: Viewer, project_id: int, *, user_id: int) -> ResearchProject:
    """Ends a membership: by a manager, by an owner if it is an owner's, or one's own."""
    member = await _member(session, project_id, user_id)
    roles = OWNERS if member is not None and member.role is OWNER else MANAGERS
    if is_viewer(viewer, user_id):
        roles = frozenset(ResearchProjectRole)
    project = await project_to_work_in(session, viewer, project_id, roles, is_locked=True)
    if user_id == project.owner_id:
        raise Conflict("The owner stays a member. Transfer the research project first.")
    ended = delete(ResearchProjectMember).where(
        ResearchProjectMember.project_id == project_id, ResearchProjectMember.user_id == user_id
    )
    if await session.scalar(ended.returning(ResearchProjectMember.id)) is None:
        raise NotFound("This user is not a member of the research project.")
    audit.record(session, signed_in(viewer), "removeResearchProjectMember", about=project, user_id=user_id)
    message = f"You are no longer a member of the research project {project.acronym}."
    notify_unless_viewer(session, viewer, user_id, message, about=project)
    return project


async def transfer_project(session: WriteSession, viewer: Viewer, project_id: int, *, user_id: int) -> ResearchProject:
    """Makes another member the owner; the one before stays a member with the role OWNER."""
    project = await project_to_work_in(session, viewer, project_id, OWNERS, is_locked=True)
    heir = await _member(session, project_id, user_id)
    active = await session.scalar(select(User.is_active).where(User.id == user_id))
    if heir is None or not active:
        raise NotFound("This user is not a member of the research project.")
    heir.role = OWNER
    project.owner_id = user_id
    await session.flush()
    audit.record(session, signed_in(viewer), "transferResearchProject", about=project, user_id=user_id)
    message = f"You now own the research project {project.acronym}."
    notify_unless_viewer(session, viewer, user_id, message, about=project)
    await session.refresh(project)
    return project


async def set_team(
    session: WriteSession, viewer: Viewer, project_id: int, *, team_id: int, role: ResearchProjectRole
) -> ResearchProjectTeam:
    """Adds a team that the viewer belongs to, or changes its role."""
    roles = OWNERS if role is OWNER else MANAGERS
    project = await project_to_work_in(session, viewer, project_id, roles, is_locked=True)
    query = select(ResearchProjectTeam).where(
        ResearchProjectTeam.project_id == project_id, ResearchProjectTeam.team_id == team_id
    )
    member = await session.scalar(query)
    if member is None:
        if await session.scalar(visible(Team, viewer).where(Team.id == team_id)) is None:
            raise NotFound("There is no such team.")
        member = ResearchProjectTeam(project_id=project_id, team_id=team_id, role=role)
        session.add(member)
        await _notify_team(session, viewer, team_id, project)
    else:
        if member.role is OWNER:
            await project_to_work_in(session, viewer, project_id, OWNERS)
        member.role = role
    await session.flush()
    audit.record(session, signed_in(viewer), "setResearchProjectTeam", about=project, team=team_id, role=role.value)
    return member


async def _notify_team(session: WriteSession, viewer: Viewer, team_id: int, project: ResearchProject) -> None:
    """Its members work in the project from now on, each notified in the order of their ids."""
    team = await session.get_one(Team, team_id)
    of_team = select(TeamMembership.user_id).where(TeamMembership.team_id == team_id).order_by(TeamMembership.user_id)
    message = f"Your team {team.name} is now a member of the research project {project.acronym}."
    for user_id in await session.scalars(of_team):
        notify_unless_viewer(session, viewer, user_id, message, about=project)


async def remove_team(session: WriteSession, viewer: Viewer, project_id: int, *, team_id: int) -> ResearchProject:
    """Ends the work of a team in a project; its members who are members themselves stay."""
    project = await project_to_work_in(session, viewer, project_id, MANAGERS, is_locked=True)
    of_team = ResearchProjectTeam.project_id == project_id, ResearchProjectTeam.team_id == team_id
    if await session.scalar(select(ResearchProjectTeam.role).where(*of_team)) is OWNER:
        await project_to_work_in(session, viewer, project_id, OWNERS)
    ended = delete(ResearchProjectTeam).where(*of_team)
    if await session.scalar(ended.returning(ResearchProjectTeam.id)) is None:
        raise NotFound("This team is not a member of the research project.")
    audit.record(session, signed_in(viewer), "removeResearchProjectTeam", about=project, team=team_id)
    return project
