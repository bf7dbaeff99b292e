"""Top-ups by card. The provider tells facts, each once or more and in any order; what is posted follows from all facts.

A fact only ever grows: how much was paid, and how much was refunded. A dispute takes its amount until it is won. So the
amount that belongs to the balance is what was paid, without what was refunded or is disputed, and the difference to
what is credited is posted, whichever event came first.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.database import WriteSession
from app.errors import Unavailable
from app.gateways import card_payments
from app.gateways.card_payments import CENTS, Charge, Event, Page
from app.limits.billing import PROVIDER_KEY_LENGTH_MAX
from app.models.billing.ledger import AccountKind, Currency, OperationCause
from app.models.billing.top_ups import PaymentEvent, TopUp, TopUpState
from app.models.kinds.billing import BillingJob
from app.policies import Viewer, signed_in
from app.queue import enqueue
from app.services.billing import amounts, holds, ledger
from app.services.billing.amounts import ZERO
from app.services.billing.ledger import About, Leg, named
from app.services.billing.top_ups import automatic_top_ups
from app.services.system import notifications

ENDED_UNPAID = {
    "checkout.session.expired": TopUpState.EXPIRED,
    "checkout.session.async_payment_failed": TopUpState.FAILED,
}


async def start(session: WriteSession, viewer: Viewer, *, usd: Decimal, saves_card: bool = False) -> TopUp:
    """Begins a top-up; a job asks the provider for the page to pay on."""
    user_id = signed_in(viewer)
    card_payments.require_set_up()
    top_up = TopUp(user_id=user_id, usd=amounts.for_cards("usd", usd), saves_card=saves_card)
    session.add(top_up)
    await session.flush()
    top_up.job_id = (await enqueue(session, BillingJob.OPEN_CHECKOUT, subject_id=top_up.id, user_id=user_id)).id
    await session.flush()
    return top_up


async def opened(session: WriteSession, top_up_id: int, page: Page) -> None:
    """Shows where to pay, unless it has ended meanwhile."""
    top_up = await session.get_one(TopUp, top_up_id, with_for_update=True)
    top_up.provider_key, top_up.checkout_url = page.key, page.url
    if top_up.state is TopUpState.CREATED:
        top_up.state = TopUpState.OPEN


async def failed(session: WriteSession, top_up_id: int, reason: str) -> None:
    """Ends a top-up for which there is no page."""
    top_up = await session.get_one(TopUp, top_up_id, with_for_update=True)
    if top_up.state is TopUpState.CREATED:
        top_up.state = TopUpState.FAILED
        notifications.notify(session, top_up.user_id, f"Your top-up failed. {reason}", about=top_up, event="failed")


async def charged(session: WriteSession, top_up_id: int, charge: Charge) -> None:
    """Acts on the answer to the charge of a saved card; events may have reported the same before."""
    top_up = await session.get_one(TopUp, top_up_id, with_for_update=True, populate_existing=True)
    if charge.refusal is not None:
        await automatic_top_ups.refused(session, top_up, charge.refusal, is_final=True)
        return
    top_up.provider_key = charge.key
    if charge.is_paid:
        top_up.paid_usd, top_up.state = max(top_up.paid_usd, top_up.usd), TopUpState.PAID
        await _post_difference(session, top_up)
        await automatic_top_ups.paid(session, top_up.user_id)
    await session.flush()


async def apply_event(session: WriteSession, event: Event) -> None:
    """Acts on an event of the provider: once, however often and in whatever order it comes."""
    received = insert(PaymentEvent).values(event_key=event.key[:255], kind=event.kind[:255])
    if await session.scalar(received.on_conflict_do_nothing().returning(PaymentEvent.id)) is None:
        return
    top_up = await _about(session, event.about)
    if top_up is None:
        return
    _learn(top_up, event)
    await _post_difference(session, top_up)
    await _learn_of_card(session, top_up, event)
    await session.flush()


async def _about(session: WriteSession, about: Mapping[str, Any]) -> TopUp | None:
    """The top-up that an event is about; events of others who use the same account of the provider are nobody's."""
    reference = (about.get("metadata") or {}).get("top_up")
    if not isinstance(reference, str) or not reference.isascii() or not reference.isdigit() or len(reference) > 18:
        return None
    sought = select(TopUp).where(TopUp.id == int(reference)).with_for_update()
    top_up: TopUp | None = await session.scalar(sought.execution_options(populate_existing=True))
    return top_up


