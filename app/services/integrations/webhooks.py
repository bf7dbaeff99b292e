"""Webhooks: addresses of an account that receive events."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from limits import RateLimitItemPerHour
from sqlalchemy import delete, func, select, text

from app.database import WriteSession, lock
from app.errors import Conflict, Invalid, LimitReached, NotFound
from app.events import epochs
from app.gateways import outside
from app.limits.integrations import WEBHOOK_URL_LENGTH_MAX
from app.models.accounts import User
from app.models.integrations import Webhook, WebhookDelivery, WebhookDeliveryStatus, WebhookPosition
from app.models.kinds import WebhookTopic
from app.policies import Viewer, signed_in, visible
from app.rates import Rates, Share
from app.services.integrations import signatures
from app.services.integrations.queueing import queue_sending
from app.services.system import audit
from app.settings import settings

_XID = text("pg_current_xact_id()::text::bigint")


@dataclass(frozen=True)
class WebhookSecret:
    """A webhook and its new secret, which is shown only once."""

    secret: str
    webhook: Webhook


def limit_webhooks(rates: Rates, viewer: Viewer) -> AbstractAsyncContextManager[None]:
    """A block that counts if it succeeds; refused if the viewer created too many webhooks."""
    limit = RateLimitItemPerHour(settings.webhooks_per_hour_max)
    return rates.spending(Share(limit, f"webhook:{signed_in(viewer)}", "You created too many webhooks."))


async def create_webhook(
    session: WriteSession, viewer: Viewer, *, url: str, topics: Sequence[WebhookTopic]
) -> WebhookSecret:
    """A new webhook of the viewer's; it receives events from now on."""
    user_id, key = signed_in(viewer), signatures.new_key()
    webhook = Webhook(user_id=user_id, url=_checked_url(url), topics=_checked_topics(topics), key_id=key.id)
    webhook.secret = signatures.sealed(key.secret)
    # The account is locked first, so that parallel requests cannot exceed the limit.
    await session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    count = await session.scalar(select(func.count()).where(Webhook.user_id == user_id)) or 0
    most = settings.webhooks_per_account_max
    if count >= most:
        raise LimitReached("You have reached the limit for webhooks. Delete one first.", limit=most)
    await _begin_recording(session)
    session.add(webhook)
    await session.flush()
    audit.record(session, user_id, "createWebhook", about=webhook)
    return WebhookSecret(key.secret, webhook)


async def update_webhook(
    session: WriteSession,
    viewer: Viewer,
    webhook_id: int,
    *,
    url: str | None,
    topics: Sequence[WebhookTopic] | None,
    is_enabled: bool | None,
) -> Webhook:
    """The webhook after these changes. Enabled again, it sends at once what waits."""
    if is_enabled:
        await _begin_recording(session)
    webhook = await _own(session, viewer, webhook_id)
    webhook.url = webhook.url if url is None else _checked_url(url)
    webhook.topics = webhook.topics if topics is None else _checked_topics(topics)
    if is_enabled is not None and is_enabled != webhook.is_enabled:
        webhook.is_enabled, webhook.disabled_reason = is_enabled, None
        webhook.failing_since, webhook.failures_count, webhook.resume_at = None, 0, None
        if is_enabled:
            webhook.begun_xid = await session.scalar(select(_XID)) or 0
    await session.flush()
    if webhook.is_enabled:
        await queue_sending(session, webhook)
    audit.record(session, signed_in(viewer), "updateWebhook", about=webhook)
    return webhook


async def delete_webhook(session: WriteSession, viewer: Viewer, webhook_id: int) -> Webhook:
    """Deletes the webhook with its deliveries; returns what it was."""
    webhook = await _own(session, viewer, webhook_id)
    audit.record(session, signed_in(viewer), "deleteWebhook", about=webhook)
    await session.execute(delete(Webhook).where(Webhook.id == webhook.id))
    return webhook


