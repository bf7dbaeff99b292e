"""Sign-in, sign-out, sessions, and looking up the owner of a token."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import DateTime, LargeBinary, delete, func, select, update

from app import checks
from app.database import Database, WriteSession, acts_for
from app.errors import Invalid, NotFound, OutcomeUnknown, Unauthenticated
from app.limits.accounts import CLIENT_LENGTH_MAX
from app.models.accounts import Session, User
from app.policies import Viewer, signed_in
from app.postgres.prepared import compiled, dumped, parameter
from app.security import credentials
from app.services import viewers
from app.services.accounts.sign_in.api_keys import viewer_by_key
from app.services.accounts.sign_in.rate_limits import device_token
from app.services.system import audit
from app.settings import settings


class Device(NamedTuple):
    """The client of a session: its program and network address."""

    client: str = ""
    address: str = ""


NO_DEVICE = Device()


@dataclass(frozen=True)
class SignedIn:
    """A new session and its token, which is shown only once."""

    token: str
    expires_at: datetime
    user: User
    device_token: str


async def user_by_password(database: Database, *, email: str, password: str) -> User:
    """The account with this address and password; an unknown address takes as long as a wrong password."""
    async with database.reading() as session:
        user = await session.scalar(select(User).where(func.lower(User.email) == func.lower(_address(email))))
    matches = await credentials.password_matches(password, user.password_hash if user else None)
    if user is None or not matches or not user.is_active:
        raise wrong_password()
    return user


def wrong_password() -> Invalid:
    """The same answer for every refused sign-in."""
    return Invalid("password", "Wrong email address or password.")


def _address(email: str) -> str:
    """The address in its stored form; no account's if it is not a valid address."""
    try:
        return checks.email("email", email)
    except Invalid:
        return ""


async def sign_in(session: WriteSession, user: User, device: Device = NO_DEVICE) -> SignedIn:
    """A new session after a verified password, unless the password was changed since."""
    still = User.is_active & (User.security_stamp == user.security_stamp)
    active_user = await session.scalar(select(User).where(User.id == user.id, still).with_for_update(key_share=True))
    if active_user is None:
        raise wrong_password()
    return await open_session(session, active_user, device)


async def open_session(session: WriteSession, user: User, device: Device = NO_DEVICE) -> SignedIn:
    """A new session of a user."""
    token, now = credentials.new_token(), datetime.now(UTC)
    user.last_login = now
    expires_at = now + timedelta(days=settings.session_days)
    opened = Session(user_id=user.id, token_hash=credentials.token_hash(token), expires_at=expires_at, last_used_at=now)
    client = "".join(character for character in device.client if character.isprintable())
    opened.client, opened.address = client[:CLIENT_LENGTH_MAX].strip(), device.address
    session.add(opened)
    await session.flush()
    acts_for(session, user.id)
    return SignedIn(token, expires_at, user, device_token(user.email))


async def end_sessions(session: WriteSession, user_id: int, *, keeping: int | None = None) -> None:
    """Ends all sessions of an account but one."""
    ended = delete(Session).where(Session.user_id == user_id)
    await session.execute(ended if keeping is None else ended.where(Session.id != keeping))
    viewers.invalidate(session, user_id)


async def sign_out(session: WriteSession, viewer: Viewer) -> bool:
    """Ends the session of the request."""
    user_id = signed_in(viewer)
    await session.execute(delete(Session).where(Session.id == viewer.session_id))
    viewers.invalidate(session, user_id)
    return True


async def revoke_session(session: WriteSession, viewer: Viewer, session_id: int) -> User:
    """Ends one of the viewer's sessions, possibly the current one."""
    user_id = signed_in(viewer)
    ended = delete(Session).where(Session.id == session_id, Session.user_id == user_id).returning(Session)
    revoked_id = await session.scalar(ended)
    if revoked_id is None:
        raise NotFound("There is no such session.")
    audit.record(session, user_id, "revokeSession", about=revoked_id)
    return await _without_sessions(session, user_id)


async def revoke_sessions(session: WriteSession, viewer: Viewer, *, except_current: bool) -> User:
    """Ends all sessions of the viewer, or all but the current one."""
    user_id = signed_in(viewer)
    ended = delete(Session).where(Session.user_id == user_id)
    if except_current:
        ended = ended.where(Session.id != viewer.session_id)
    ids = (await session.scalars(ended.returning(Session.id))).all()
    audit.record(session, user_id, "revokeSessions", count=len(ids))
    return await _without_sessions(session, user_id)


async def _without_sessions(session: WriteSession, user_id: int) -> User:
    await session.flush()
    viewers.invalidate(session, user_id)
    return (await session.scalars(select(User).where(User.id == user_id))).one()


_OWNER = compiled(
    select(Session.id, Session.last_used_at, Session.expires_at, User.id, User.is_staff, User.is_super_admin)
    .join(User, Session.user_id == User.id)
    .where(
        Session.token_hash == parameter("token_hash", LargeBinary()),
        Session.expires_at > parameter("now", DateTime(timezone=True)),
        User.is_active,
    )
)


async def viewer_of(database: Database, token: str) -> tuple[Viewer, datetime | None]:
    """The owner of a session or API key token, and when it expires."""
    return await (viewer_by_key if credentials.is_key(token) else _viewer_by_session)(database, token)


async def _viewer_by_session(database: Database, token: str) -> tuple[Viewer, datetime]:
    """Using a session extends it; this is written at most once an hour."""
    now = datetime.now(UTC)
    asked = _OWNER.bind({"token_hash": dumped(credentials.token_hash(token)), "now": dumped(now)})
    rows = await database.reader.rows_by_key(_OWNER.sql, asked)
    if not rows:
        raise Unauthenticated("This session has ended. Sign in again.")
    [(session_id, last_used_at, expires_at, user_id, is_staff, is_super_admin)] = rows
    if now - last_used_at > timedelta(hours=1):
        expires_at = now + timedelta(days=settings.session_days)
        moved = update(Session).values(last_used_at=now, expires_at=expires_at)
        with suppress(OutcomeUnknown):  # either way, the session is valid
            async with database.writing() as writing:
                # A statement, not the row: they may have signed out elsewhere.
                await writing.execute(moved.where(Session.id == session_id))
    return Viewer(user_id, is_staff, session_id, is_super_admin=is_super_admin), expires_at
