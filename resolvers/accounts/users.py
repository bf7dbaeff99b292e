"""People."""

from datetime import datetime

import strawberry

from app.models import DeliveryMethod, User
from app.policies.accounts import may_see_private_details_of
from resolvers.context import Info


async def me(info: Info) -> User | None:
    """The account that is signed in, or null."""
    user_id = info.context.viewer.user_id
    return None if user_id is None else await info.context.load.one(User, user_id)


async def user(info: Info, id: strawberry.ID) -> User:
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


def newsletter_subscription(root: strawberry.Parent[User], info: Info) -> bool | None:
    """Whether they want the newsletter; null for everybody but themselves and staff."""
    return root.newsletter_subscription if may_see_private_details_of(info.context.viewer, root) else None


def account_deletion_requested(root: strawberry.Parent[User], info: Info) -> bool | None:
    """Whether they asked to be deleted; null for everybody but themselves and staff."""
    return root.account_deletion_requested if may_see_private_details_of(info.context.viewer, root) else None
