"""Webhooks."""

import strawberry
from sqlalchemy import Select

from app.models.integrations import Webhook, WebhookDelivery
from app.models.kinds import WebhookTopic
from app.policies import signed_in, visible
from app.services.integrations import webhooks as webhooks_service
from app.services.integrations.webhooks import WebhookSecret
from resolvers import ids
from resolvers.context import Info
from resolvers.deleted import Deleted


def webhooks(info: Info) -> Select[Webhook]:
    """The viewer's webhooks."""
    signed_in(info.context.viewer)
    return visible(Webhook, info.context.viewer)


async def create_webhook(info: Info, url: str, topics: list[WebhookTopic]) -> WebhookSecret:
    """Creates a webhook: an address that receives events by signed POST requests, as Standard Webhooks defines them.

    Topics are the subscriptions of the same names. Those about work tell of the work that the viewer started.

    url: The address of the receiver, on a public host. Redirects are not followed.
    topics: The topics whose events it receives.
    """
    viewer = info.context.viewer
    async with webhooks_service.limit_webhooks(info.context.rates, viewer), info.context.writing() as session:
        return await webhooks_service.create_webhook(session, viewer, url=url, topics=topics)


async def update_webhook(
    info: Info,
    id: strawberry.ID,
    url: str | None = None,
    topics: list[WebhookTopic] | None = None,
    is_enabled: bool | None = None,
) -> Webhook:
    """Changes a webhook. What is left out, or null, stays as it is.

    id: The webhook.
    url: The new address.
    topics: The new topics.
    is_enabled: False stops it: events are no longer recorded. True begins again, with what still waits.
    """
    async with info.context.writing() as session:
        return await webhooks_service.update_webhook(
            session,
            info.context.viewer,
            ids.key(id, Webhook),
            url=url,
            topics=topics,
            is_enabled=is_enabled,
        )


async def delete_webhook(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a webhook with its deliveries.

    id: The webhook.
    """
    async with info.context.writing() as session:
        return Deleted.of(await webhooks_service.delete_webhook(session, info.context.viewer, ids.key(id, Webhook)))


async def rotate_webhook_secret(info: Info, id: strawberry.ID) -> WebhookSecret:
    """Replaces a webhook's secret. For {settings.webhook_secret_overlap_hours} hours the secret before signs, too.

    id: The webhook.
    """
    async with info.context.writing() as session:
        return await webhooks_service.rotate_webhook_secret(session, info.context.viewer, ids.key(id, Webhook))


async def send_webhook_test(info: Info, id: strawberry.ID) -> WebhookDelivery:
    """Sends a request of type `TEST` to a webhook, to try its receiver.

    id: The webhook.
    """
    async with info.context.writing() as session:
        return await webhooks_service.send_webhook_test(session, info.context.viewer, ids.key(id, Webhook))


async def redeliver_webhook(info: Info, delivery_id: strawberry.ID) -> WebhookDelivery:
    """Sends an event again, with the same `webhook-id` and a body made anew.

    delivery_id: The delivery.
    """
    async with info.context.writing() as session:
        return await webhooks_service.redeliver_webhook(
            session, info.context.viewer, ids.key(delivery_id, WebhookDelivery)
        )
