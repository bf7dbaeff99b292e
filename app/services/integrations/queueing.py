"""One job for each webhook that has something to send: its own queue."""

from sqlalchemy import ColumnElement, func, select

from app.database import WriteSession
from app.models.accounts import User
from app.models.integrations import Webhook, WebhookDelivery, WebhookDeliveryStatus
from app.models.kinds.integrations import IntegrationsJob
from app.models.system import Job
from app.queue import IS_UNFINISHED, enqueue

DUE_AT_ONCE = 100


def is_pending() -> ColumnElement[bool]:
    """Whether a delivery is still to be sent."""
    return WebhookDelivery.status == WebhookDeliveryStatus.PENDING


async def queue_sending(session: WriteSession, webhook: Webhook) -> None:
    """Has a locked webhook's deliveries sent, unless a job does so already, or it waits after a failure."""
    if not webhook.is_enabled or not await _may_send(session, webhook):
        return
    if await session.scalar(select(Job.id).where(Job.id == webhook.job_id, IS_UNFINISHED)) is not None:
        return
    job = await enqueue(session, IntegrationsJob.SEND_WEBHOOKS, subject_id=webhook.id, user_id=webhook.user_id)
    webhook.job_id, webhook.resume_at = job.id, None
    await session.flush()


async def _may_send(session: WriteSession, webhook: Webhook) -> bool:
    if webhook.resume_at is not None and not await session.scalar(select(webhook.resume_at <= func.now())):
        return False
    waits = select(WebhookDelivery.id).where(WebhookDelivery.webhook_id == webhook.id, is_pending())
    return await session.scalar(waits.limit(1)) is not None


async def queue_due(session: WriteSession) -> None:
    """Has sent what has waited long enough after a failure."""
    due = select(Webhook).join(User, User.id == Webhook.user_id).where(Webhook.is_enabled, User.is_active)
    due = due.where(Webhook.resume_at <= func.now()).order_by(Webhook.id).limit(DUE_AT_ONCE)
    for webhook in (await session.scalars(due.with_for_update(of=Webhook, skip_locked=True))).all():
        await queue_sending(session, webhook)
