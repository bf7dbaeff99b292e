"""Teams and the ways into them."""

from dataclasses import dataclass

import strawberry
from sqlalchemy import Select

from app import checks
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


@dataclass(frozen=True)
class FormerTeam:
    """A team that the viewer left or deleted: what a client needs in order to forget it."""

    team_id: strawberry.ID
    name: str

    @classmethod
    def of(cls, team: Team) -> "FormerTeam":
        """What is told of a team."""
        return cls(ids.encode(team), team.name)


class TeamOrder(Order):
    """By age, or by name."""

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    NAME = ("name", False)


async def team(info: Info, id: strawberry.ID) -> RowOrReference[Team]:
    """A team by its id; there is none for those who do not belong to it.

    id: Its id.
    """
    return await info.context.find(Team, id)


def teams(info: Info, mine_only: bool = True, search: str | None = None) -> Select[Team]:
    """The viewer's teams.

    mine_only: Only those that the viewer belongs to; staff see all teams without it.
    search: Only those with this text in their name, in capitals or not.
    """
    viewer = info.context.viewer
    signed_in(viewer)
    found = visible(Team, viewer)
    if mine_only:
        found = found.where(belongs_to_team(viewer, Team.id))
    sought = checks.optional_text("search", search, length_max=settings.team_name_length_max)
    return found if sought is None else found.where(Team.name.icontains(sought, autoescape=True))


async def create_team(info: Info, name: str) -> Team:
    """Makes a team of which the viewer is the admin and the first member.

    name: Its name, at most 200 characters; no other team of its admin may have it.
    """
    async with info.context.writing() as session:
        return await memberships.create_team(session, info.context.viewer, name=name)


async def rename_team(info: Info, id: strawberry.ID, name: str) -> Team:
    """Gives a team another name; its admin may.

    id: Which team.
    name: Its new name.
    """
    async with info.context.writing() as session:
        return await memberships.rename_team(session, info.context.viewer, ids.key(id, Team), name=name)


async def leave_team(info: Info, id: strawberry.ID) -> FormerTeam:
    """Ends the viewer's membership; the admin cannot leave, but transfer or delete the team.

    id: Which team.
    """
    async with info.context.writing() as session:
        return FormerTeam.of(await memberships.leave_team(session, info.context.viewer, ids.key(id, Team)))


async def remove_team_member(info: Info, id: strawberry.ID, user_id: strawberry.ID) -> Team:
    """Ends another's membership; the admin may. A link they know admits them again: make it anew, or revoke it.

    id: Which team.
    user_id: Whose membership.
    """
    async with info.context.writing() as session:
        return await memberships.remove_team_member(
            session, info.context.viewer, ids.key(id, Team), user_id=ids.key(user_id, User)
        )


async def transfer_team(info: Info, id: strawberry.ID, user_id: strawberry.ID) -> Team:
    """Makes another member the admin; the old one may, and stays a member.

    id: Which team.
    user_id: Who is to be its admin.
    """
    async with info.context.writing() as session:
        return await memberships.transfer_team(
            session, info.context.viewer, ids.key(id, Team), user_id=ids.key(user_id, User)
        )


async def delete_team(info: Info, id: strawberry.ID) -> FormerTeam:
    """Ends a team with its memberships and invitations; its admin may.

    id: Which team.
    """
    async with info.context.writing() as session:
        return FormerTeam.of(await memberships.delete_team(session, info.context.viewer, ids.key(id, Team)))


async def create_team_invitation(
    info: Info, team_id: strawberry.ID, expires_in_days: int = 7, uses_max: int = 1
) -> TeamInvitationLink:
    """Makes a link by which people join a team; its admin may.

    team_id: Which team.
    expires_in_days: How long it holds, 1 to 30 days.
    uses_max: How many may join by it, 1 to 100.
    """
    viewer, team_key = info.context.viewer, ids.key(team_id, Team)
    async with invitations.pace_team_invitation(info.context.rates, viewer), info.context.writing() as session:
        return await invitations.create_team_invitation(
            session, viewer, team_id=team_key, expires_in_days=expires_in_days, uses_max=uses_max
        )


async def regenerate_team_invitation(info: Info, id: strawberry.ID, expires_in_days: int = 7) -> TeamInvitationLink:
    """Makes a new link for an invitation, unused; the old one is worth nothing from then on.

    id: Which invitation.
    expires_in_days: How long the new link holds, 1 to 30 days.
    """
    viewer, key = info.context.viewer, ids.key(id, TeamInvitation)
    async with invitations.pace_team_invitation(info.context.rates, viewer), info.context.writing() as session:
        return await invitations.regenerate_team_invitation(session, viewer, key, expires_in_days=expires_in_days)


async def revoke_team_invitation(info: Info, id: strawberry.ID) -> Team:
    """Takes an invitation back; its link is worth nothing from then on.

    id: Which invitation.
    """
    async with info.context.writing() as session:
        return await invitations.revoke_team_invitation(session, info.context.viewer, ids.key(id, TeamInvitation))


async def accept_team_invitation(info: Info, token: str) -> TeamMembership:
    """Joins the team that a link invites to.

    token: The link's token.
    """
    viewer, address = info.context.viewer, info.context.address
    async with (
        invitations.pace_team_acceptance(info.context.rates, viewer, address=address),
        info.context.writing() as session,
    ):
        return await invitations.accept_team_invitation(session, viewer, token=token)
