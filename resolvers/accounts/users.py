"""Users."""

from datetime import datetime

import strawberry
from sqlalchemy import Select, or_

from app import checks
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.choices import DeliveryMethod
from app.models.kinds import NotificationKind
from app.pagination import Order
from app.policies import require, visible
from app.policies.accounts import may_look_through_accounts, may_see_private_details_of
from app.services.accounts.users import statistics as statistics_service
from app.services.accounts.users import usernames
from app.services.accounts.users.statistics import UserStatistics
from app.services.system import notifications
from resolvers.context import Info
from resolvers.loaders import RowOrReference


class UserOrder(Order):
    """By age, last sign-in or name.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    LAST_LOGIN: The last signed in first.
    USERNAME: By username, from A to Z.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    LAST_LOGIN = ("last_login", True)
    USERNAME = ("username", False)


class UsernameOrder(Order):
    """By username.

    USERNAME: By username, ignoring case.
    """

    USERNAME = ("lower_username", False)


def users(
    info: Info,
    search: str | None = None,
    is_active: bool | None = None,
    is_staff: bool | None = None,
    joined_since: datetime | None = None,
    joined_until: datetime | None = None,
) -> Select[User]:
    """All accounts. For staff.

    search: Only accounts whose username, name or email address contains this text, ignoring case.
    is_active: True for open accounts only, false for suspended accounts only.
    is_staff: True for staff only, false for other users only.
    joined_since: Only accounts created at or after this time.
    joined_until: Only accounts created before this time.
    """
    viewer = info.context.viewer
    require(may_look_through_accounts, viewer, None)
    query = visible(User, viewer)
    if sought := checks.optional_text("search", search, length_max=NOTE_LENGTH_MAX):
        names = (User.username, User.first_name, User.last_name, User.email)
        query = query.where(or_(*(name.icontains(sought, autoescape=True) for name in names)))
    if is_active is not None:
        query = query.where(User.is_active.is_(is_active))
    if is_staff is not None:
        query = query.where(User.is_staff.is_(is_staff))
    if joined_since is not None:
        query = query.where(User.created_at >= joined_since)
    return query if joined_until is None else query.where(User.created_at < joined_until)


async def me(info: Info) -> RowOrReference[User] | None:
    """The signed-in user, or null."""
    user_id = info.context.viewer.user_id
    return None if user_id is None else await info.context.load.one(User, user_id)


async def user(info: Info, id: strawberry.ID) -> RowOrReference[User]:
    """An account by its id.

    id: The account's id.
    """
    return await info.context.find(User, id)


async def user_by_name(info: Info, username: str) -> User | None:
    """The account with this username, ignoring case. Null if the viewer sees nobody of that name. For signed-in users.

    username: The whole username.
    """
    viewer = info.context.viewer
    await usernames.limit_searches(info.context.rates, viewer)
    async with info.context.reading() as session:
        return await usernames.user_by_name(session, viewer, username)


async def find_users(info: Info, prefix: str) -> Select[User]:
    """Accounts whose username begins with a text, ignoring case, in the order of their usernames. For signed-in users.

    prefix: The beginning of the username, from one character.
    """
    viewer = info.context.viewer
    await usernames.limit_searches(info.context.rates, viewer)
    return usernames.users_by_prefix(viewer, prefix)


def email(root: strawberry.Parent[User], info: Info) -> str | None:
    """The email address. Null unless the viewer is the owner or staff."""
    return root.email if may_see_private_details_of(info.context.viewer, root) else None


def email_verified(root: strawberry.Parent[User], info: Info) -> bool | None:
    """Whether the email address is verified. Null unless the viewer is the owner or staff."""
    return root.email_verified if may_see_private_details_of(info.context.viewer, root) else None


def last_login(root: strawberry.Parent[User], info: Info) -> datetime | None:
    """The last sign-in. Null unless the viewer is the owner or staff."""
    return root.last_login if may_see_private_details_of(info.context.viewer, root) else None


def notifications_delivery_methods(root: strawberry.Parent[User], info: Info) -> list[DeliveryMethod] | None:
    """How notifications are delivered. Null unless the viewer is the owner or staff."""
    return root.notifications_delivery_methods if may_see_private_details_of(info.context.viewer, root) else None


def notifications_declined(root: strawberry.Parent[User], info: Info) -> list[NotificationKind] | None:
    """Notification categories that are turned off. Null unless the viewer is the owner or staff."""
    return root.notifications_declined if may_see_private_details_of(info.context.viewer, root) else None


async def unread_notifications_count(root: strawberry.Parent[User], info: Info) -> int | None:
    """The number of unread notifications. Null unless the viewer is the owner or staff."""
    if not may_see_private_details_of(info.context.viewer, root):
        return None
    return await info.context.load.about(notifications.unread_counts, root.id)


def newsletter_subscription(root: strawberry.Parent[User], info: Info) -> bool | None:
    """Whether the user receives the newsletter. Null unless the viewer is the owner or staff."""
    return root.newsletter_subscription if may_see_private_details_of(info.context.viewer, root) else None


def account_deletion_requested(root: strawberry.Parent[User], info: Info) -> bool | None:
    """Whether the user requested deletion. Null unless the viewer is the owner or staff."""
    return root.account_deletion_requested if may_see_private_details_of(info.context.viewer, root) else None


def account_deletion_due_at(root: strawberry.Parent[User], info: Info) -> datetime | None:
    """When the account will be deleted, unless the owner cancels it. Null unless the viewer is the owner or staff."""
    return root.account_deletion_due_at if may_see_private_details_of(info.context.viewer, root) else None


async def statistics(root: strawberry.Parent[User], info: Info) -> UserStatistics | None:
    """Counts of what the user created. Null unless the viewer is the owner or staff."""
    if not may_see_private_details_of(info.context.viewer, root):
        return None
    return await info.context.load.about(statistics_service.statistics_of, root.id)
