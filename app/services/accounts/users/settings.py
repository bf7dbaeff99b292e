"""Account settings: names, notifications, date and number formats."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from app import checks
from app.database import WriteSession
from app.errors import Invalid
from app.limits.accounts import USER_PROFILE_LENGTH_MAX
from app.models.accounts import User, UserPreferences
from app.models.kinds import NotificationKind
from app.policies import Viewer, signed_in
from app.services.accounts.sign_in.sign_ups import checked_name, checked_username
from app.services.accounts.users.usernames import rename
from app.services.system import audit


def checked_declined(kinds: Sequence[NotificationKind]) -> list[NotificationKind]:
    """Each category once, in the order of declaration."""
    if required := [kind.value for kind in NotificationKind if kind in kinds and not kind.may_be_declined]:
        raise Invalid("notificationsDeclined", f"These categories cannot be turned off: {', '.join(required)}.")
    return list(dict.fromkeys(kinds))


CHECKED: dict[str, Callable[[Any], Any]] = {
    "username": checked_username,
    "first_name": lambda value: checked_name("firstName", value),
    "last_name": lambda value: checked_name("lastName", value),
    "user_profile": lambda value: checks.optional_text("userProfile", value, length_max=USER_PROFILE_LENGTH_MAX),
    "newsletter_subscription": bool,
    # Each method once, in the order of declaration.
    "notifications_delivery_methods": lambda value: list(dict.fromkeys(value)),
    "notifications_declined": checked_declined,
}


async def update_account(session: WriteSession, viewer: Viewer, changes: Mapping[str, Any]) -> User:
    """Updates the given fields of the viewer's account."""
    user = await session.get_one(User, signed_in(viewer), with_for_update={"key_share": True})
    checked = {field: CHECKED[field](value) for field, value in changes.items()}
    username = checked.pop("username", user.username)
    for field, value in checked.items():
        setattr(user, field, value)
    if username != user.username:
        await rename(session, user, username)
    await session.flush()
    audit.record(session, user.id, "updateAccount", about=user, changed=sorted(changes))
    return user


async def update_preferences(session: WriteSession, viewer: Viewer, changes: Mapping[str, Any]) -> UserPreferences:
    """Updates the given preferences of the viewer."""
    own = select(UserPreferences).where(UserPreferences.id == signed_in(viewer)).with_for_update()
    preferences = (await session.scalars(own)).one()
    for field, value in changes.items():
        setattr(preferences, field, value)
    await session.flush()
    audit.record(session, preferences.id, "updatePreferences", about=preferences, changed=sorted(changes))
    return preferences
