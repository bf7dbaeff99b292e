"""Usernames: changed now and then, the former one reserved for its owner, and people found by theirs."""

from datetime import timedelta

from limits import RateLimitItemPerMinute
from sqlalchemy import ColumnElement, Interval, Select, func, literal, select
from sqlalchemy.orm import undefer

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Conflict, LimitReached
from app.identifiers import normal, skeleton
from app.limits.accounts import USERNAME_LENGTH_MAX
from app.models.accounts import User
from app.models.usernames import LOWER_USERNAME, USER_LOWER_USERNAME, FormerUsername
from app.policies import Viewer, signed_in, visible
from app.rates import Rates
from app.services.system.pruning import prunable
from app.settings import settings

# Follows every character of a name, so that nothing lies between the names with a prefix and it.
LAST = "\U0010ffff"


async def rename(session: WriteSession, user: User, username: str) -> None:
    """Gives a locked user another name; the former one stays reserved. A change of case alone is free."""
    before, user.username = user.username, username
    if skeleton(before) != skeleton(username):
        await _room_for_another(session, user)
        key, until = skeleton(before), func.now() + _reserved_for()
        session.add(FormerUsername(user_id=user.id, username=before, username_key=key, reserved_until=until))
    await session.flush()
    await keep_clear_of_former(session, user)


async def _room_for_another(session: WriteSession, user: User) -> None:
    since = FormerUsername.created_at > func.now() - _reserved_for()
    count = await session.scalar(select(func.count()).where(FormerUsername.user_id == user.id, since))
    if (count or 0) >= settings.username_changes_max:
        days = settings.username_reserved_days
        raise LimitReached(
            f"You can change your username {settings.username_changes_max} times in {days} days. Try again later.",
            limit=settings.username_changes_max,
        )


async def keep_clear_of_former(session: WriteSession, user: User) -> None:
    """Refuses a name that is reserved for another account.

    Asked once the name is written: whoever gave it up meanwhile has committed, since names are unique.
    """
    key = FormerUsername.username_key == skeleton(user.username)
    others = key, FormerUsername.user_id != user.id, FormerUsername.reserved_until > func.now()
    if await session.scalar(select(FormerUsername.id).where(*others).limit(1)) is not None:
        raise Conflict("This username is reserved for the account that had it until recently. Choose another one.")


def _reserved_for() -> ColumnElement[timedelta]:
    return literal(timedelta(days=settings.username_reserved_days), Interval)


@prunable("former usernames", FormerUsername)
async def no_longer_reserved(_: ReadSession) -> ColumnElement[bool]:
    """Names that everybody may choose again."""
    return FormerUsername.reserved_until < func.now()


async def limit_searches(rates: Rates, viewer: Viewer) -> None:
    """Refused if the viewer searched too often, for people or posts."""
    limit = RateLimitItemPerMinute(settings.searches_per_minute_max)
    await rates.take(limit, f"search:{signed_in(viewer)}", what="You searched too often.")


async def user_by_name(session: ReadSession, viewer: Viewer, username: str) -> User | None:
    """The user with this name, ignoring case, if the viewer sees them."""
    lower = _lower("username", username)
    return await session.scalar(visible(User, viewer).where(User.is_active, lower == LOWER_USERNAME))


def users_by_prefix(viewer: Viewer, prefix: str) -> Select[User]:
    """The users whom the viewer sees and whose names begin with this, ignoring case."""
    lower = _lower("prefix", prefix)
    named = lower <= LOWER_USERNAME, lower.concat(LAST) > LOWER_USERNAME
    return visible(User, viewer).where(User.is_active, *named).options(undefer(USER_LOWER_USERNAME))


def _lower(field: str, name: str) -> ColumnElement[str]:
    """A name as usernames are compared: by the database, so that its rules are the same."""
    return func.lower(literal(normal(checks.text(field, name, length_max=USERNAME_LENGTH_MAX)))).collate("C")
