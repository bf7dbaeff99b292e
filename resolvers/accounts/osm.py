"""Sign-in with OpenStreetMap."""

from app.models.accounts import User
from app.policies import signed_in
from app.services.accounts.sign_in import osm
from app.services.accounts.sign_in.osm import OsmAuthorization
from app.services.accounts.sign_in.sessions import SignedIn
from resolvers.context import Info


async def start_osm_authorization(info: Info, redirect_uri: str | None = None) -> OsmAuthorization:
    """Starts sign-in with OpenStreetMap; for a signed-in viewer, starts linking an OpenStreetMap account.

    redirect_uri: Where the browser returns with `code` and `state`; null for the built-in page of this installation.
    """
    return osm.start_osm_authorization(info.context.viewer, redirect_uri=redirect_uri)


async def sign_in_with_osm(info: Info, code: str, state: str, secret: str) -> SignedIn:
    """Signs in the user who returned from OpenStreetMap. Creates an account at the first sign-in.

    code: The `code` the browser returned with.
    state: The `state` the browser returned with.
    secret: The `secret` that `startOsmAuthorization` returned.
    """
    async with osm.limit_osm_sign_in(info.context.rates, address=info.context.address):
        identity = await osm.osm_identity(None, code=code, state=state, secret=secret)
    async with info.context.writing() as session:
        return await osm.sign_in_with_osm(session, identity, info.context.device)


async def link_osm_account(info: Info, code: str, state: str, secret: str) -> User:
    """Links an OpenStreetMap account, so that the viewer can sign in with it.

    code: The `code` the browser returned with.
    state: The `state` the browser returned with.
    secret: The `secret` that `startOsmAuthorization` returned.
    """
    user_id = signed_in(info.context.viewer)
    async with osm.limit_osm_sign_in(info.context.rates, address=info.context.address):
        identity = await osm.osm_identity(user_id, code=code, state=state, secret=secret)
    async with info.context.writing() as session:
        return await osm.link_osm_account(session, info.context.viewer, identity)


async def unlink_osm_account(info: Info) -> User:
    """Unlinks the viewer's OpenStreetMap account. Refused while it is the only way to sign in."""
    async with info.context.writing() as session:
        return await osm.unlink_osm_account(session, info.context.viewer)
