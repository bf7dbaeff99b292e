"""API keys: credentials for programs."""

import strawberry

from app.models.accounts import ApiKey, User
from app.models.choices import Scope
from app.services.accounts.sign_in import api_keys
from app.services.accounts.sign_in.api_keys import ApiKeySecret
from app.settings import settings
from resolvers import ids
from resolvers.context import Info

DAYS = min(90, settings.api_key_days_max)


async def create_api_key(
    info: Info, name: str, scopes: list[Scope], expires_in_days: int | None = DAYS
) -> ApiKeySecret:
    """Creates an API key. Programs send the token as `Authorization: Bearer …`.

    name: What the key is for; unique among the viewer's keys.
    scopes: What the key may do. Each mutation states its scope; queries and subscriptions need READ.
    expires_in_days: When the key expires; null for never.
    """
    async with api_keys.limit_api_key(info.context.rates, info.context.viewer), info.context.writing() as session:
        return await api_keys.create_api_key(
            session, info.context.viewer, name=name, scopes=scopes, expires_in_days=expires_in_days
        )


async def rename_api_key(info: Info, id: strawberry.ID, name: str) -> ApiKey:
    """Renames an API key.

    id: The API key.
    name: What the key is for; unique among the viewer's keys.
    """
    async with info.context.writing() as session:
        return await api_keys.rename_api_key(session, info.context.viewer, ids.key(id, ApiKey), name=name)


async def revoke_api_key(info: Info, id: strawberry.ID) -> User:
    """Revokes an API key. Open connections that use it close at once with code 4403.

    id: The API key.
    """
    async with info.context.writing() as session:
        return await api_keys.revoke_api_key(session, info.context.viewer, ids.key(id, ApiKey))
