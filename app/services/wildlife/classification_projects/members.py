"""Who works in a classification project."""

from sqlalchemy import delete, select

from app.database import WriteSession
from app.errors import Invalid, NotFound
from app.models.accounts import User
from app.models.wildlife.classification_projects import ClassificationProjectMember, ClassificationProjectRole
from app.models.wildlife.projects import ResearchProject
from app.policies import Viewer, is_viewer, signed_in, visible
from app.policies.wildlife.projects import has_role
from app.services.accounts.users.deletion import on_parting
from app.services.system.notifications import notify_if_visible, notify_unless_viewer
from app.services.wildlife.classifications.access import project_to_change


async def set_member(
    session: WriteSession, viewer: Viewer, *, project_id: int, user_id: int, role: ClassificationProjectRole
) -> ClassificationProjectMember:
    """Adds a member, or changes their role. Members belong to the research project, too."""
    project = await project_to_change(session, viewer, project_id)
    user = await session.scalar(visible(User, viewer).where(User.id == user_id))
    if user is None:
        raise NotFound("There is no such user.")
    belongs = has_role(Viewer(user.id), ResearchProject.id)
    if not await session.scalar(select(belongs).where(ResearchProject.id == project.research_project_id)):
        raise Invalid("userId", "This user is no member of the research project. Add them there first, as a viewer.")
    of_them = ClassificationProjectMember.project_id == project.id, ClassificationProjectMember.user_id == user.id
    member = await session.scalar(select(ClassificationProjectMember).where(*of_them))
    if member is None:
        member = ClassificationProjectMember(project_id=project.id, user_id=user.id)
        session.add(member)
    is_news = member.role is not role
    member.role = role
    await session.flush()
    if is_news:
        message = f"Your role in the classification project {project.name} is now {role.value}."
        notify_unless_viewer(session, viewer, user.id, message, about=project)
    return member


async def remove_member(session: WriteSession, viewer: Viewer, member_id: int) -> ClassificationProjectMember:
    """Removes a member; their classifications stay. Members may leave by themselves."""
    signed_in(viewer)
    member = await session.scalar(
        visible(ClassificationProjectMember, viewer).where(ClassificationProjectMember.id == member_id)
    )
    if member is None:
        raise NotFound("There is no such member.")
    if not is_viewer(viewer, member.user_id):
        project = await project_to_change(session, viewer, member.project_id)
        message = f"You are no longer a member of the classification project {project.name}."
        await notify_if_visible(session, member.user_id, message, about=project)
    await session.execute(delete(ClassificationProjectMember).where(ClassificationProjectMember.id == member.id))
    return member


@on_parting
async def leave_classification_projects(session: WriteSession, user_id: int) -> None:
    """Their memberships end with the account; what they classified stays, without a name."""
    await session.execute(delete(ClassificationProjectMember).where(ClassificationProjectMember.user_id == user_id))