async def _learn_of_card(session: WriteSession, top_up: TopUp, event: Event) -> None:
    """What an event says of a saved card: which one it is, that it works, or that it was refused."""
    customer = event.about.get("customer")
    if top_up.saves_card and top_up.state is TopUpState.PAID and isinstance(customer, str) and customer:
        await automatic_top_ups.keep_card(session, top_up.user_id, customer[:PROVIDER_KEY_LENGTH_MAX])
    if top_up.is_automatic and top_up.state is TopUpState.PAID:
        await automatic_top_ups.paid(session, top_up.user_id)
    elif top_up.is_automatic and event.kind == "payment_intent.payment_failed":
        await automatic_top_ups.refused(session, top_up, card_payments.NOT_ACCEPTED, is_final=True)


def _learn(top_up: TopUp, event: Event) -> None:
    about, kind = event.about, event.kind
    is_paid = kind in {"checkout.session.completed", "checkout.session.async_payment_succeeded"}
    if is_paid and about.get("payment_status") == "paid":
        top_up.paid_usd = max(top_up.paid_usd, _dollars(about, "amount_total"))
        top_up.state = TopUpState.PAID
    elif kind == "payment_intent.succeeded":
        top_up.paid_usd = max(top_up.paid_usd, _dollars(about, "amount_received"))
        top_up.state = TopUpState.PAID
    elif kind in ENDED_UNPAID and top_up.state in {TopUpState.CREATED, TopUpState.OPEN}:
        top_up.state = ENDED_UNPAID[kind]
    elif kind == "charge.refunded":
        top_up.refunded_usd = max(top_up.refunded_usd, _dollars(about, "amount_refunded"))
    elif kind == "charge.dispute.closed":
        top_up.disputed_usd = _dollars(about, "amount") if about.get("status") == "lost" else ZERO
        top_up.is_dispute_closed = True
    elif kind == "charge.dispute.created" and not top_up.is_dispute_closed:
        top_up.disputed_usd = _dollars(about, "amount")


def _dollars(about: Mapping[str, Any], field: str) -> Decimal:
    cents = about.get(field)
    if about.get("currency") != "usd" or not isinstance(cents, int) or cents < 0:
        raise Unavailable("This event has no amount in US dollars.")
    return amounts.rounded(Decimal(cents) / CENTS)


async def _post_difference(session: WriteSession, top_up: TopUp) -> None:
    """Brings what is credited to what belongs to the balance."""
    due = max(ZERO, top_up.paid_usd - top_up.refunded_usd - top_up.disputed_usd)
    change = due - top_up.credited_usd
    if change == 0:
        return
    await ledger.lock_wallets(session, top_up.user_id)
    outside = Leg(await ledger.platform(session, AccountKind.EXTERNAL, Currency.USD), -change)
    cause = OperationCause.TOP_UP
    if change > 0:
        legs = [outside, Leg(await ledger.wallet(session, top_up.user_id, Currency.USD), change)]
    else:
        cause = OperationCause.TOP_UP_RETURNED
        taken = min(-change, await holds.available(session, top_up.user_id, Currency.USD))
        # What was spent meanwhile the installation bears: the balance does not go below zero.
        borne = Leg(await ledger.platform(session, AccountKind.ADJUSTMENT, Currency.USD), change + taken)
        legs = [outside, borne, *await ledger.debits(session, top_up.user_id, Currency.USD, taken)]
    about = About(cause, top_up.user_id, top_up.user_id, subject=named(top_up))
    operation = await ledger.post(session, about, legs)
    top_up.credited_usd = due
    verb = "topped up by" if change > 0 else "reduced, because a payment was returned, by"
    message = f"Your balance was {verb} {amounts.written(abs(change))} USD."
    notifications.notify(session, top_up.user_id, message, about=operation, event="card")
