"""What is done with money by the clock: reservations that last, and reservations and grants that have expired."""

from app.database import Database
from app.gateways import card_payments
from app.models.billing.top_ups import TopUp
from app.models.kinds.billing import BillingJob
from app.services.billing import automatic_top_ups, card_top_ups, charges, grants, reservations
from jobs.broker import job
from jobs.run import Run
from jobs.schedule import by_the_clock

SWITCHED_OFF = "It was switched off meanwhile."


async def tidy(database: Database) -> None:
    """Renews what is held for jobs at work, returns it for jobs that are gone, and ends what has expired."""
    for step in (charges.renew, charges.release, reservations.sweep, grants.end_due, automatic_top_ups.start_due):
        async with database.writing() as session:
            await step(session)


@job(BillingJob.OPEN_CHECKOUT, failed=card_top_ups.failed)
async def open_checkout(run: Run) -> None:
    """Asks the payment provider for a page to pay on."""
    async with run.database.reading() as session:
        top_up = await session.get_one(TopUp, run.claim.subject_id)
    page = await card_payments.open_page(reference=str(top_up.id), usd=top_up.usd, saves_card=top_up.saves_card)
    async with run.ending() as session:
        await card_top_ups.opened(session, top_up.id, page)


@job(BillingJob.CHARGE_CARD, failed=automatic_top_ups.failed)
async def charge_card(run: Run) -> None:
    """Charges a saved card, unless the rule is off by now."""
    top_up_id = run.claim.subject_id
    async with run.database.reading() as session:
        order = await automatic_top_ups.order(session, top_up_id)
    charge = card_payments.Charge(refusal=SWITCHED_OFF)
    if order is not None:
        charge = await card_payments.charge(reference=str(top_up_id), usd=order.usd, customer=order.customer_key)
    async with run.ending() as session:
        await card_top_ups.charged(session, top_up_id, charge)


by_the_clock("reservations", tidy)
