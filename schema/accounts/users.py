"""GraphQL types for users."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app.models import accounts as account_tables
from app.models import choices as choice_tables
from app.models.kinds import NotificationKind
from app.models.mapping.datasets import USER_DATASETS
from app.models.mapping.feedback import USER_APPROVED_PREDICTIONS, USER_FEEDBACKS
from app.models.mapping.predictions import USER_PREDICTIONS
from app.models.mapping.trainings import USER_MODELS, USER_TRAININGS
from app.models.social import USER_FRIENDSHIPS, USER_POSTS
from resolvers.accounts import users as resolve
from resolvers.mapping.datasets import NamedOrder
from resolvers.mapping.trainings import TrainingOrder
from resolvers.social.friends import is_friend, is_muted
from schema.accounts.profiles import Profile
from schema.accounts.statistics import UserStatistics
from schema.fields import Connection, computed, connection, field, many, one
from schema.row import Row

if TYPE_CHECKING:
    from schema.accounts.account import UserPreferences
    from schema.accounts.keys import ApiKey
    from schema.accounts.osm import OsmAccount
    from schema.accounts.sessions import Session
    from schema.accounts.teams import TeamMembership
    from schema.mapping.datasets import Dataset
    from schema.mapping.feedback import ApprovedPrediction, Feedback
    from schema.mapping.predictions import Prediction
    from schema.mapping.trainings import Model, Training
    from schema.social.friends import Friendship
    from schema.social.posts import Post

for kind in (choice_tables.DeliveryMethod, NotificationKind):
    strawberry.enum(kind, description=kind.__doc__)


class User(Row, of=account_tables.User):
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
    datasets: Connection[Annotated["Dataset", strawberry.lazy("schema.mapping.datasets")]] = many(
        USER_DATASETS, order=NamedOrder
    )
    models: Connection[Annotated["Model", strawberry.lazy("schema.mapping.trainings")]] = many(
        USER_MODELS, order=NamedOrder
    )
    trainings: Connection[Annotated["Training", strawberry.lazy("schema.mapping.trainings")]] = many(
        USER_TRAININGS, order=TrainingOrder
    )
    statistics: UserStatistics | None = field(resolve.statistics)
    predictions: Connection[Annotated["Prediction", strawberry.lazy("schema.mapping.predictions")]] = many(
        USER_PREDICTIONS
    )
    posts: Connection[Annotated["Post", strawberry.lazy("schema.social.posts")]] = many(USER_POSTS)
    friendships: Connection[Annotated["Friendship", strawberry.lazy("schema.social.friends")]] = many(USER_FRIENDSHIPS)
    is_friend: bool = computed(is_friend)
    is_muted: bool = computed(is_muted)
    feedbacks: Connection[Annotated["Feedback", strawberry.lazy("schema.mapping.feedback")]] = many(USER_FEEDBACKS)
    approved_predictions: Connection[Annotated["ApprovedPrediction", strawberry.lazy("schema.mapping.feedback")]] = (
        many(USER_APPROVED_PREDICTIONS)
    )
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
    users: Connection[User] = connection(resolve.users, order=resolve.UserOrder)