async def rotate_webhook_secret(session: WriteSession, viewer: Viewer, webhook_id: int) -> WebhookSecret:
    """The webhook with a new secret. The one before signs, too, for as long as receivers may need to learn the new."""
    webhook, key = await _own(session, viewer, webhook_id), signatures.new_key()
    webhook.previous_key_id, webhook.previous_secret = webhook.key_id, webhook.secret
    overlap = timedelta(hours=settings.webhook_secret_overlap_hours)
    webhook.previous_until = await session.scalar(select(func.now() + overlap))
    webhook.key_id, webhook.secret = key.id, signatures.sealed(key.secret)
    await session.flush()
    audit.record(session, signed_in(viewer), "rotateWebhookSecret", about=webhook)
    return WebhookSecret(key.secret, webhook)


async def send_webhook_test(session: WriteSession, viewer: Viewer, webhook_id: int) -> WebhookDelivery:
    """A delivery without an event, to try whether a receiver works."""
    webhook = await _own(session, viewer, webhook_id)
    _require_enabled(webhook)
    delivery = WebhookDelivery(webhook_id=webhook.id, message_id=new_message_id(), event_topic="test", event_payload={})
    session.add(delivery)
    return await _sent_now(session, webhook, delivery)


async def redeliver_webhook(session: WriteSession, viewer: Viewer, delivery_id: int) -> WebhookDelivery:
    """The delivery, to be sent again under its id."""
    owner = visible(WebhookDelivery, viewer).where(WebhookDelivery.id == delivery_id)
    webhook_id = await session.scalar(owner.with_only_columns(WebhookDelivery.webhook_id))
    if webhook_id is None:
        raise NotFound("There is no such delivery.")
    webhook = await _own(session, viewer, webhook_id)  # locked before its deliveries, as everywhere
    _require_enabled(webhook)
    locked = select(WebhookDelivery).where(WebhookDelivery.id == delivery_id).with_for_update()
    delivery = await session.scalar(locked.execution_options(populate_existing=True))
    if delivery is None:
        raise NotFound("There is no such delivery.")
    delivery.status, delivery.error, delivery.delivered_at = WebhookDeliveryStatus.PENDING, None, None
    delivery.due_at = await session.scalar(select(func.now())) or delivery.due_at
    return await _sent_now(session, webhook, delivery)


async def _sent_now(session: WriteSession, webhook: Webhook, delivery: WebhookDelivery) -> WebhookDelivery:
    """Somebody looks on: a pause of the webhook does not hold for what they ask for."""
    webhook.resume_at = None
    await session.flush()
    await queue_sending(session, webhook)
    return delivery


def new_message_id() -> str:
    """What tells a delivery from all others."""
    return f"msg_{uuid4().hex}"


def _require_enabled(webhook: Webhook) -> None:
    if not webhook.is_enabled:
        raise Conflict("This webhook is disabled. Enable it first.")


def _checked_url(url: str) -> str:
    return outside.check_url("url", url, length_max=WEBHOOK_URL_LENGTH_MAX)


def _checked_topics(topics: Sequence[WebhookTopic]) -> list[WebhookTopic]:
    if not topics:
        raise Invalid("topics", "Choose at least one topic.")
    return [topic for topic in WebhookTopic if topic in topics]


async def _own(session: WriteSession, viewer: Viewer, webhook_id: int) -> Webhook:
    webhook = await session.scalar(visible(Webhook, viewer).where(Webhook.id == webhook_id).with_for_update())
    if webhook is None:
        raise NotFound("There is no such webhook.")
    return webhook


async def _begin_recording(session: WriteSession) -> None:
    """Has events recorded from now on, if none were: nobody reads what happened while there were no webhooks."""
    await lock(session, "webhooks")
    if await session.scalar(select(Webhook.id).where(Webhook.is_enabled).limit(1)) is not None:
        return
    epoch = await epochs.current(await session.connection())
    position = WebhookPosition(id=1, epoch=epoch or 0, xid=await session.scalar(select(_XID)) or 0, event_id=0)
    await session.merge(position)
    await session.flush()
