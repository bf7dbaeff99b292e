"""Passwords: reset and change. Both end the other sessions, API keys, and all links sent before."""

import asyncio
from collections.abc import Iterable

from sqlalchemy import delete, select

from app.database import Database, WriteSession
from app.errors import Conflict, Invalid
from app.models.accounts import ApiKey, User
from app.models.kinds.accounts import AccountsMail
from app.policies import Viewer, signed_in
from app.security import credentials
from app.services.accounts.email.requests import MailRequested, request_mail
from app.services.accounts.email.tokens import Proof, holder_of
from app.services.accounts.sign_in import password_strength
from app.services.accounts.sign_in.sessions import end_sessions
from app.services.system import audit, mail
from app.settings import settings


async def new_password_hash(password: str, *, names: Iterable[str | None], field: str = "password") -> str:
    """The hash of a password of valid length that is hard to guess, also for those who know these names of its owner.

    Slow by design, so never inside a transaction.
    """
    low, high = settings.password_length_min, settings.password_length_max
    if not low <= len(password) <= high:
        raise Invalid(field, f"Choose a password of {low} to {high} characters.")
    await asyncio.to_thread(password_strength.check, password, names=names, field=field)
    return await credentials.hash_password(password)


async def names_of(database: Database, user_id: int | None) -> list[str | None]:
    """The names and the address of an account, which its password may not consist of."""
    columns = select(User.username, User.first_name, User.last_name, User.email)
    async with database.reading() as session:
        row = (await session.execute(columns.where(User.id == user_id))).one_or_none()
    return [*row] if row else []


async def request_password_reset(session: WriteSession, *, email: str) -> MailRequested:
    """Sends an email with a link, if the address has an account; nobody else learns whether it has."""
    return await request_mail(session, AccountsMail.PASSWORD_RESET, email=email)


async def reset_password(session: WriteSession, *, proof: Proof, password_hash: str) -> User:
    """Sets an account's password (also its first); all its sessions and API keys end."""
    user = await holder_of(session, proof)
    # A valid token proves that they read the mail to the address.
    user.email_verified = True
    await replace_password(session, user, password_hash, keeping=None)
    audit.record(session, user.id, "resetPassword", about=user)
    return user


async def old_password_hash(database: Database, viewer: Viewer, *, password: str) -> str:
    """The hash of the viewer's password, if this is the password."""
    user_id = signed_in(viewer)
    async with database.reading() as session:
        user = await session.get_one(User, user_id)
    if user.password_hash is None:
        raise Conflict("This account has no password yet. Set one with requestPasswordReset.")
    if not await credentials.password_matches(password, user.password_hash):
        raise Invalid("currentPassword", "This password is wrong.")
    return user.password_hash


async def change_password(
    session: WriteSession, viewer: Viewer, *, old_hash: str, password_hash: str, keeps_api_keys: bool
) -> User:
    """Changes the password. All other sessions end, and all API keys unless they are to be kept."""
    user = await session.get_one(User, signed_in(viewer), with_for_update={"key_share": True})
    if user.password_hash != old_hash:
        raise Conflict("The password was changed meanwhile. Try again with the new one.")
    keeping = viewer.session_id
    await replace_password(session, user, password_hash, keeping=keeping, keeps_api_keys=keeps_api_keys)
    audit.record(session, user.id, "changePassword", about=user, apiKeysKept=keeps_api_keys)
    return user


async def replace_password(
    session: WriteSession, user: User, password_hash: str, *, keeping: int | None, keeps_api_keys: bool = False
) -> None:
    """Changes the password and informs the owner. All sessions but one end, and all API keys."""
    user.password_hash = password_hash
    user.security_stamp += 1
    await session.flush()
    if not keeps_api_keys:
        await session.execute(delete(ApiKey).where(ApiKey.user_id == user.id))
    await end_sessions(session, user.id, keeping=keeping)
    if user.email is not None:
        await mail.post(session, AccountsMail.PASSWORD_CHANGED, address=user.email, user_id=user.id)
