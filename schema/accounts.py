"""What clients see of people, sessions and teams."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app import models as tables
from app.services import accounts
from resolvers import accounts as resolve
from resolvers.mapping import NamedOrder, TrainingOrder
from schema.fields import Connection, connection, field, many, mutation, one
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row, shows

if TYPE_CHECKING:
    from schema.mapping import Dataset, Model, Training

strawberry.enum(tables.DeliveryMethod, description=tables.DeliveryMethod.__doc__)


class User(Row, of=tables.User):
    created_at: auto
    username: auto
    first_name: auto
    last_name: auto
    is_active: auto
    is_staff: auto
    is_super_admin: auto
    date_joined: auto
    email: str | None = field(resolve.email)
    email_verified: bool | None = field(resolve.email_verified)
    last_login: datetime | None = field(resolve.last_login)
    notifications_delivery_methods: list[tables.DeliveryMethod] | None = field(resolve.notifications_delivery_methods)
    newsletter_subscription: bool | None = field(resolve.newsletter_subscription)
    account_deletion_requested: bool | None = field(resolve.account_deletion_requested)
    datasets: Connection[Annotated["Dataset", strawberry.lazy("schema.mapping")]] = many(
        tables.User.datasets, order=NamedOrder
    )
    models: Connection[Annotated["Model", strawberry.lazy("schema.mapping")]] = many(
        tables.User.models, order=NamedOrder
    )
    trainings: Connection[Annotated["Training", strawberry.lazy("schema.mapping")]] = many(
        tables.User.trainings, order=TrainingOrder
    )
    teams: Connection["TeamMembership"] = many(tables.User.teams)


class Team(Row, of=tables.Team):
    created_at: auto
    name: auto
    admin_user: User | None = one(tables.Team.admin_user)
    members: Connection["TeamMembership"] = many(tables.Team.members)
    invitations: Connection["TeamInvitation"] = many(tables.Team.invitations)


class TeamMembership(Row, of=tables.TeamMembership):
    created_at: auto
    team: Team = one(tables.TeamMembership.team)
    user: User | None = one(tables.TeamMembership.user)


class TeamInvitation(Row, of=tables.TeamInvitation):
    created_at: auto
    expires_at: auto
    uses: auto
    uses_max: auto
    team: Team = one(tables.TeamInvitation.team)
    user: User | None = one(tables.TeamInvitation.user)


@shows(accounts.TeamInvitationLink)
class TeamInvitationLink:
    token: str = strawberry.field(description="What `acceptTeamInvitation` takes. It is shown this once.")
    invitation: TeamInvitation = strawberry.field(description="The invitation it belongs to.")


@shows(resolve.FormerTeam)
class FormerTeam:
    team_id: strawberry.ID = strawberry.field(description="The id it had for the viewer.")
    name: str = strawberry.field(description="Its name.")


@shows(accounts.SignedIn)
class SignedIn:
    token: str = strawberry.field(description="Send it as `Authorization: Bearer …`. It is shown this once.")
    expires_at: datetime = strawberry.field(description="When it ends unless it is used before.")
    user: User = strawberry.field(description="Who is signed in.")


@strawberry.type
class AccountsQuery:
    me: User | None = field(resolve.me)
    user: User | None = field(resolve.user)
    team: Team | None = field(resolve.team)
    teams: Connection[Team] = connection(resolve.teams, order=resolve.TeamOrder)


@strawberry.type
class AccountsMutation:
    sign_up: SignedIn | InvalidInput | Conflict = mutation(resolve.sign_up)
    sign_in: SignedIn | InvalidInput = mutation(resolve.sign_in)
    sign_out: bool = mutation(resolve.sign_out)
    create_team: Team | InvalidInput | Conflict | LimitReached = mutation(resolve.create_team)
    rename_team: Team | InvalidInput | Conflict = mutation(resolve.rename_team)
    leave_team: FormerTeam | Conflict = mutation(resolve.leave_team)
    remove_team_member: Team | Conflict = mutation(resolve.remove_team_member)
    transfer_team: Team | Conflict | LimitReached = mutation(resolve.transfer_team)
    delete_team: FormerTeam = mutation(resolve.delete_team)
    create_team_invitation: TeamInvitationLink | InvalidInput | LimitReached = mutation(resolve.create_team_invitation)
    regenerate_team_invitation: TeamInvitationLink | InvalidInput = mutation(resolve.regenerate_team_invitation)
    revoke_team_invitation: Team = mutation(resolve.revoke_team_invitation)
    accept_team_invitation: TeamMembership | InvalidInput | Conflict | LimitReached = mutation(
        resolve.accept_team_invitation
    )
