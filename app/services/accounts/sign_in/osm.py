"""Sign-in with OpenStreetMap, and linking an OpenStreetMap account.

The browser starts with two halves: a state, which travels through OpenStreetMap, and a secret, which stays in the
browser. Neither is stored here. The state is signed and contains the secret's hash, so only the browser that started
can finish. The PKCE verifier is derived from the secret, so a code alone is worthless.
"""

import hmac
from base64 import urlsafe_b64encode
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, SignatureExpired
from limits import RateLimitItemPerMinute
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.database import ReadSession, WriteSession, lock, part
from app.errors import Conflict, Forbidden, Invalid
from app.gateways import oauth
from app.gateways.oauth import Identity
from app.limits.accounts import USERNAME_LENGTH_MAX
from app.models.accounts import OsmAccount, User
from app.policies import Viewer, signed_in
from app.rates import Rates, Share
from app.security import credentials
from app.security.signing import TimedSeal, derived
from app.services.accounts.sign_in.sessions import Device, SignedIn, open_session
from app.services.accounts.sign_in.sign_ups import checked_username
from app.services.accounts.users.usernames import keep_clear_of_former
from app.services.system import audit
from app.settings import settings

CODE_LENGTH_MAX = 2_000
_SEAL = TimedSeal("accounts.osm-authorization")


@dataclass(frozen=True)
class OsmAuthorization:
    """What a client needs to start sign-in with OpenStreetMap and to finish it."""

    url: str
    secret: str
    expires_at: datetime


def limit_osm_sign_in(rates: Rates, *, address: str) -> AbstractAsyncContextManager[None]:
    """A block that counts if it fails; refused if an address failed too often."""
    limit = RateLimitItemPerMinute(settings.osm_sign_ins_per_minute_max)
    return rates.trying(Share(limit, f"osm-sign-in:{address}", "Too many sign-ins with OpenStreetMap failed."))


def start_osm_authorization(viewer: Viewer, *, redirect_uri: str | None) -> OsmAuthorization:
    """Starts sign-in, or linking if the viewer is signed in."""
    uris = redirect_uris()
    redirect_uri = redirect_uri or uris[0]
    if redirect_uri not in uris:
        raise Invalid(
            "redirectUri", "This redirect URI is not allowed. Use one of those that the operators configured."
        )
    secret = credentials.new_token()
    state = _SEAL.dumps([_hash(secret), redirect_uri, viewer.user_id])
    url = oauth.authorization_url(redirect_uri=redirect_uri, state=state, verifier=_verifier(secret, state))
    return OsmAuthorization(url, secret, datetime.now(UTC) + timedelta(seconds=settings.osm_authorization_s))


def redirect_uris() -> list[str]:
    """The allowed redirect URIs: those in the settings, or our own page."""
    address = settings.public_url or f"http://{settings.host}:{settings.port}"
    return settings.osm_redirect_uris or [f"{address.rstrip('/')}/osm/"]


async def osm_identity(user_id: int | None, *, code: str, state: str, secret: str) -> Identity:
    """The OpenStreetMap user who returned, if this browser started it, to link this account or to sign in.

    It asks OpenStreetMap, so never inside a transaction.
    """
    redirect_uri, begun_for = _opened(state, secret)
    if begun_for != user_id:
        purpose = "sign in" if begun_for is None else "link an account for the signed-in user"
        raise Invalid("state", f"This was started to {purpose}. Start again.")
    if not 0 < len(code) <= CODE_LENGTH_MAX:
        raise Invalid("code", "This is not a code from OpenStreetMap. Start again.")
    return await oauth.identify(code=code, redirect_uri=redirect_uri, verifier=_verifier(secret, state))


def _opened(state: str, secret: str) -> tuple[str, int | None]:
    """The redirect URI, and the account it was started for."""
    try:
        secret_hash, redirect_uri, user_id = _SEAL.loads(state, s_max=settings.osm_authorization_s)
    except SignatureExpired:
        raise Invalid("state", "This took too long. Start again.") from None
    except BadData:
        raise Invalid("state", "This sign-in was not started here. Start again.") from None
    if not hmac.compare_digest(secret_hash, _hash(secret)):
        raise Invalid("secret", "This sign-in was started in another browser. Start again.")
    return redirect_uri, user_id


