"""GraphQL types and fields for programs: webhooks."""

import strawberry

from schema.integrations.webhooks import WebhooksMutation, WebhooksQuery


@strawberry.type
class IntegrationsQuery(WebhooksQuery):
    """The domain's questions."""


@strawberry.type
class IntegrationsMutation(WebhooksMutation):
    """The domain's changes."""
