"""What is done with money by the clock: reservations that last, and reservations and grants that have expired."""

from app.database import Database
from app.gateways import card_payments
from app.models.billing.automatic_top_ups import ForgottenCard
from app.models.billing.top_ups import TopUp
from app.models.kinds.billing import BillingJob
from app.services.billing import charges, reservations
from app.services.billing.promotions import grants
from app.services.billing.top_ups import automatic_top_ups, card_top_ups, forgotten_cards
from jobs.broker import job
from jobs.run import JobRun
from jobs.schedule import by_the_clock

SWITCHED_OFF = "It was switched off meanwhile."
STEPS = (
    charges.renew,
    charges.release,
    reservations.sweep,
    grants.end_due,
    automatic_top_ups.start_due,
    forgotten_cards.start_due,
)


async def tidy(database: Database) -> None:
    """Renews what is held for jobs at work, returns it for jobs that are gone, ends what has expired; tries again."""
    for step in STEPS:
        async with database.writing() as session:
            await step(session)


@job(BillingJob.OPEN_CHECKOUT, failed=card_top_ups.failed)
async def open_checkout(run: JobRun) -> None:
    """Asks the payment provider for a page to pay on."""
    async with run.database.reading() as session:
        top_up = await session.get_one(TopUp, run.claim.subject_id)
    page = await card_payments.open_page(reference=str(top_up.id), usd=top_up.usd, saves_card=top_up.saves_card)
    async with run.ending() as session:
        await card_top_ups.opened(session, top_up.id, page)


@job(BillingJob.CHARGE_CARD, failed=automatic_top_ups.failed)
async def charge_card(run: JobRun) -> None:
    """Charges a saved card, unless the rule is off by now."""
    top_up_id = run.claim.subject_id
    async with run.database.reading() as session:
        order = await automatic_top_ups.order(session, top_up_id)
    charge = card_payments.Charge(refusal=SWITCHED_OFF)
    if order is not None:
        charge = await card_payments.charge(reference=str(top_up_id), usd=order.usd, customer=order.customer_key)
    async with run.ending() as session:
        await card_top_ups.charged(session, top_up_id, charge)


@job(BillingJob.FORGET_CARD, failed=forgotten_cards.failed)
async def forget_card(run: JobRun) -> None:
    """Asks the payment provider to detach a card that is no longer saved."""
    async with run.database.reading() as session:
        card = await session.get_one(ForgottenCard, run.claim.subject_id)
    await card_payments.detach_cards(customer=card.customer_key)
    async with run.ending() as session:
        await forgotten_cards.done(session, card.id)


by_the_clock("reservations", tidy)
