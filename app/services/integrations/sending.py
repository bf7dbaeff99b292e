"""What a job sends to a webhook, in order, and what becomes of each request."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, func, select

from app.database import ReadSession, WriteSession
from app.events.positions import Position
from app.events.subscribers import StreamEvent
from app.gateways.outside import Outage
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.integrations import Webhook, WebhookDelivery, WebhookDeliveryStatus
from app.models.kinds import WebhookTopic
from app.policies import Viewer
from app.services.accounts.users.deletion import on_parting
from app.services.integrations import signatures
from app.services.integrations.breaking import IN_ORDER_ATTEMPTS, disable, pause_s
from app.services.integrations.queueing import is_pending
from app.services.integrations.signatures import Key
from app.services.system.pruning import older_than, prunable
from app.settings import settings

GONE = 410


@dataclass(frozen=True)
class Message:
    """A delivery that is to be sent now: to which address, signed with which keys, for whose eyes."""

    delivery_id: int
    url: str
    message_id: str
    topic: WebhookTopic | None
    event: StreamEvent
    happened_at: datetime
    viewer: Viewer
    keys: tuple[Key, ...]


async def next_message(session: WriteSession, webhook_id: int) -> Message | None:
    """The next delivery that is due, counted as attempted; None if there is none, or the webhook may not send."""
    active = select(Webhook).join(User, User.id == Webhook.user_id).where(Webhook.is_enabled, User.is_active)
    webhook = await session.scalar(active.where(Webhook.id == webhook_id).with_for_update(of=Webhook))
    if webhook is None:
        return None
    is_behind = WebhookDelivery.attempts_count >= IN_ORDER_ATTEMPTS
    due = _waiting(webhook_id).where(WebhookDelivery.due_at <= func.now())
    delivery = await session.scalar(due.order_by(is_behind, WebhookDelivery.id).limit(1).with_for_update())
    if delivery is None:
        return None
    delivery.attempts_count += 1
    delivery.attempted_at = await session.scalar(select(func.now()))
    await session.flush()
    position = Position(delivery.event_xid or 0, delivery.event_id or 0, delivery.event_epoch or 0)
    return Message(
        delivery.id,
        webhook.url,
        delivery.message_id,
        delivery.topic,
        StreamEvent(position, delivery.event_topic, delivery.event_payload),
        delivery.happened_at,
        # Whatever rights of staff its owner has: nobody looks on where it is sent to.
        Viewer(webhook.user_id),
        await _keys(session, webhook),
    )


async def _keys(session: ReadSession, webhook: Webhook) -> tuple[Key, ...]:
    keys = [Key(webhook.key_id, signatures.unsealed(webhook.secret))]
    overlaps = webhook.previous_until is not None and await session.scalar(select(func.now() < webhook.previous_until))
    if overlaps and webhook.previous_key_id and webhook.previous_secret:
        keys.append(Key(webhook.previous_key_id, signatures.unsealed(webhook.previous_secret)))
    return tuple(keys)


def _waiting(webhook_id: int) -> Select[WebhookDelivery]:
    return select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id, is_pending())


async def note_success(session: WriteSession, message: Message, status: int) -> None:
    """The receiver accepted it: the webhook works."""
    webhook, delivery = await _locked(session, message)
    if webhook is None or delivery is None:
        return
    delivery.status, delivery.response_status, delivery.error = WebhookDeliveryStatus.DELIVERED, status, None
    delivery.delivered_at = await session.scalar(select(func.now()))
    webhook.failing_since, webhook.failures_count = None, 0
    await session.flush()


async def note_hidden(session: WriteSession, message: Message) -> None:
    """The owner may not see what it is about: it leaves no trace, unless it was sent to them before."""
    _, delivery = await _locked(session, message)
    if delivery is None:
        return
    if delivery.attempts_count == 1:
        await session.delete(delivery)
    else:
        delivery.status = WebhookDeliveryStatus.FAILED
        delivery.error = "What this event is about is gone, or you may no longer see it."
    await session.flush()


async def note_failure(session: WriteSession, message: Message, outage: Outage) -> None:
    """The receiver did not accept it: the webhook pauses, or is given up after days."""
    webhook, delivery = await _locked(session, message)
    if webhook is None or delivery is None:
        return
    delivery.response_status, delivery.error = outage.status, outage.message[:NOTE_LENGTH_MAX]
    now = (await session.execute(select(func.now()))).scalar_one()
    patience = timedelta(days=settings.webhook_failing_days_max)
    webhook.failures_count, webhook.failing_since = webhook.failures_count + 1, webhook.failing_since or now
    waits = now + timedelta(seconds=pause_s(webhook.failures_count))
    delivery.due_at = waits
    if delivery.attempts_count >= IN_ORDER_ATTEMPTS:
        delivery.due_at = max(waits, now + timedelta(seconds=pause_s(delivery.attempts_count)))
    if now - delivery.happened_at > patience:
        delivery.status = WebhookDeliveryStatus.FAILED
    webhook.resume_at = waits
    if outage.status == GONE:
        await disable(session, webhook, "Its receiver answered 410 Gone.")
    elif now - webhook.failing_since > patience:
        await disable(session, webhook, f"All requests failed for {settings.webhook_failing_days_max} days.")
    await session.flush()


async def has_more(session: WriteSession, webhook_id: int) -> bool:
    """Whether the webhook has more to send now. If not, it is noted when it will; asked where its job ends."""
    webhook = await session.scalar(select(Webhook).where(Webhook.id == webhook_id).with_for_update())
    if webhook is None or not webhook.is_enabled:
        return False
    first = select(func.min(WebhookDelivery.due_at)).where(WebhookDelivery.webhook_id == webhook_id, is_pending())
    due_at = await session.scalar(first)
    if due_at is None:
        webhook.resume_at = None
        return False
    resume_at = max(due_at, webhook.resume_at or due_at)
    if not await session.scalar(select(resume_at > func.now())) and await _is_active(session, webhook.user_id):
        return True
    webhook.resume_at = resume_at
    await session.flush()
    return False


async def _is_active(session: ReadSession, user_id: int) -> bool:
    return bool(await session.scalar(select(User.is_active).where(User.id == user_id)))


async def sending_failed(session: WriteSession, webhook_id: int, reason: str) -> None:
    """The job gave up for a reason of ours: the webhook waits as long as it ever does."""
    del reason
    webhook = await session.scalar(select(Webhook).where(Webhook.id == webhook_id).with_for_update())
    if webhook is not None:
        pause = timedelta(seconds=settings.webhook_pause_s_max)
        webhook.resume_at = await session.scalar(select(func.now() + pause))
        await session.flush()


async def _locked(session: WriteSession, message: Message) -> tuple[Webhook | None, WebhookDelivery | None]:
    """The webhook and the delivery, unless they were deleted meanwhile."""
    owner = select(WebhookDelivery.webhook_id).where(WebhookDelivery.id == message.delivery_id)
    fresh = {"populate_existing": True}
    webhook = await session.scalar(
        select(Webhook).where(Webhook.id.in_(owner)).with_for_update(), execution_options=fresh
    )
    delivery = select(WebhookDelivery).where(WebhookDelivery.id == message.delivery_id).with_for_update()
    return webhook, await session.scalar(delivery, execution_options=fresh)


@prunable("webhook_deliveries", WebhookDelivery)
async def _old_deliveries(_session: ReadSession) -> ColumnElement[bool]:
    return older_than(WebhookDelivery.created_at, days=settings.webhook_deliveries_kept_days)


@on_parting
async def _delete_webhooks(session: WriteSession, user_id: int) -> None:
    await session.execute(delete(Webhook).where(Webhook.user_id == user_id))
