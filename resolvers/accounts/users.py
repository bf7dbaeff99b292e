"""People."""

from datetime import datetime

import strawberry
from sqlalchemy import Select, or_

from app import checks
from app.models.accounts import User
from app.models.choices import DeliveryMethod, NotificationKind
from app.pagination import Order
from app.policies import require, visible
from app.policies.accounts import may_look_through_accounts, may_see_private_details_of
from app.services.accounts.users import statistics as statistics_service
from app.services.accounts.users.statistics import UserStatistics
from app.services.system import notifications
from app.settings import settings
from resolvers.context import Info
from resolvers.loaders import RowOrReference


class UserOrder(Order):
    """By age, by the last sign-in, or by name."""

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    LAST_LOGIN = ("last_login", True)
    USERNAME = ("username", False)


def users(
    info: Info,
    search: str | None = None,
    is_active: bool | None = None,
    is_staff: bool | None = None,
    joined_since: datetime | None = None,
    joined_until: datetime | None = None,
) -> Select[User]:
    """All accounts, for staff.

    search: Only those with this text in their username, their names or their e-mail address, in capitals or not.
    is_active: Only those that are open, or only those that are suspended.
    is_staff: Only staff, or only others.
    joined_since: Only those made from this time on.
    joined_until: Only those made before this time.
    """
    viewer = info.context.viewer
    require(may_look_through_accounts, viewer, None)
    found = visible(User, viewer)
    if sought := checks.optional_text("search", search, length_max=settings.note_length_max):
        names = (User.username, User.first_name, User.last_name, User.email)
        found = found.where(or_(*(name.icontains(sought, autoescape=True) for name in names)))
    if is_active is not None:
        found = found.where(User.is_active.is_(is_active))
    if is_staff is not None:
        found = found.where(User.is_staff.is_(is_staff))
    if joined_since is not None:
        found = found.where(User.created_at >= joined_since)
    return found if joined_until is None else found.where(User.created_at < joined_until)


async def me(info: Info) -> RowOrReference[User] | None:
    """The account that is signed in, or null."""
    user_id = info.context.viewer.user_id
    return None if user_id is None else await info.context.load.one(User, user_id)


async def user(info: Info, id: strawberry.ID) -> RowOrReference[User]:
    """An account by its id.

    id: Its id.
    """
    return await info.context.find(User, id)


def email(root: strawberry.Parent[User], info: Info) -> str | None:
    """The e-mail address; null for everybody but its owner and staff."""
    return root.email if may_see_private_details_of(info.context.viewer, root) else None


def email_verified(root: strawberry.Parent[User], info: Info) -> bool | None:
    """Whether the address was proven to be theirs; null for everybody but its owner and staff."""
    return root.email_verified if may_see_private_details_of(info.context.viewer, root) else None


def last_login(root: strawberry.Parent[User], info: Info) -> datetime | None:
    """When they last signed in; null for everybody but themselves and staff."""
    return root.last_login if may_see_private_details_of(info.context.viewer, root) else None


def notifications_delivery_methods(root: strawberry.Parent[User], info: Info) -> list[DeliveryMethod] | None:
    """How they want to be notified; null for everybody but themselves and staff."""
    return root.notifications_delivery_methods if may_see_private_details_of(info.context.viewer, root) else None


def notifications_declined(root: strawberry.Parent[User], info: Info) -> list[NotificationKind] | None:
    """What they do not want to be told of; null for everybody but themselves and staff."""
    return root.notifications_declined if may_see_private_details_of(info.context.viewer, root) else None


async def unread_notifications_count(root: strawberry.Parent[User], info: Info) -> int | None:
    """How many notifications they have not read; null for everybody but themselves and staff."""
    if not may_see_private_details_of(info.context.viewer, root):
        return None
    return await info.context.load.about(notifications.unread_counts, root.id)


def newsletter_subscription(root: strawberry.Parent[User], info: Info) -> bool | None:
    """Whether they want the newsletter; null for everybody but themselves and staff."""
    return root.newsletter_subscription if may_see_private_details_of(info.context.viewer, root) else None


def account_deletion_requested(root: strawberry.Parent[User], info: Info) -> bool | None:
    """Whether they asked to be deleted; null for everybody but themselves and staff."""
    return root.account_deletion_requested if may_see_private_details_of(info.context.viewer, root) else None


def account_deletion_due_at(root: strawberry.Parent[User], info: Info) -> datetime | None:
    """When the account will be deleted, unless they cancel that; null for everybody but themselves and staff."""
    return root.account_deletion_due_at if may_see_private_details_of(info.context.viewer, root) else None


async def statistics(root: strawberry.Parent[User], info: Info) -> UserStatistics | None:
    """What they have made, in figures; null for everybody but themselves and staff."""
    if not may_see_private_details_of(info.context.viewer, root):
        return None
    return await info.context.load.about(statistics_service.statistics_of, root.id)
