"""GraphQL types and fields for programs: webhooks and bulk queries."""

import strawberry

from schema.integrations.bulk import BulkMutation, BulkQueriesQuery
from schema.integrations.webhooks import WebhooksMutation, WebhooksQuery


@strawberry.type
class IntegrationsQuery(WebhooksQuery, BulkQueriesQuery):
    """The domain's questions."""


@strawberry.type
class IntegrationsMutation(WebhooksMutation, BulkMutation):
    """The domain's changes."""