async def sign_in_with_osm(session: WriteSession, identity: Identity, device: Device) -> SignedIn:
    """A new session; at the first sign-in also a new account."""
    await _alone(session, identity)
    query = select(OsmAccount, User).join(User, OsmAccount.id == User.id).where(OsmAccount.osm_id == identity.osm_id)
    known = (await session.execute(query.with_for_update(of=User, key_share=True))).one_or_none()
    if known is None:
        user = await _new_user(session, identity)
        session.add(OsmAccount(id=user.id, **identity._asdict()))
        audit.record(session, user.id, "signInWithOsm", about=user)
    else:
        account, user = known
        if not user.is_active:
            raise Forbidden("This account is suspended.")
        account.username, account.img_url = identity.username, identity.img_url
    return await open_session(session, user, device)


async def _alone(session: WriteSession, identity: Identity) -> None:
    """One transaction at a time per OpenStreetMap account, so that two first sign-ins create one account."""
    await lock(session, f"osm account {identity.osm_id}")


async def _new_user(session: WriteSession, identity: Identity) -> User:
    """An account named after the OpenStreetMap user, or similar if that name is taken."""
    suffix = f" {identity.osm_id}"
    name = _name(identity)
    for username in (name, name[: USERNAME_LENGTH_MAX - len(suffix)] + suffix):
        try:
            async with part(session):
                return await _added(session, username)
        except (IntegrityError, Conflict):
            continue
    return await _added(session, f"osm {credentials.new_token()}"[:USERNAME_LENGTH_MAX])


async def _added(session: WriteSession, username: str) -> User:
    user = User(username=username)
    session.add(user)
    await session.flush()
    await keep_clear_of_former(session, user)
    return user


def _name(identity: Identity) -> str:
    try:
        return checked_username(identity.username[:USERNAME_LENGTH_MAX])
    except Invalid:
        return f"osm {identity.osm_id}"


async def link_osm_account(session: WriteSession, viewer: Viewer, identity: Identity) -> User:
    """Links the OpenStreetMap account to the viewer's account."""
    user_id = signed_in(viewer)
    await _alone(session, identity)
    user, account = await _locked(session, user_id)
    if account is None:
        account = OsmAccount(id=user_id, osm_id=identity.osm_id)
        session.add(account)
        audit.record(session, user_id, "linkOsmAccount", about=user)
    elif account.osm_id != identity.osm_id:
        raise Conflict("Another OpenStreetMap account is already linked. Unlink it first.")
    account.username, account.img_url = identity.username, identity.img_url
    await session.flush()
    return user


async def unlink_osm_account(session: WriteSession, viewer: Viewer) -> User:
    """Unlinks the OpenStreetMap account, if the viewer has another way to sign in."""
    user_id = signed_in(viewer)
    user, account = await _locked(session, user_id)
    if account is None:
        raise Conflict("No OpenStreetMap account is linked.")
    if user.password_hash is None and not (user.email and user.email_verified):
        raise Conflict("This is your only way to sign in. Set a password or verify an email address first.")
    await session.delete(account)
    audit.record(session, user_id, "unlinkOsmAccount", about=user)
    await session.flush()
    return user


async def _locked(session: ReadSession, user_id: int) -> tuple[User, OsmAccount | None]:
    """An account and its link, locked."""
    locked = select(User).where(User.id == user_id).with_for_update(key_share=True)
    user = (await session.scalars(locked)).one()
    return user, await session.scalar(select(OsmAccount).where(OsmAccount.id == user_id))


def _verifier(secret: str, state: str) -> str:
    """The PKCE verifier, made with the key that signed the state: the key may have been rotated in between."""
    return urlsafe_b64encode(derived("accounts.osm-verifier", secret, like=state)).decode().rstrip("=")


def _hash(secret: str) -> str:
    return credentials.token_hash(secret).hex()
