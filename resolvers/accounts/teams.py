"""Teams and how to join them."""

from dataclasses import dataclass

import strawberry
from sqlalchemy import Select

from app import checks
from app.limits.accounts import TEAM_NAME_LENGTH_MAX
from app.models.accounts import Team, TeamInvitation, TeamMembership, User
from app.pagination import Order
from app.policies import signed_in, visible
from app.policies.accounts import belongs_to_team
from app.services.accounts.teams import invitations, memberships
from app.services.accounts.teams.invitations import TeamInvitationLink
from app.settings import settings
from resolvers import ids
from resolvers.context import Info
from resolvers.loaders import RowOrReference

INVITATION_DAYS = min(7, settings.team_invitation_days_max)


@dataclass(frozen=True)
class FormerTeam:
    """A team that the viewer left or deleted, so that clients can drop it from their caches."""

    team_id: strawberry.ID
    name: str

    @classmethod
    def of(cls, team: Team) -> "FormerTeam":
        """Fields of a team."""
        return cls(ids.encode(team), team.name)


class TeamOrder(Order):
    """By age or by name.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    NAME: By name, from A to Z.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    NAME = ("name", False)


async def team(info: Info, id: strawberry.ID) -> RowOrReference[Team]:
    """A team by its id. Visible to its members and staff.

    id: The team's id.
    """
    return await info.context.find(Team, id)


def teams(info: Info, mine_only: bool = True, search: str | None = None) -> Select[Team]:
    """The viewer's teams.

    mine_only: Only teams the viewer belongs to. Without it, staff see all teams.
    search: Only teams whose name contains this text, ignoring case.
    """
    viewer = info.context.viewer
    signed_in(viewer)
    query = visible(Team, viewer)
    if mine_only:
        query = query.where(belongs_to_team(viewer, Team.id))
    sought = checks.optional_text("search", search, length_max=TEAM_NAME_LENGTH_MAX)
    return query if sought is None else query.where(Team.name.icontains(sought, autoescape=True))


async def create_team(info: Info, name: str) -> Team:
    """Creates a team. The viewer becomes its admin and first member.

    name: The team's name, at most {accounts.TEAM_NAME_LENGTH_MAX} characters; unique among the admin's teams.
    """
    async with info.context.writing() as session:
        return await memberships.create_team(session, info.context.viewer, name=name)


async def rename_team(info: Info, id: strawberry.ID, name: str) -> Team:
    """Renames a team. For its admin.

    id: The team.
    name: The new name.
    """
    async with info.context.writing() as session:
        return await memberships.rename_team(session, info.context.viewer, ids.key(id, Team), name=name)


async def leave_team(info: Info, id: strawberry.ID) -> FormerTeam:
    """Leaves a team. The admin cannot leave; they transfer or delete the team instead.

    id: The team.
    """
    async with info.context.writing() as session:
        return FormerTeam.of(await memberships.leave_team(session, info.context.viewer, ids.key(id, Team)))


async def remove_team_member(info: Info, id: strawberry.ID, user_id: strawberry.ID) -> Team:
    """Removes a member. For the team's admin. A link the member knows still lets them join again: renew or revoke it.

    id: The team.
    user_id: The member.
    """
    async with info.context.writing() as session:
        return await memberships.remove_team_member(
            session, info.context.viewer, ids.key(id, Team), user_id=ids.key(user_id, User)
        )


async def transfer_team(info: Info, id: strawberry.ID, user_id: strawberry.ID) -> Team:
    """Makes another member the admin. For the current admin, who stays a member.

    id: The team.
    user_id: The new admin.
    """
    async with info.context.writing() as session:
        return await memberships.transfer_team(
            session, info.context.viewer, ids.key(id, Team), user_id=ids.key(user_id, User)
        )


async def delete_team(info: Info, id: strawberry.ID) -> FormerTeam:
    """Deletes a team with its memberships and invitations. For its admin.

    id: The team.
    """
    async with info.context.writing() as session:
        return FormerTeam.of(await memberships.delete_team(session, info.context.viewer, ids.key(id, Team)))


async def create_team_invitation(
    info: Info, team_id: strawberry.ID, expires_in_days: int = INVITATION_DAYS, uses_max: int = 1
) -> TeamInvitationLink:
    """Creates an invitation link to a team. For its admin.

    team_id: The team.
    expires_in_days: How many days the link is valid, 1 to {settings.team_invitation_days_max}.
    uses_max: How many people may join with it, 1 to {settings.team_invitation_uses_max}.
    """
    viewer, team_key = info.context.viewer, ids.key(team_id, Team)
    async with invitations.limit_team_invitation(info.context.rates, viewer), info.context.writing() as session:
        return await invitations.create_team_invitation(
            session, viewer, team_id=team_key, expires_in_days=expires_in_days, uses_max=uses_max
        )


async def regenerate_team_invitation(
    info: Info, id: strawberry.ID, expires_in_days: int = INVITATION_DAYS
) -> TeamInvitationLink:
    """Replaces an invitation's link with a new, unused one. The old link becomes invalid at once.

    id: The invitation.
    expires_in_days: How many days the new link is valid, 1 to {settings.team_invitation_days_max}.
    """
    viewer, key = info.context.viewer, ids.key(id, TeamInvitation)
    async with invitations.limit_team_invitation(info.context.rates, viewer), info.context.writing() as session:
        return await invitations.regenerate_team_invitation(session, viewer, key, expires_in_days=expires_in_days)


async def revoke_team_invitation(info: Info, id: strawberry.ID) -> Team:
    """Revokes an invitation. Its link becomes invalid at once.

    id: The invitation.
    """
    async with info.context.writing() as session:
        return await invitations.revoke_team_invitation(session, info.context.viewer, ids.key(id, TeamInvitation))


async def accept_team_invitation(info: Info, token: str) -> TeamMembership:
    """Joins the team of an invitation link.

    token: The link's token.
    """
    viewer, address = info.context.viewer, info.context.address
    async with (
        invitations.limit_team_acceptance(info.context.rates, viewer, address=address),
        info.context.writing() as session,
    ):
        return await invitations.accept_team_invitation(session, viewer, token=token)
