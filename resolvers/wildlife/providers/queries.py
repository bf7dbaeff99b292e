"""AI providers and the connections to AI Managers."""

import strawberry
from sqlalchemy import Select

from app import checks
from app.limits.wildlife import AI_PROVIDER_NAME_LENGTH_MAX
from app.models.wildlife.providers import (
    AIProvider,
    AIProviderConnection,
    AIProviderType,
    ExternalAIProvider,
    LocalAIProvider,
    TrapperAIProvider,
)
from app.pagination import Order
from app.policies import visible
from resolvers import ids
from resolvers.context import Info
from resolvers.loaders import RowOrReference

KINDS: tuple[type[AIProvider], ...] = (TrapperAIProvider, ExternalAIProvider, LocalAIProvider)


class ProviderOrder(Order):
    """By age or by name.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    NAME: By name, from A to Z.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    NAME = ("name", False)


def provider_key(id: str) -> int:
    """The key of a provider of any kind."""
    return ids.key_of_any(id, KINDS, AIProvider)


async def ai_provider(info: Info, id: strawberry.ID) -> RowOrReference[AIProvider]:
    """An AI provider by its id.

    id: The id of the provider.
    """
    provider_key(id)
    model = next(kind for kind in KINDS if kind.__name__ == ids.decode(id)[0])
    return await info.context.find(model, id)


def ai_providers(
    info: Info,
    provider_type: AIProviderType | None = None,
    is_active: bool | None = None,
    connection_id: strawberry.ID | None = None,
    search: str | None = None,
) -> Select[AIProvider]:
    """AI providers: models of AI Managers, of this installation, and models that run elsewhere.

    provider_type: Only providers of this type.
    is_active: Only active or only inactive providers.
    connection_id: Only the models of this connection.
    search: Only providers whose name contains this text, ignoring case.
    """
    query = visible(AIProvider, info.context.viewer)
    if provider_type is not None:
        query = query.where(AIProvider.provider_type == provider_type)
    if is_active is not None:
        query = query.where(AIProvider.is_active.is_(is_active))
    if connection_id is not None:
        key = ids.key(connection_id, AIProviderConnection)
        seen = visible(AIProviderConnection, info.context.viewer).where(AIProviderConnection.id == key)
        query = query.where(AIProvider.connection_id == key, seen.exists())
    sought = checks.optional_text("search", search, length_max=AI_PROVIDER_NAME_LENGTH_MAX)
    return query if sought is None else query.where(AIProvider.name.icontains(sought, autoescape=True))


async def ai_provider_connection(info: Info, id: strawberry.ID) -> RowOrReference[AIProviderConnection]:
    """A connection to an AI Manager by its id.

    id: The id of the connection.
    """
    return await info.context.find(AIProviderConnection, id)


def ai_provider_connections(info: Info) -> Select[AIProviderConnection]:
    """The viewer's connections to AI Managers. Staff see all."""
    return visible(AIProviderConnection, info.context.viewer)
