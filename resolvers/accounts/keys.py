"""API keys: what programs come with instead of a session."""

import strawberry

from app.models.accounts import ApiKey, User
from app.models.choices import Scope
from app.services.accounts.sign_in import api_keys
from app.services.accounts.sign_in.api_keys import ApiKeySecret
from resolvers import ids
from resolvers.context import Info

DAYS = 90


async def create_api_key(
    info: Info, name: str, scopes: list[Scope], expires_in_days: int | None = DAYS
) -> ApiKeySecret:
    """Makes a key for a program. It sends the token as `Authorization: Bearer …`, as it would a session's.

    name: What it is for; unique among the viewer's keys.
    scopes: What it may do. Each mutation says which it needs, queries and subscriptions need READ.
    expires_in_days: When it ends; null if only by being revoked.
    """
    async with api_keys.pace_api_key(info.context.rates, info.context.viewer), info.context.writing() as session:
        return await api_keys.create_api_key(
            session, info.context.viewer, name=name, scopes=scopes, expires_in_days=expires_in_days
        )


async def rename_api_key(info: Info, id: strawberry.ID, name: str) -> ApiKey:
    """Gives a key another name.

    id: Which key.
    name: What it is for; unique among the viewer's keys.
    """
    async with info.context.writing() as session:
        return await api_keys.rename_api_key(session, info.context.viewer, ids.key(id, ApiKey), name=name)


async def revoke_api_key(info: Info, id: strawberry.ID) -> User:
    """Ends a key. Connections that are open with it close at once, with the code 4403.

    id: Which key.
    """
    async with info.context.writing() as session:
        return await api_keys.revoke_api_key(session, info.context.viewer, ids.key(id, ApiKey))
