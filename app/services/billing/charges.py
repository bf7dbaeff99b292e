"""What work costs: held before it starts, posted with its end, under the fence of its job.

A job ends once, in a transaction that names its fence. The reservation ends in the same transaction: a worker that was
killed or that lost its lease posts nothing, and a message that comes twice finds the job ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, func, or_, select, update

from app.database import ReadSession, WriteSession
from app.models.billing.ledger import Currency, Operation, OperationCause
from app.models.billing.reservations import Reservation, ReservationPart, ReservationState
from app.models.system import Job, JobState
from app.queue import IS_UNFINISHED
from app.services.billing import amounts, holds, reservations
from app.services.billing.errors import InsufficientFunds
from app.services.billing.reservations import SWEPT_AT_ONCE, Purpose
from app.services.system import jobs
from app.settings import settings

UNITS: Mapping[OperationCause, str] = {
    OperationCause.TRAINING: "training_price_tokens",
    OperationCause.PREDICTION: "prediction_price_tokens",
    OperationCause.AI_JOB: "ai_job_price_tokens",
    OperationCause.SPECIES_TRAINING: "species_training_price_tokens",
    OperationCause.MACHINE_TRAINING: "machine_training_price_tokens",
    OperationCause.MACHINE_SOLVING: "machine_solving_price_tokens",
    OperationCause.MACHINE_SOLVING_API: "machine_solving_price_tokens",
    OperationCause.MARKET_SOLVING: "machine_solving_price_tokens",
    OperationCause.LINES_STORAGE: "line_storage_price_tokens",
}
"""The setting with the price of one unit of each work."""


@dataclass(frozen=True)
class Estimate:
    """What work would cost, and whether its payer could pay it now."""

    price: Decimal
    available: Decimal
    currency: Currency = Currency.EAML

    @property
    def is_affordable(self) -> bool:
        """Whether as much is available."""
        return self.price <= self.available


def price_of(
    cause: OperationCause,
    *,
    lines: int,
    epochs: int | None = None,
    columns: int | None = None,
    level: int | None = None,
) -> Decimal:
    """Tokens for so many lines, tiles or media; zero unless this installation has a price for it.

    The price of a machine's work counts each column of each line, times the factor of its level.
    """
    unit: Decimal = getattr(settings, UNITS[cause])
    factor = Decimal(1) if level in {None, 1} else getattr(settings, f"level_{level}_price_factor")
    return amounts.rounded(
        unit * factor * lines * (1 if epochs is None else epochs) * (1 if columns is None else columns)
    )


def has_price(cause: OperationCause) -> bool:
    """Whether such work costs something in this installation."""
    return bool(getattr(settings, UNITS[cause]))


def price_for(purpose: Purpose) -> Decimal:
    """What work for this purpose costs."""
    assert purpose.count_of_lines is not None, "the price is for lines"
    return price_of(
        purpose.cause,
        lines=purpose.count_of_lines,
        epochs=purpose.count_of_training_epoch,
        columns=purpose.count_of_columns,
        level=purpose.level,
    )


async def estimate(session: ReadSession, payer_id: int, purpose: Purpose) -> Estimate:
    """What this work would cost, and what its payer has for it. Call it in every `estimate…` field."""
    return Estimate(price_for(purpose), await holds.available_for(session, payer_id, purpose.cause))


def too_few(estimate: Estimate) -> InsufficientFunds:
    """What is raised for work that its payer cannot pay."""
    return InsufficientFunds(required=estimate.price, available=estimate.available, currency=estimate.currency)


async def hold_for(
    session: WriteSession, job: Job, purpose: Purpose, *, payer_id: int | None = None
) -> Reservation | None:
    """Holds what a new job costs; InsufficientFunds if less is available. None if it costs nothing.

    Who started the job pays, unless `payer_id` names somebody else: the owner of a machine.
    """
    price = price_for(purpose)
    payer = job.user_id if payer_id is None else payer_id
    if not price or payer is None:
        return None
    purpose = replace(purpose, job_key=job.id, actor_id=purpose.actor_id or job.user_id)
    return await reservations.hold(session, payer, price, purpose, for_=held_for())


async def hold_for_subject(session: WriteSession, user_id: int, purpose: Purpose) -> Reservation | None:
    """Holds what work costs that is no job of ours, such as that of an AI Manager. End it with `settle_subject`.

    Whether such work is under way says the rule that its domain gives to `lasts_while`.
    """
    assert purpose.subject is not None, "without a job, the subject says whose reservation it is"
    price = price_for(purpose)
    return await reservations.hold(session, user_id, price, purpose, for_=held_for()) if price else None


async def settle_subject(session: WriteSession, subject: tuple[str, int], *, lines: int) -> Operation | None:
    """Posts the share of the lines that were done, of all that are held for; the rest returns."""
    reservation_id = await reservations.of_subject(session, subject)
    if reservation_id is None:
        return None
    held = await session.get_one(Reservation, reservation_id)
    if not lines or not held.count_of_lines:
        await reservations.give_up(session, reservation_id)
        return None
    share = min(lines, held.count_of_lines)
    return await reservations.post(session, reservation_id, amounts.rounded(held.amount * share / held.count_of_lines))


IsUnderWay = ColumnElement[bool]
_under_way: list[IsUnderWay] = []


def lasts_while(is_under_way: IsUnderWay) -> None:
    """Registers a rule over the columns of `Reservation`: those without a job last while it holds."""
    _under_way.append(is_under_way)


async def pay_now(session: WriteSession, purpose: Purpose, *, payer_id: int) -> Operation | None:
    """Charges work that is done in this transaction, such as solving a few lines. None if it costs nothing."""
    price = price_for(purpose)
    if not price:
        return None
    held = await reservations.hold(session, payer_id, price, purpose, for_=held_for())
    return await reservations.post(session, held.id)


def held_for() -> timedelta:
    """How long money is held; what is at work holds on for longer."""
    return timedelta(hours=settings.reservation_hours)


@jobs.on_end
async def settle(session: WriteSession, job_id: int, state: JobState) -> None:
    """Posts what is held for a job that is done, and returns what is held for one that failed or was cancelled."""
    reservation_id = await reservations.of_job(session, job_id)
    if reservation_id is None:
        return
    if state is JobState.DONE:
        await reservations.post(session, reservation_id)
    else:
        await reservations.give_up(session, reservation_id)


async def renew(session: WriteSession) -> int:
    """Holds on for jobs that are not over."""
    soon = Reservation.expires_at < func.now() + held_for() / 2
    is_at_work = select(Job.id).where(Job.id == Reservation.job_key, IS_UNFINISHED).exists()
    due = _held().where(soon, or_(is_at_work, *_under_way)).limit(SWEPT_AT_ONCE).with_for_update()
    lasting = (await session.scalars(due)).all()
    if lasting:
        until = func.now() + held_for()
        parts = update(ReservationPart).where(ReservationPart.reservation_id.in_(lasting), ReservationPart.is_open)
        await session.execute(parts.values(expires_at=until))
        await session.execute(update(Reservation).where(Reservation.id.in_(lasting)).values(expires_at=until))
    return len(lasting)


async def release(session: WriteSession) -> int:
    """Returns what is held for jobs that are gone.

    In a transaction of its own: it locks wallets, and whoever holds a wallet may wait for what `renew` has locked. The
    wallets are locked in the order of their owners, as everywhere.
    """
    is_known = select(Job.id).where(Job.id == Reservation.job_key).exists()
    gone = (
        _held()
        .where(Reservation.job_key.is_not(None), ~is_known)
        .order_by(Reservation.user_id, Reservation.id)
        .limit(SWEPT_AT_ONCE)
    )
    ids = (await session.scalars(gone)).all()
    for id in ids:
        await reservations.give_up(session, id)
    return len(ids)


def _held() -> Select[int]:
    held = Reservation.state == ReservationState.HELD, Reservation.expires_at > func.now()
    return select(Reservation.id).where(*held)
