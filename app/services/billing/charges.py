"""What work costs: held before it starts, posted with its end, under the fence of its job.

A job ends once, in a transaction that names its fence. The reservation ends in the same transaction: a worker that was
killed or that lost its lease posts nothing, and a message that comes twice finds the job ended.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import Select, func, select, update

from app.database import WriteSession
from app.models.billing.ledger import OperationCause
from app.models.billing.reservations import Reservation, ReservationPart, ReservationState
from app.models.system import Job, JobState
from app.queue import IS_UNFINISHED
from app.services.billing import amounts, reservations
from app.services.billing.reservations import SWEPT_AT_ONCE, Purpose
from app.services.system import jobs
from app.settings import settings


def price_of(cause: OperationCause, *, lines: int, epochs: int | None = None) -> Decimal:
    """Tokens for so many lines, tiles or media; zero unless this installation has a price for it."""
    unit = {
        OperationCause.TRAINING: settings.training_price_tokens,
        OperationCause.PREDICTION: settings.prediction_price_tokens,
        OperationCause.AI_JOB: settings.ai_job_price_tokens,
    }[cause]
    return amounts.rounded(unit * lines * (1 if epochs is None else epochs))


async def hold_for(session: WriteSession, job: Job, purpose: Purpose) -> Reservation | None:
    """Holds what a new job costs its user; InsufficientFunds if less is available. None if it costs nothing."""
    assert purpose.count_of_lines is not None, "the price is for lines"
    price = price_of(purpose.cause, lines=purpose.count_of_lines, epochs=purpose.count_of_training_epoch)
    if not price or job.user_id is None:
        return None
    return await reservations.hold(session, job.user_id, price, replace(purpose, job_key=job.id), for_=_while())


def _while() -> timedelta:
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
    soon = Reservation.expires_at < func.now() + _while() / 2
    is_at_work = select(Job.id).where(Job.id == Reservation.job_key, IS_UNFINISHED).exists()
    due = _held_for_jobs().where(soon, is_at_work).limit(SWEPT_AT_ONCE).with_for_update()
    lasting = (await session.scalars(due)).all()
    if lasting:
        until = func.now() + _while()
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
    gone = _held_for_jobs().where(~is_known).order_by(Reservation.user_id, Reservation.id).limit(SWEPT_AT_ONCE)
    ids = (await session.scalars(gone)).all()
    for id in ids:
        await reservations.give_up(session, id)
    return len(ids)


def _held_for_jobs() -> Select[int]:
    held = Reservation.state == ReservationState.HELD, Reservation.expires_at > func.now()
    return select(Reservation.id).where(*held, Reservation.job_key.is_not(None))
