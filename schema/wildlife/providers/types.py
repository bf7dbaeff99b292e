"""GraphQL types for AI providers and their connections."""

import strawberry
from strawberry import auto

from app.models import choices as choice_tables
from app.models.kinds.system import SystemRateLimit
from app.models.wildlife import providers as tables
from resolvers.enums import show_enum
from resolvers.wildlife.providers import changes
from resolvers.wildlife.providers import queries as resolve
from schema.accounts import User
from schema.fields import Connection, connection, field, many, mutation, one
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Node, Row, rows_of_one_table, shows
from schema.system.jobs import Job

for enum in (tables.AIProviderType, tables.LocalEngine):
    show_enum(enum)


@rows_of_one_table(tables.AIProvider)
class AIProvider(Node):
    name: auto
    version: auto
    description: auto
    provider_type: auto
    video_support: auto
    object_based: auto
    crop_image: auto
    remote_id: auto
    categories: auto
    keypoint_topology: auto
    is_active: auto
    model_file_hash: auto
    keep_synced: auto
    last_synced: auto
    created_at: auto
    user: User | None = one(tables.AIProvider.user)


class AIProviderConnection(Row, of=tables.AIProviderConnection):
    api_url: auto
    api_auth_login: auto
    trapper_instance_url: auto
    is_active: auto
    is_shared: auto
    last_synced: auto
    last_sync_error: auto
    last_sync_report: auto
    created_at: auto
    user: User | None = one(tables.AIProviderConnection.user)
    sync_job: Job | None = one(tables.AIProviderConnection.sync_job)
    providers: Connection["AIProvider"] = many(tables.AIProviderConnection.providers)


class TrapperAIProvider(AIProvider, Row, of=tables.TrapperAIProvider):
    connection: AIProviderConnection | None = one(tables.TrapperAIProvider.connection)


class ExternalAIProvider(AIProvider, Row, of=tables.ExternalAIProvider):
    pass


class LocalAIProvider(AIProvider, Row, of=tables.LocalAIProvider):
    engine: auto
    licence: auto
    available: auto
    reason: auto


@shows(changes.AIProviderUpdated)
class AIProviderUpdated:
    ai_provider: AIProvider = strawberry.field(description="The AI provider as it is now.")


@shows(changes.AIProviderConnectionDeleted)
class AIProviderConnectionDeleted:
    deleted_id: strawberry.ID = strawberry.field(description="The id of the deleted connection.")


@strawberry.type
class ProvidersQuery:
    ai_provider: AIProvider | None = field(resolve.ai_provider)
    ai_providers: Connection[AIProvider] = connection(resolve.ai_providers, order=resolve.ProviderOrder)
    ai_provider_connection: AIProviderConnection | None = field(resolve.ai_provider_connection)
    ai_provider_connections: Connection[AIProviderConnection] = connection(resolve.ai_provider_connections)


@strawberry.type
class ProvidersMutation:
    create_ai_provider_connection: AIProviderConnection | InvalidInput | Conflict | LimitReached = mutation(
        changes.create_ai_provider_connection, scope=None
    )
    update_ai_provider_connection: AIProviderConnection | InvalidInput | Conflict = mutation(
        changes.update_ai_provider_connection, scope=None
    )
    delete_ai_provider_connection: AIProviderConnectionDeleted = mutation(
        changes.delete_ai_provider_connection, scope=None
    )
    sync_ai_models: AIProviderConnection | Conflict = mutation(
        changes.sync_ai_models, scope=choice_tables.Scope.TRAIN, rate_limit=SystemRateLimit.JOBS
    )
    create_external_ai_provider: ExternalAIProvider | InvalidInput | LimitReached = mutation(
        changes.create_external_ai_provider
    )
    update_ai_provider: AIProviderUpdated | InvalidInput = mutation(changes.update_ai_provider)
