"""People and sessions."""

from datetime import datetime

import strawberry

from app.models import DeliveryMethod, User
from app.policies.accounts import may_see_private_details_of
from app.services import accounts
from app.services.accounts import SignedIn
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


async def sign_up(
    info: Info, email: str, username: str, password: str, first_name: str = "", last_name: str = ""
) -> SignedIn:
    """Makes an account and signs in.

    email: Where to reach them; not shown to others.
    username: The name others see; unique.
    password: At least ten characters.
    first_name: Given name.
    last_name: Family name.
    """
    await accounts.pace_sign_up(info.context.rates, address=info.context.address)
    password_hash = await accounts.new_password_hash(password)
    async with info.context.writing() as session:
        return await accounts.sign_up(
            session,
            email=email,
            username=username,
            password_hash=password_hash,
            first_name=first_name,
            last_name=last_name,
        )


async def sign_in(info: Info, email: str, password: str) -> SignedIn:
    """Opens a session. Send its token as `Authorization: Bearer …`, or in a socket's `connectionParams`.

    email: The account's address.
    password: The account's password.
    """
    await accounts.pace_sign_in(info.context.rates, email=email, address=info.context.address)
    found = await accounts.user_by_password(info.context.database, email=email, password=password)
    async with info.context.writing() as session:
        return await accounts.sign_in(session, found)


async def sign_out(info: Info) -> bool:
    """Ends the session the request came with; its token is worth nothing from then on."""
    async with info.context.writing() as session:
        return await accounts.sign_out(session, info.context.viewer)
