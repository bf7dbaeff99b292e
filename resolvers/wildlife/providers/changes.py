"""Changes of AI providers and of the connections to AI Managers."""

from dataclasses import dataclass

import strawberry
from strawberry.scalars import JSON

from app.models.wildlife.providers import AIProvider, AIProviderConnection, AIProviderType, ExternalAIProvider
from app.services.wildlife.providers import connections, editing
from resolvers import ids
from resolvers.context import Info
from resolvers.optional_arguments import provided
from resolvers.wildlife.providers.queries import provider_key


@dataclass(frozen=True)
class AIProviderUpdated:
    """A changed AI provider."""

    ai_provider: AIProvider


@dataclass(frozen=True)
class AIProviderConnectionDeleted:
    """A deleted connection, so that clients can drop it from their caches."""

    deleted_id: strawberry.ID


async def create_ai_provider_connection(
    info: Info,
    api_url: str,
    api_auth_login: str,
    api_auth_passw: str,
    trapper_instance_url: str | None = None,
    is_shared: bool = False,
) -> AIProviderConnection:
    """Connects an AI Manager. Its models appear after `syncAiModels`.

    api_url: The base URL of the AI Manager.
    api_auth_login: The login of the AI Worker user on the AI Manager.
    api_auth_passw: The password of that user. It is encrypted and never shown.
    trapper_instance_url: The base URL of this installation as the AI Manager sees it; its public URL by default.
    is_shared: Whether every user may run the models of this connection.
    """
    async with info.context.writing() as session:
        return await connections.create_connection(
            session,
            info.context.viewer,
            api_url=api_url,
            api_auth_login=api_auth_login,
            api_auth_passw=api_auth_passw,
            trapper_instance_url=trapper_instance_url,
            is_shared=is_shared,
        )


async def update_ai_provider_connection(
    info: Info,
    id: strawberry.ID,
    api_url: str | None = None,
    api_auth_login: str | None = None,
    api_auth_passw: str | None = None,
    trapper_instance_url: str | None = None,
    is_active: bool | None = None,
    is_shared: bool | None = None,
) -> AIProviderConnection:
    """Updates the given fields of a connection. A new address needs the password again.

    id: The connection.
    api_url: The base URL of the AI Manager.
    api_auth_login: The login of the AI Worker user on the AI Manager.
    api_auth_passw: The password of that user. It is encrypted and never shown.
    trapper_instance_url: The base URL of this installation as the AI Manager sees it.
    is_active: Whether it may be used.
    is_shared: Whether every user may run the models of this connection.
    """
    async with info.context.writing() as session:
        return await connections.update_connection(
            session,
            info.context.viewer,
            ids.key(id, AIProviderConnection),
            api_url=api_url,
            api_auth_login=api_auth_login,
            api_auth_passw=api_auth_passw,
            trapper_instance_url=trapper_instance_url,
            is_active=is_active,
            is_shared=is_shared,
        )


async def delete_ai_provider_connection(info: Info, id: strawberry.ID) -> AIProviderConnectionDeleted:
    """Deletes a connection and its password. Its models stay, but cannot run any more.

    id: The connection.
    """
    async with info.context.writing() as session:
        await connections.delete_connection(session, info.context.viewer, ids.key(id, AIProviderConnection))
    return AIProviderConnectionDeleted(id)


async def sync_ai_models(info: Info, id: strawberry.ID) -> AIProviderConnection:
    """Reads the models of an AI Manager: new ones are created, known ones updated, missing ones deactivated.

    id: The connection.
    """
    async with info.context.writing() as session:
        return await connections.sync_models(session, info.context.viewer, ids.key(id, AIProviderConnection))


async def create_external_ai_provider(
    info: Info,
    name: str,
    provider_type: AIProviderType,
    version: str = "",
    description: str = "",
    video_support: bool = False,
    object_based: bool = True,
    crop_image: bool = False,
    categories: JSON | None = None,
    keypoint_topology: JSON | None = None,
) -> ExternalAIProvider:
    """Creates a provider for a model that runs elsewhere, so that its results can be imported.

    name: The name of the model.
    provider_type: What the model answers.
    version: The version of the model.
    description: What the model is good for.
    video_support: Whether it takes videos as well as images.
    object_based: Whether it answers for each object, not only for the whole picture.
    crop_image: Whether objects are cropped before they are classified. For classification providers only.
    categories: How labels map to attributes. Leave out `speciesId`: it follows from the key or the name.
    keypoint_topology: For pose providers: the names of keypoints, the skeleton and the default OKS sigmas.
    """
    async with info.context.writing() as session:
        return await editing.create_external_provider(
            session,
            info.context.viewer,
            name=name,
            provider_type=provider_type,
            version=version,
            description=description,
            categories=categories,
            keypoint_topology=keypoint_topology,
            video_support=video_support,
            object_based=object_based,
            crop_image=crop_image,
        )


async def update_ai_provider(
    info: Info,
    id: strawberry.ID,
    name: strawberry.Maybe[str] = None,
    version: strawberry.Maybe[str] = None,
    description: strawberry.Maybe[str] = None,
    categories: strawberry.Maybe[JSON] = None,
    keypoint_topology: strawberry.Maybe[JSON | None] = None,
    keep_synced: bool | None = None,
    is_active: bool | None = None,
) -> AIProviderUpdated:
    """Updates the given fields of an AI provider. A sync overwrites it again unless `keepSynced` is off.

    id: The provider.
    name: The name of the model.
    version: The version of the model.
    description: What the model is good for.
    categories: How labels map to attributes. Leave out `speciesId`: it follows from the key or the name.
    keypoint_topology: For pose providers: the names of keypoints, the skeleton and the default OKS sigmas.
    keep_synced: Whether a sync may overwrite fields.
    is_active: Whether it can be used.
    """
    changes = provided(
        name=name,
        version=version,
        description=description,
        categories=categories,
        keypoint_topology=keypoint_topology,
    )
    async with info.context.writing() as session:
        changed = await editing.update_provider(
            session,
            info.context.viewer,
            provider_key(id),
            keep_synced=keep_synced,
            is_active=is_active,
            **changes,
        )
    return AIProviderUpdated(changed)
