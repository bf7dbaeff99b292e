"""Who may see webhooks, their deliveries, and bulk queries."""

from sqlalchemy import ColumnElement, false

from app.models.integrations import BulkQuery, Webhook, WebhookDelivery, WebhookPosition
from app.policies import AnyViewer, names_viewer, reads


@reads(Webhook)
def visible_webhooks(viewer: AnyViewer) -> ColumnElement[bool]:
    """Only the viewer's own, even for staff."""
    return names_viewer(viewer, Webhook.user_id)


@reads(WebhookDelivery)
def visible_webhook_deliveries(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of the viewer's own webhooks, even for staff."""
    return WebhookDelivery.webhook.has(visible_webhooks(viewer))


@reads(BulkQuery)
def visible_bulk_queries(viewer: AnyViewer) -> ColumnElement[bool]:
    """Only the viewer's own, even for staff."""
    return names_viewer(viewer, BulkQuery.user_id)


@reads(WebhookPosition)
def visible_webhook_position(viewer: AnyViewer) -> ColumnElement[bool]:
    """Not shown as a row."""
    del viewer
    return false()
