"""Buying in the market: what is paid is what the buyer expected, once, and only for what they get."""

from decimal import Decimal

from sqlalchemy import select, update

from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid, NotFound
from app.models.accounts import User
from app.models.automl.machines import Machine
from app.models.automl.market import (
    Listing,
    ListingKind,
    ListingUsage,
    Purchase,
    PurchaseKind,
    PurchaseState,
)
from app.models.billing.ledger import OperationCause
from app.models.billing.reservations import Reservation
from app.models.kinds.automl import AutomlJob
from app.models.system import Job, JobState
from app.policies import Viewer, signed_in, visible
from app.policies.automl.machines import is_used_by
from app.queue import enqueue
from app.services.automl.machines import making
from app.services.automl.machines.access import machine_with_lines_to_change
from app.services.automl.market import listing as listings
from app.services.billing import amounts, ledger, sales
from app.services.billing.sales import Sale
from app.services.system import audit, jobs, notifications
from app.tabular.choices import MachineStatus

CAUSES = {
    PurchaseKind.DATA_SOURCE: OperationCause.DATA_SOURCE,
    PurchaseKind.MACHINE_COPY: OperationCause.MACHINE_COPY,
    PurchaseKind.MACHINE_COPY_UPDATE: OperationCause.MACHINE_COPY_UPDATE,
}
NOT_OFFERED = "This is not offered at the moment. Nothing was charged."


async def buy(
    session: WriteSession, viewer: Viewer, listing_id: int, *, expected_price: Decimal, name: str | None
) -> Purchase:
    """Buys what is offered, if it costs what the buyer expects."""
    user_id = signed_in(viewer)
    chosen = None if name is None else making.name_of_machine(viewer, "name", name)
    listing = await _to_buy(session, viewer, listing_id)
    if listing.kind is ListingKind.API_SOLVING:
        raise Invalid("id", "Answers are paid when they are given: ask the machine with `solve`.")
    machine = await _machine_of(session, viewer, listing)
    check_price(expected_price, listing.price_usd)
    kind = PurchaseKind[listing.kind.value]
    await _require_not_bought(session, user_id, listing, kind)
    purchase = _purchase(user_id, listing, machine, kind, listing.price_usd)
    if await is_first(session, user_id, listing.id):
        await count_buyer(session, listing.id)
    if kind is PurchaseKind.DATA_SOURCE:
        operation = await sales.pay(session, _sale(purchase, listing))
        purchase.operation_id = None if operation is None else operation.id
    else:
        copy, job = await making.copy_of(session, viewer, machine, name=chosen)
        purchase.copy_id = copy.id
        await _hold(session, purchase, listing, job)
    session.add(purchase)
    await session.flush()
    audit.record(session, user_id, "buyListing", about=purchase)
    if purchase.state is PurchaseState.COMPLETED:
        await _tell_seller(session, purchase, listing.seller_id)
    return purchase


async def buy_copy_update(
    session: WriteSession, viewer: Viewer, purchase_id: int, *, expected_price: Decimal
) -> Purchase:
    """Brings a copy that was bought up to date, if that costs what the buyer expects."""
    user_id = signed_in(viewer)
    sought = visible(Purchase, viewer).where(Purchase.id == purchase_id, Purchase.buyer_id == user_id)
    bought = await session.scalar(sought)
    if bought is None or bought.kind is not PurchaseKind.MACHINE_COPY:
        raise NotFound("You have no such purchase of a copy.")
    if bought.copy_id is None or bought.listing_id is None:
        raise Conflict("The copy, or the machine that it was copied from, was deleted. Nothing was charged.")
    # The machine is locked before the wallet, as everywhere: what deletes it returns what is held for it.
    copy = await machine_with_lines_to_change(session, viewer, bought.copy_id)
    listing = await _to_buy(session, viewer, bought.listing_id)
    machine = await _machine_of(session, viewer, listing)
    check_price(expected_price, listing.update_price_usd)
    if copy.status is not MachineStatus.READY:
        raise Conflict("The lines of this copy are not read yet. Nothing was charged.")
    copy.pending = {"copied_from": machine.id}
    job = await enqueue(session, AutomlJob.UPDATE_COPY, subject_id=copy.id, user_id=user_id)
    copy.job_id = job.id
    purchase = _purchase(user_id, listing, machine, PurchaseKind.MACHINE_COPY_UPDATE, listing.update_price_usd)
    purchase.copy_id = copy.id
    await _hold(session, purchase, listing, job)
    session.add(purchase)
    await session.flush()
    audit.record(session, user_id, "buyCopyUpdate", about=purchase)
    return purchase


async def _to_buy(session: WriteSession, viewer: Viewer, listing_id: int) -> Listing:
    """An offer that is open, locked until the purchase is done; the buyer's wallet is locked before it."""
    await ledger.lock_wallets(session, signed_in(viewer))
    seen = visible(Listing, viewer).where(Listing.id == listing_id).with_only_columns(Listing.id)
    if await session.scalar(seen) is None:
        raise NotFound("There is no such listing.")
    listing = await listings.locked(session, listing_id)
    if listing is None or not listing.is_open or not await sells(session, listing.seller_id):
        raise Conflict(NOT_OFFERED)
    return listing


async def sells(session: ReadSession, seller_id: int) -> bool:
    """Whether an account may sell: one that is suspended or deleted may not."""
    active = select(User.id).where(User.id == seller_id, User.is_active, User.anonymised_at.is_(None))
    return await session.scalar(active) is not None


