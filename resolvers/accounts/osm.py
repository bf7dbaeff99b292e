"""Signing in with OpenStreetMap."""

from app.models.accounts import User
from app.policies import signed_in
from app.services.accounts.sign_in import osm
from app.services.accounts.sign_in.osm import OsmAuthorization
from app.services.accounts.sign_in.sessions import SignedIn
from resolvers.context import Info


async def start_osm_authorization(info: Info, redirect_uri: str | None = None) -> OsmAuthorization:
    """Begins to sign in with OpenStreetMap, or, if one is signed in, to link an account there.

    redirect_uri: Where the browser comes back to, with `code` and `state`; null for this installation's own page.
    """
    return osm.start_osm_authorization(info.context.viewer, redirect_uri=redirect_uri)


async def sign_in_with_osm(info: Info, code: str, state: str, secret: str) -> SignedIn:
    """Opens a session of whoever came back from OpenStreetMap, and makes their account when they first come.

    code: What the browser came back with.
    state: What the browser came back with.
    secret: What it was begun with.
    """
    async with osm.pace_osm_sign_in(info.context.rates, address=info.context.address):
        identity = await osm.osm_identity(None, code=code, state=state, secret=secret)
    async with info.context.writing() as session:
        return await osm.sign_in_with_osm(session, identity, info.context.device)


async def link_osm_account(info: Info, code: str, state: str, secret: str) -> User:
    """Lets the viewer sign in with their account at OpenStreetMap from now on.

    code: What the browser came back with.
    state: What the browser came back with.
    secret: What it was begun with.
    """
    user_id = signed_in(info.context.viewer)
    async with osm.pace_osm_sign_in(info.context.rates, address=info.context.address):
        identity = await osm.osm_identity(user_id, code=code, state=state, secret=secret)
    async with info.context.writing() as session:
        return await osm.link_osm_account(session, info.context.viewer, identity)


async def unlink_osm_account(info: Info) -> User:
    """Takes the account at OpenStreetMap away from the viewer's; refused while it is the only way in."""
    async with info.context.writing() as session:
        return await osm.unlink_osm_account(session, info.context.viewer)
