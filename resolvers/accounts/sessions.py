"""Signing in and out, and open sessions."""

import strawberry

from app.models.accounts import Session, User
from app.services.accounts.sign_in import rate_limits, sessions
from app.services.accounts.sign_in.sessions import SignedIn
from resolvers import ids
from resolvers.context import Info


async def sign_in(info: Info, email: str, password: str, device_token: str | None = None) -> SignedIn:
    """Signs in. Send the session's token as `Authorization: Bearer …`, or in a socket's `connectionParams`.

    email: The account's address.
    password: The account's password.
    device_token: The `deviceToken` of an earlier sign-in on this device. With it, failed attempts from elsewhere do not
        lock you out.
    """
    context = info.context
    async with rate_limits.limit_sign_in(context.rates, email=email, address=context.address, device=device_token):
        active_user = await sessions.user_by_password(context.database, email=email, password=password)
    async with info.context.writing() as session:
        return await sessions.sign_in(session, active_user, info.context.device)


async def sign_out(info: Info) -> bool:
    """Ends the session of this request. Its token becomes invalid at once."""
    async with info.context.writing() as session:
        return await sessions.sign_out(session, info.context.viewer)


async def revoke_session(info: Info, id: strawberry.ID) -> User:
    """Ends one of the viewer's sessions. Open connections that use its token close at once with code 4403.

    id: The session.
    """
    async with info.context.writing() as session:
        return await sessions.revoke_session(session, info.context.viewer, ids.key(id, Session))


async def revoke_sessions(info: Info, except_current: bool = True) -> User:
    """Ends all sessions of the viewer. API keys stay valid.

    except_current: Whether to keep the session of this request.
    """
    async with info.context.writing() as session:
        return await sessions.revoke_sessions(session, info.context.viewer, except_current=except_current)


def is_current(root: strawberry.Parent[Session], info: Info) -> bool:
    """Whether this request came with this session. False in subscriptions, whose events are shared."""
    return root.id == info.context.viewer.session_id
