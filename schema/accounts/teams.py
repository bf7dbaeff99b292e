"""GraphQL types for teams, members and invitations."""

import strawberry
from strawberry import auto

from app.models import accounts as account_tables
from app.services.accounts.teams import invitations as invitations_service
from resolvers.accounts import teams as resolve
from schema.accounts.users import User
from schema.fields import Connection, connection, field, many, mutation, one
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row, shows


class Team(Row, of=account_tables.Team):
    created_at: auto
    name: auto
    admin_user: User | None = one(account_tables.Team.admin_user)
    members: Connection["TeamMembership"] = many(account_tables.Team.members)
    invitations: Connection["TeamInvitation"] = many(account_tables.Team.invitations)


class TeamMembership(Row, of=account_tables.TeamMembership):
    created_at: auto
    team: Team = one(account_tables.TeamMembership.team)
    user: User | None = one(account_tables.TeamMembership.user)


class TeamInvitation(Row, of=account_tables.TeamInvitation):
    created_at: auto
    expires_at: auto
    uses: auto
    uses_max: auto
    team: Team = one(account_tables.TeamInvitation.team)
    user: User | None = one(account_tables.TeamInvitation.user)


@shows(invitations_service.TeamInvitationLink)
class TeamInvitationLink:
    token: str = strawberry.field(description="The token for `acceptTeamInvitation`. It is shown only once.")
    url: str = strawberry.field(description="The link to send: a page to join the team at. It is shown only once.")
    invitation: TeamInvitation = strawberry.field(description="The invitation.")


@shows(resolve.FormerTeam)
class FormerTeam:
    team_id: strawberry.ID = strawberry.field(description="The id the team had.")
    name: str = strawberry.field(description="The team's name.")


@strawberry.type
class TeamsQuery:
    team: Team | None = field(resolve.team)
    teams: Connection[Team] = connection(resolve.teams, order=resolve.TeamOrder)


@strawberry.type
class TeamsMutation:
    create_team: Team | InvalidInput | Conflict | LimitReached = mutation(resolve.create_team)
    rename_team: Team | InvalidInput | Conflict = mutation(resolve.rename_team)
    leave_team: FormerTeam | Conflict = mutation(resolve.leave_team)
    remove_team_member: Team | Conflict = mutation(resolve.remove_team_member)
    transfer_team: Team | Conflict | LimitReached = mutation(resolve.transfer_team)
    delete_team: FormerTeam = mutation(resolve.delete_team)
    create_team_invitation: TeamInvitationLink | InvalidInput | LimitReached = mutation(
        resolve.create_team_invitation, keyed=False
    )
    regenerate_team_invitation: TeamInvitationLink | InvalidInput = mutation(
        resolve.regenerate_team_invitation, keyed=False
    )
    revoke_team_invitation: Team = mutation(resolve.revoke_team_invitation)
    accept_team_invitation: TeamMembership | InvalidInput | Conflict | LimitReached = mutation(
        resolve.accept_team_invitation, once_per_operation=True
    )