async def _machine_of(session: WriteSession, viewer: Viewer, listing: Listing) -> Machine:
    """The machine that is offered, which is not the buyer's own; it is there until the purchase is done."""
    query = visible(Machine, viewer).add_columns(is_used_by(viewer)).where(Machine.id == listing.machine_id)
    row = (await session.execute(query.with_for_update(read=True, of=Machine, key_share=True))).one_or_none()
    if row is None or row[0].deleted_at is not None:
        raise Conflict(NOT_OFFERED)
    machine: Machine = row[0]
    if row[1]:
        raise Conflict("You use this machine already: it is yours, or your team's. Nothing was charged.")
    if machine.pending is not None:
        raise Conflict("Lines are being read into this machine. Wait until that has ended. Nothing was charged.")
    return machine


def check_price(expected: Decimal, present: Decimal) -> None:
    """Conflict if the price is not what the buyer expects: a price may change while they make up their minds."""
    if not expected.is_finite() or expected < 0:
        raise Invalid("expectedPriceUsd", "Give the price that the listing shows.")
    if expected != present:
        raise Conflict(
            f"The price is {amounts.written(present)} US dollars, and not {amounts.written(expected)}. Nothing was "
            "charged. Look at the listing again, and send the new price if you agree."
        )


async def _require_not_bought(session: WriteSession, user_id: int, listing: Listing, kind: PurchaseKind) -> None:
    """The unique index decides; this says so before anything is held."""
    own = Purchase.buyer_id == user_id, Purchase.machine_id == listing.machine_id, Purchase.kind == kind
    kept = Purchase.state != PurchaseState.FAILED
    if kind is PurchaseKind.MACHINE_COPY:
        kept &= Purchase.copy_id.is_not(None)
    if await session.scalar(select(Purchase.id).where(*own, kept).limit(1)) is not None:
        raise Conflict("You have bought this already; it is among your `purchases`. Nothing was charged.")


async def is_first(session: ReadSession, user_id: int, listing_id: int) -> bool:
    """Whether an account has neither bought nor asked this before."""
    for table, account in ((Purchase, Purchase.buyer_id), (ListingUsage, ListingUsage.user_id)):
        of_user = select(table.id).where(account == user_id, table.listing_id == listing_id).limit(1)
        if await session.scalar(of_user) is not None:
            return False
    return True


async def count_buyer(session: WriteSession, listing_id: int) -> None:
    """Counts another buyer of an offer."""
    more = update(Listing).where(Listing.id == listing_id).values(buyers_count=Listing.buyers_count + 1)
    await session.execute(more.execution_options(synchronize_session=False))


def _purchase(user_id: int, listing: Listing, machine: Machine, kind: PurchaseKind, price: Decimal) -> Purchase:
    return Purchase(
        buyer_id=user_id,
        listing_id=listing.id,
        machine_id=machine.id,
        kind=kind,
        machine_name=machine.machine_name,
        price_usd=price,
        licence=listing.licence,
        licence_terms=listing.licence_terms,
        state=PurchaseState.COMPLETED,
    )


def _sale(purchase: Purchase, listing: Listing) -> Sale:
    assert purchase.machine_id is not None, "what is bought is of a machine"
    subject = "Machine", purchase.machine_id
    return Sale(CAUSES[purchase.kind], purchase.buyer_id, listing.seller_id, purchase.price_usd, subject)


async def _hold(session: WriteSession, purchase: Purchase, listing: Listing, job: Job) -> None:
    """Holds the price until the lines are there."""
    purchase.state, purchase.job_key = PurchaseState.PENDING, job.id
    if purchase.price_usd:
        await sales.hold(session, _sale(purchase, listing), job)


# After `charges.settle`, which is imported and so registered before: it posts what is held.
@jobs.on_end
async def settle(session: WriteSession, job_id: int, state: JobState) -> None:
    """Ends a purchase with the job that delivers it: paid if that is done, and without a charge otherwise."""
    pending = Purchase.job_key == job_id, Purchase.state == PurchaseState.PENDING
    purchase = await session.scalar(select(Purchase).where(*pending))
    if purchase is None:
        return
    if state is not JobState.DONE:
        purchase.state = PurchaseState.FAILED
        message = f"Your purchase of {purchase.machine_name[:60]} failed. Nothing was charged."
        notifications.notify(session, purchase.buyer_id, message, about=purchase, event="failed")
        return
    purchase.state = PurchaseState.COMPLETED
    paid = select(Reservation.operation_id).where(Reservation.job_key == job_id)
    purchase.operation_id = await session.scalar(paid.order_by(Reservation.id.desc()).limit(1))
    await session.flush()
    seller = select(Listing.seller_id).where(Listing.id == purchase.listing_id)
    seller_id = await session.scalar(seller)
    if seller_id is not None:
        await _tell_seller(session, purchase, seller_id)


WHAT = {
    PurchaseKind.DATA_SOURCE: "The lines",
    PurchaseKind.MACHINE_COPY: "A copy",
    PurchaseKind.MACHINE_COPY_UPDATE: "An update of a copy",
}


async def _tell_seller(session: WriteSession, purchase: Purchase, seller_id: int) -> None:
    """Tells the seller what was sold, and not to whom."""
    listing = await session.get(Listing, purchase.listing_id or 0)
    if listing is None:
        return
    price = f"for {amounts.written(purchase.price_usd)} US dollars" if purchase.price_usd else "for free"
    message = f"{WHAT[purchase.kind]} of your machine {purchase.machine_name[:60]} went to a buyer {price}."
    notifications.notify(session, seller_id, message, about=listing, event=f"sold:{purchase.id}")


async def sold_lines_of(session: ReadSession, machine_id: int) -> bool:
    """Whether somebody bought the right to read a machine's lines."""
    bought = Purchase.machine_id == machine_id, Purchase.kind == PurchaseKind.DATA_SOURCE
    query = select(Purchase.id).where(*bought, Purchase.state == PurchaseState.COMPLETED).limit(1)
    return await session.scalar(query) is not None
