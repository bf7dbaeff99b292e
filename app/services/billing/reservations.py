"""Reservations in two phases: money is held before work starts, and posted or returned with its end.

What is held stays in its account, and is not available. So there is nothing to give back: a reservation that is void,
or past its end, holds no more. The clock that decides is the database's, read after the lock of the wallet was taken:
of one that spends what has expired and one that still posts it, only the first of the two gets it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import func, literal_column, select, update

from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid
from app.models.billing.ledger import AccountKind, Currency, LedgerAccount, Operation, OperationCause
from app.models.billing.reservations import Reservation, ReservationPart, ReservationState
from app.services.billing import holds, ledger, spending
from app.services.billing.amounts import ZERO
from app.services.billing.errors import InsufficientFunds
from app.services.billing.holds import Source
from app.services.billing.ledger import About, Leg

SWEPT_AT_ONCE = 100


@dataclass(frozen=True)
class Purpose:
    """What money is held for."""

    cause: OperationCause
    subject: tuple[str, int] | None = None
    job_key: int | None = None
    count_of_lines: int | None = None
    count_of_training_epoch: int | None = None
    # Only for the price: machines are priced by columns and level.
    count_of_columns: int | None = None
    level: int | None = None
    # Who started the work, if not the payer.
    actor_id: int | None = None


async def hold(
    session: WriteSession, user_id: int, amount: Decimal, purpose: Purpose, *, for_: timedelta
) -> Reservation:
    """Holds coupons and tokens of a user for a time, in the order in which they are spent.

    InsufficientFunds if fewer are available.
    """
    await ledger.lock_wallets(session, user_id)
    sources = await holds.sources(session, user_id, purpose.cause)
    free = holds.total(sources)
    await spending.check_before(session, user_id, amount)
    if free < amount:
        raise InsufficientFunds(required=amount, available=free, currency=Currency.EAML)
    until = (await session.scalars(select(func.clock_timestamp()))).one() + for_
    subject_type, subject_key = purpose.subject or (None, None)
    reservation = Reservation(
        user_id=user_id,
        cause=purpose.cause,
        currency=Currency.EAML,
        amount=amount,
        expires_at=until,
        count_of_lines=purpose.count_of_lines,
        count_of_training_epoch=purpose.count_of_training_epoch,
        subject_type=subject_type,
        subject_key=subject_key,
        job_key=purpose.job_key,
        actor_id=purpose.actor_id,
    )
    session.add(reservation)
    await session.flush()
    await hold_parts(session, reservation, sources)
    await spending.tell_after(session, user_id, free - amount)
    return reservation


async def hold_parts(session: WriteSession, reservation: Reservation, sources: Sequence[Source]) -> None:
    """Holds the amount of a reservation, in the order of what can pay for it: all of it, or InsufficientFunds."""
    left = reservation.amount
    for source in sources:
        if amount := min(left, source.free):
            part = ReservationPart(
                reservation_id=reservation.id,
                account_id=source.account_id,
                amount=amount,
                expires_at=reservation.expires_at,
            )
            session.add(part)
            left -= amount
    if left:
        free = holds.total(sources)
        raise InsufficientFunds(required=reservation.amount, available=free, currency=reservation.currency)
    await session.flush()


async def post(session: WriteSession, reservation_id: int, amount: Decimal | None = None) -> Operation | None:
    """Posts what is held, or a part of it; the rest returns. None if nothing was left to pay.

    Conflict if it is no longer held, or has expired: nothing is written.
    """
    reservation = await _held(session, reservation_id)
    amount = reservation.amount if amount is None else amount
    if not ZERO <= amount <= reservation.amount:
        raise Invalid("amount", "Post at most what is held, and nothing below zero.")
    assert reservation.payee_id is None or amount == reservation.amount, "a sale is paid whole, with its commission"
    parts = await _close(session, reservation, ReservationState.POSTED if amount else ReservationState.VOID)
    if not amount:
        return None
    legs = await _legs(session, reservation, parts, amount)
    operation = await ledger.post(session, _about(reservation), legs)
    reservation.posted, reservation.operation_id = amount, operation.id
    await session.flush()
    return operation


async def _legs(
    session: WriteSession, reservation: Reservation, parts: Sequence[ReservationPart], amount: Decimal
) -> list[Leg]:
    """What of the parts pays for this, in their order; coupons come as coupons to the platform."""
    legs, left = [], amount
    received: dict[Currency, Decimal] = defaultdict(Decimal)
    for part in parts:
        taken = min(part.amount, left)
        legs.append(Leg(part.account_id, -taken))
        received[(await session.get_one(LedgerAccount, part.account_id)).currency] += taken
        left -= taken
    if reservation.payee_id is not None:
        return [*legs, *await payee_legs(session, reservation.payee_id, amount, reservation.commission)]
    for currency, came in received.items():
        legs.append(Leg(await ledger.platform(session, AccountKind.REVENUE, currency), came))
    return legs


async def payee_legs(session: WriteSession, payee_id: int, amount: Decimal, commission: Decimal) -> list[Leg]:
    """What a seller and the platform get of an amount in US dollars: together exactly all of it."""
    return [
        Leg(await ledger.wallet(session, payee_id, Currency.USD), amount - commission),
        Leg(await ledger.platform(session, AccountKind.COMMISSION, Currency.USD), commission),
    ]


def _about(reservation: Reservation) -> About:
    return About(
        reservation.cause,
        reservation.actor_id or reservation.user_id,
        reservation.payee_id or reservation.user_id,
        count_of_lines=reservation.count_of_lines,
        count_of_training_epoch=reservation.count_of_training_epoch,
        subject=ledger.subject_of(reservation),
        job_key=reservation.job_key,
    )


async def void(session: WriteSession, reservation_id: int) -> Reservation:
    """Returns all that is held. Conflict if it is no longer held."""
    reservation = await _held(session, reservation_id)
    await _close(session, reservation, ReservationState.VOID)
    await session.flush()
    return reservation


async def give_up(session: WriteSession, reservation_id: int) -> None:
    """Returns what is still held; nothing if it has ended, or expired meanwhile."""
    reservation = await _locked(session, reservation_id)
    if reservation.state is ReservationState.HELD:
        await _close(session, reservation, ReservationState.VOID)


async def _locked(session: WriteSession, reservation_id: int) -> Reservation:
    """A reservation as it is now: first its wallet is locked, then itself."""
    user_id = (await session.scalars(select(Reservation.user_id).where(Reservation.id == reservation_id))).one()
    await ledger.lock_wallets(session, user_id)
    return await session.get_one(Reservation, reservation_id, with_for_update=True, populate_existing=True)


async def _held(session: WriteSession, reservation_id: int) -> Reservation:
    """A reservation, locked, if it still holds anything."""
    reservation = await _locked(session, reservation_id)
    if reservation.state is not ReservationState.HELD:
        raise Conflict("This reservation has ended: it was posted, returned, or held for too long.")
    if reservation.expires_at <= (await session.scalars(select(func.clock_timestamp()))).one():
        raise Conflict("This reservation has expired. Nothing was posted.")
    return reservation


async def _close(session: WriteSession, reservation: Reservation, state: ReservationState) -> Sequence[ReservationPart]:
    """Ends a reservation. Before anything is posted: what is held is not available to anybody, not even for it."""
    reservation.state = state
    sought = select(ReservationPart).where(ReservationPart.reservation_id == reservation.id)
    parts = (await session.scalars(sought.order_by(ReservationPart.id))).all()
    for part in parts:
        part.is_open = False
    await session.flush()
    return parts


async def of_job(session: ReadSession, job_key: int) -> int | None:
    """The reservation that is held for a job."""
    held = Reservation.job_key == job_key, Reservation.state == ReservationState.HELD
    return await session.scalar(select(Reservation.id).where(*held))


async def of_subject(session: ReadSession, subject: tuple[str, int]) -> int | None:
    """The reservation that is held, not for a job, but for work on a row."""
    subject_type, subject_key = subject
    held = Reservation.state == ReservationState.HELD, Reservation.expires_at > func.clock_timestamp()
    whose = Reservation.subject_type == subject_type, Reservation.subject_key == subject_key
    query = select(Reservation.id).where(*held, *whose, Reservation.job_key.is_(None))
    return await session.scalar(query.order_by(Reservation.id).limit(1))


async def was_paid(session: ReadSession, subject: tuple[str, int]) -> bool:
    """Whether work on a row was paid."""
    subject_type, subject_key = subject
    whose = Reservation.subject_type == subject_type, Reservation.subject_key == subject_key
    paid = select(Reservation.id).where(*whose, Reservation.state == ReservationState.POSTED)
    return (await session.scalar(paid.limit(1))) is not None


async def sweep(session: WriteSession) -> int:
    """Marks reservations that have expired; they hold nothing already."""
    due = (
        select(Reservation.id)
        # Written out: only so does PostgreSQL know that the partial index holds all that is asked for.
        .where(literal_column("state = 'HELD'"), Reservation.expires_at <= func.now())
        .limit(SWEPT_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    ids = (await session.scalars(due)).all()
    if ids:
        await session.execute(
            update(ReservationPart).where(ReservationPart.reservation_id.in_(ids)).values(is_open=False)
        )
        ended = update(Reservation).where(Reservation.id.in_(ids)).values(state=ReservationState.EXPIRED)
        await session.execute(ended)
    return len(ids)
