"""GraphQL types and fields for users, sessions and teams."""

import strawberry

from schema.accounts.account import AccountMutation
from schema.accounts.email_requests import MailedMutation
from schema.accounts.exports import ExportsMutation, ExportsQuery
from schema.accounts.keys import KeysMutation
from schema.accounts.osm import OsmMutation
from schema.accounts.profiles import ProfilesMutation
from schema.accounts.sessions import SessionsMutation
from schema.accounts.staff import StaffMutation
from schema.accounts.teams import TeamsMutation, TeamsQuery
from schema.accounts.users import User, UsersQuery

__all__ = ["AccountsMutation", "AccountsQuery", "User"]


@strawberry.type
class AccountsQuery(UsersQuery, TeamsQuery, ExportsQuery):
    """The queries of this domain."""


@strawberry.type
class AccountsMutation(
    AccountMutation,
    MailedMutation,
    SessionsMutation,
    KeysMutation,
    ProfilesMutation,
    TeamsMutation,
    StaffMutation,
    ExportsMutation,
    OsmMutation,
):
    """The mutations of this domain."""
