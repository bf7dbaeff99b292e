"""GraphQL types for webhooks."""

import strawberry
from strawberry import auto

from app.models import integrations as tables
from app.models.kinds import WebhookTopic
from app.models.kinds.integrations import IntegrationsRateLimit
from app.services.integrations import webhooks
from resolvers.enums import show_enum
from resolvers.integrations import webhooks as resolve
from schema.deleted import Deleted
from schema.fields import Connection, connection, many, mutation
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row, shows

show_enum(WebhookTopic)
show_enum(tables.WebhookDeliveryStatus)


class WebhookDelivery(Row, of=tables.WebhookDelivery):
    topic: auto
    message_id: auto
    status: auto
    attempts_count: auto
    attempted_at: auto
    delivered_at: auto
    response_status: auto
    error: auto
    happened_at: auto
    created_at: auto


class Webhook(Row, of=tables.Webhook):
    url: auto
    topics: auto
    is_enabled: auto
    disabled_reason: auto
    key_id: auto
    failing_since: auto
    failures_count: auto
    resume_at: auto
    created_at: auto
    deliveries: Connection[WebhookDelivery] = many(tables.Webhook.deliveries)


@shows(webhooks.WebhookSecret)
class WebhookSecret:
    secret: str = strawberry.field(
        description="The secret that requests are signed with, beginning with `whsec_`. It is shown only once."
    )
    webhook: Webhook = strawberry.field(description="The webhook.")


@strawberry.type
class WebhooksQuery:
    webhooks: Connection[Webhook] = connection(resolve.webhooks)


@strawberry.type
class WebhooksMutation:
    create_webhook: WebhookSecret | InvalidInput | LimitReached = mutation(
        resolve.create_webhook, scope=None, keyed=False
    )
    update_webhook: Webhook | InvalidInput = mutation(resolve.update_webhook, scope=None)
    delete_webhook: Deleted = mutation(resolve.delete_webhook, scope=None)
    rotate_webhook_secret: WebhookSecret = mutation(resolve.rotate_webhook_secret, scope=None, keyed=False)
    send_webhook_test: WebhookDelivery | Conflict = mutation(
        resolve.send_webhook_test, rate_limit=IntegrationsRateLimit.WEBHOOK_TESTS
    )
    redeliver_webhook: WebhookDelivery | Conflict = mutation(
        resolve.redeliver_webhook, rate_limit=IntegrationsRateLimit.WEBHOOK_TESTS
    )
