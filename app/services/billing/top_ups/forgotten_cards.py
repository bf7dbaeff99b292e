"""Cards that are no longer saved here: the payment provider is asked to forget them, until it has done so.

What was forgotten stays forgotten: events about former payments name its customer, too.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.database import ReadSession, WriteSession
from app.gateways import card_payments
from app.models.billing.automatic_top_ups import ForgottenCard
from app.models.kinds.billing import BillingJob
from app.queue import enqueue
from app.settings import settings

TRIED_AT_ONCE = 100


async def forget(session: WriteSession, customer_key: str) -> None:
    """Asks the provider, after this transaction, to detach the cards of a customer."""
    added = insert(ForgottenCard).values(customer_key=customer_key, next_try_at=await _in_a_while(session))
    id = await session.scalar(added.on_conflict_do_nothing().returning(ForgottenCard.id))
    if id is not None and card_payments.is_set_up():
        await enqueue(session, BillingJob.FORGET_CARD, subject_id=id, user_id=None)


async def was_forgotten(session: ReadSession, customer_key: str) -> bool:
    """Whether the cards of a customer are forgotten, or are to be."""
    known = select(ForgottenCard.id).where(ForgottenCard.customer_key == customer_key)
    return await session.scalar(known) is not None


async def done(session: WriteSession, id: int) -> None:
    """Notes that the provider has forgotten it."""
    (await session.get_one(ForgottenCard, id)).next_try_at = None


async def failed(session: WriteSession, id: int, reason: str) -> None:
    """Waits a while: the provider could not be asked."""
    del reason
    (await session.get_one(ForgottenCard, id)).next_try_at = await _in_a_while(session)


async def start_due(session: WriteSession) -> int:
    """Asks again where the provider could not be asked."""
    if not card_payments.is_set_up():
        return 0
    due = select(ForgottenCard).where(ForgottenCard.next_try_at <= func.now()).order_by(ForgottenCard.id)
    cards = (await session.scalars(due.limit(TRIED_AT_ONCE).with_for_update(skip_locked=True))).all()
    for card in cards:
        card.next_try_at = await _in_a_while(session)
        await enqueue(session, BillingJob.FORGET_CARD, subject_id=card.id, user_id=None)
    return len(cards)


async def _in_a_while(session: ReadSession) -> datetime:
    now: datetime = (await session.scalars(select(func.clock_timestamp()))).one()
    return now + timedelta(seconds=settings.automatic_top_up_pause_s)
