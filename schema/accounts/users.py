"""GraphQL types for users. Other domains add their fields with `adds_fields`."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app.models import accounts as account_tables
from app.models import choices as choice_tables
from app.models.kinds import NotificationKind
from resolvers.accounts import users as resolve
from resolvers.enums import show_enum
from schema.accounts.profiles import Profile
from schema.accounts.statistics import UserStatistics
from schema.fields import Connection, connection, field, many, one
from schema.row import Row

if TYPE_CHECKING:
    from schema.accounts.account import UserPreferences
    from schema.accounts.keys import ApiKey
    from schema.accounts.osm import OsmAccount
    from schema.accounts.sessions import Session
    from schema.accounts.teams import TeamMembership

for kind in (choice_tables.DeliveryMethod, NotificationKind):
    show_enum(kind)


class User(Row, of=account_tables.User):
    created_at: auto
    username: auto
    first_name: auto
    last_name: auto
    full_name: auto
    is_active: auto
    is_staff: auto
    is_super_admin: auto
    date_joined: auto
    email: str | None = field(resolve.email)
    email_verified: bool | None = field(resolve.email_verified)
    last_login: datetime | None = field(resolve.last_login)
    notifications_delivery_methods: list[choice_tables.DeliveryMethod] | None = field(
        resolve.notifications_delivery_methods
    )
    newsletter_subscription: bool | None = field(resolve.newsletter_subscription)
    notifications_declined: list[NotificationKind] | None = field(resolve.notifications_declined)
    unread_notifications_count: int | None = field(resolve.unread_notifications_count)
    account_deletion_requested: bool | None = field(resolve.account_deletion_requested)
    profile: Profile = one(account_tables.User.profile)
    account_deletion_due_at: datetime | None = field(resolve.account_deletion_due_at)
    user_profile: auto
    preferences: Annotated["UserPreferences", strawberry.lazy("schema.accounts.account")] | None = one(
        account_tables.User.preferences
    )
    statistics: UserStatistics | None = field(resolve.statistics)
    teams: Connection[Annotated["TeamMembership", strawberry.lazy("schema.accounts.teams")]] = many(
        account_tables.User.teams
    )
    osm_account: Annotated["OsmAccount", strawberry.lazy("schema.accounts.osm")] | None = one(
        account_tables.User.osm_account
    )
    api_keys: Connection[Annotated["ApiKey", strawberry.lazy("schema.accounts.keys")]] = many(
        account_tables.User.api_keys
    )
    sessions: Connection[Annotated["Session", strawberry.lazy("schema.accounts.sessions")]] = many(
        account_tables.User.sessions
    )


@strawberry.type
class UsersQuery:
    me: User | None = field(resolve.me)
    user: User | None = field(resolve.user)
    user_by_name: User | None = field(resolve.user_by_name)
    find_users: Connection[User] = connection(resolve.find_users, order=resolve.UsernameOrder, is_paced=True)
    users: Connection[User] = connection(resolve.users, order=resolve.UserOrder)
