"""Teams, their members and admins."""

from sqlalchemy import delete, func, select

from app.database import ReadSession, WriteSession
from app.errors import Conflict, LimitReached, NotFound
from app.models.accounts import Team, TeamMembership, User
from app.policies import Viewer, is_viewer, require, signed_in, visible
from app.policies.accounts import may_administer_this_team
from app.postgres import last_statement
from app.postgres.last_statement import Part
from app.services.system import audit
from app.services.system.notifications import notify, notify_unless_viewer
from app.settings import settings

FIRST_MEMBERS = Part(
    "first_members_added AS (INSERT INTO team_memberships (team_id, user_id) SELECT team_id, user_id FROM {rows})",
    team_id="bigint",
    user_id="bigint",
)


async def create_team(session: WriteSession, viewer: Viewer, *, name: str) -> Team:
    """A new team with the viewer as admin and only member."""
    user_id = signed_in(viewer)
    await _room_for_another(session, user_id)
    team = Team(name=name, admin_user_id=user_id)
    session.add(team)
    await session.flush()
    last_statement.of(session).add(FIRST_MEMBERS, team.id, user_id)
    audit.record(session, user_id, "createTeam", about=team)
    return team


async def _room_for_another(session: WriteSession, user_id: int) -> None:
    """Refused if a user is the admin of the maximum number of teams."""
    # The account is locked first, so that parallel requests cannot exceed the limit.
    await session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    count = await session.scalar(select(func.count()).where(Team.admin_user_id == user_id))
    if (count or 0) >= settings.teams_per_admin_max:
        raise LimitReached(
            "Nobody can be the admin of more teams. Delete or transfer one first.", limit=settings.teams_per_admin_max
        )


async def _locked_team(session: ReadSession, viewer: Viewer, team_id: int) -> Team:
    """A team the viewer sees, locked, since members and admin change one at a time."""
    team = await session.scalar(visible(Team, viewer).where(Team.id == team_id).with_for_update(key_share=True))
    if team is None:
        raise NotFound("There is no such team.")
    return team


async def team_to_change(session: ReadSession, viewer: Viewer, team_id: int) -> Team:
    """A team the viewer administers, locked."""
    team = await _locked_team(session, viewer, team_id)
    require(may_administer_this_team, viewer, team)
    return team


async def rename_team(session: WriteSession, viewer: Viewer, team_id: int, *, name: str) -> Team:
    """The team under its new name."""
    team = await team_to_change(session, viewer, team_id)
    team.name = name
    await session.flush()
    audit.record(session, signed_in(viewer), "renameTeam", about=team)
    return team


async def leave_team(session: WriteSession, viewer: Viewer, team_id: int) -> Team:
    """The viewer leaves; the admin is notified and cannot leave."""
    user_id = signed_in(viewer)
    team = await _locked_team(session, viewer, team_id)
    if team.admin_user_id == user_id:
        raise Conflict("The admin cannot leave. Make another member the admin first, or delete the team.")
    await _end_membership(session, team, user_id)
    audit.record(session, user_id, "leaveTeam", about=team)
    notify(session, team.admin_user_id, f"A member left the team {team.name}.", about=team, actor_id=user_id)
    return team


async def remove_team_member(session: WriteSession, viewer: Viewer, team_id: int, *, user_id: int) -> Team:
    """Removes another member, who is notified."""
    team = await team_to_change(session, viewer, team_id)
    if team.admin_user_id == user_id:
        raise Conflict("The admin cannot be removed. Make another member the admin first, or delete the team.")
    await _end_membership(session, team, user_id)
    audit.record(session, signed_in(viewer), "removeTeamMember", about=team, user_id=user_id)
    notify_unless_viewer(session, viewer, user_id, f"You were removed from the team {team.name}.", about=team)
    return team


async def _end_membership(session: WriteSession, team: Team, user_id: int) -> None:
    ended = delete(TeamMembership).where(TeamMembership.team_id == team.id, TeamMembership.user_id == user_id)
    if await session.scalar(ended.returning(TeamMembership.id)) is None:
        raise NotFound("This user is not a member of the team.")


async def transfer_team(session: WriteSession, viewer: Viewer, team_id: int, *, user_id: int) -> Team:
    """Makes another member the admin; the old one stays a member. Each is notified unless they did it."""
    team = await team_to_change(session, viewer, team_id)
    member = select(User).join(TeamMembership, TeamMembership.user_id == User.id)
    heir = await session.scalar(member.where(TeamMembership.team_id == team.id, User.id == user_id))
    if heir is None:
        raise NotFound("This user is not a member of the team.")
    if not heir.is_active:
        raise Conflict("This account is suspended.")
    if heir.account_deletion_due_at is not None:
        raise Conflict("This account is going to be deleted.")
    if team.admin_user_id == heir.id:
        raise Conflict("This user is already the admin.")
    await _room_for_another(session, heir.id)
    before, team.admin_user_id = team.admin_user_id, heir.id
    await session.flush()
    audit.record(session, signed_in(viewer), "transferTeam", about=team, user_id=heir.id)
    notify_unless_viewer(session, viewer, heir.id, f"You are now the admin of the team {team.name}.", about=team)
    if not is_viewer(viewer, before):
        notify(session, before, f"The team {team.name} has a new admin.", about=team, actor_id=heir.id)
    return team


async def delete_team(session: WriteSession, viewer: Viewer, team_id: int) -> Team:
    """Deletes the team with its memberships and invitations; the other members are notified."""
    team = await team_to_change(session, viewer, team_id)
    audit.record(session, signed_in(viewer), "deleteTeam", about=team, user_id=team.admin_user_id)
    members = select(TeamMembership.user_id).where(TeamMembership.team_id == team.id).order_by(TeamMembership.id)
    for user_id in (await session.scalars(members)).all():
        message = f"The team {team.name} was deleted."
        notify_unless_viewer(session, viewer, user_id, message, about=team, event="deleted")
    await session.execute(delete(Team).where(Team.id == team.id))
    return team
