"""Sales between users in US dollars: the buyer pays the price, the seller gets it less the platform's commission.

Only wallets pay: coupons and promotional tokens never reach a seller, and are no part of what the commission is of.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import func, select

from app.database import ReadSession, WriteSession
from app.models.billing.ledger import (
    AccountKind,
    Currency,
    LedgerAccount,
    LedgerEntry,
    Operation,
    OperationCause,
)
from app.models.billing.reservations import Reservation, ReservationPart
from app.models.system import Job
from app.services.billing import amounts, charges, holds, ledger, reservations, spending
from app.services.billing.amounts import ZERO
from app.services.billing.errors import InsufficientFunds, SpendingLimitReached
from app.services.billing.ledger import About
from app.services.billing.top_ups import automatic_top_ups
from app.services.system import notifications
from app.settings import settings

CAUSES = (
    OperationCause.MARKET_SOLVING,
    OperationCause.DATA_SOURCE,
    OperationCause.MACHINE_COPY,
    OperationCause.MACHINE_COPY_UPDATE,
)
"""What users sell to each other without knowing one another: sellers do not learn who their buyers are."""


@dataclass(frozen=True)
class Sale:
    """What is sold, to whom, by whom, and for how much."""

    cause: OperationCause
    buyer_id: int
    seller_id: int
    price: Decimal
    subject: tuple[str, int]
    count_of_lines: int | None = None

    @property
    def commission(self) -> Decimal:
        """What the platform keeps, rounded once; the seller gets all the rest."""
        return amounts.rounded(self.price * settings.market_commission_percentage / 100)


async def require_funds(session: ReadSession, sale: Sale) -> None:
    """InsufficientFunds if the buyer could not pay now, or has set a limit that this would exceed."""
    await _check_limit(session, sale)
    available = await holds.available(session, sale.buyer_id, Currency.USD)
    if available < sale.price:
        raise InsufficientFunds(required=sale.price, available=available, currency=Currency.USD)


async def pay(session: WriteSession, sale: Sale) -> Operation | None:
    """Pays for what is delivered in this transaction. None if it is free."""
    await ledger.lock_wallets(session, sale.buyer_id)
    if not sale.price:
        return None
    await require_funds(session, sale)
    about = About(sale.cause, sale.buyer_id, sale.seller_id, count_of_lines=sale.count_of_lines, subject=sale.subject)
    paid = await ledger.debits(session, sale.buyer_id, Currency.USD, sale.price)
    received = await reservations.payee_legs(session, sale.seller_id, sale.price, sale.commission)
    operation = await ledger.post(session, about, [*paid, *received])
    await _tell(session, sale)
    await automatic_top_ups.start_if_due(session, sale.buyer_id)
    return operation


async def hold(session: WriteSession, sale: Sale, job: Job) -> Reservation:
    """Holds the price until the job that delivers ends: it is paid if that is done, and returns if it is not."""
    await ledger.lock_wallets(session, sale.buyer_id)
    await require_funds(session, sale)
    subject_type, subject_key = sale.subject
    until = (await session.scalars(select(func.clock_timestamp()))).one() + charges.held_for()
    reservation = Reservation(
        user_id=sale.buyer_id,
        payee_id=sale.seller_id,
        commission=sale.commission,
        cause=sale.cause,
        currency=Currency.USD,
        amount=sale.price,
        expires_at=until,
        count_of_lines=sale.count_of_lines,
        subject_type=subject_type,
        subject_key=subject_key,
        job_key=job.id,
    )
    session.add(reservation)
    await session.flush()
    await reservations.hold_parts(session, reservation, await holds.wallet_parts(session, sale.buyer_id, Currency.USD))
    await _tell(session, sale)
    await automatic_top_ups.start_if_due(session, sale.buyer_id)
    return reservation


async def spent_this_month(session: ReadSession, user_id: int) -> Decimal:
    """US dollars that purchases of this month (UTC) have cost, with what is held for some under way."""
    begins = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    entries = LedgerEntry.__table__.c
    paid = (
        select(func.coalesce(-func.sum(entries.change), 0))
        .join(Operation, Operation.id == entries.operation_id)
        .where(
            entries.user_id == user_id,
            entries.currency == Currency.USD,
            entries.created_at >= begins,
            Operation.cause.in_(CAUSES),
            Operation.owner_user_id != user_id,
        )
    )
    held = select(func.sum(ReservationPart.amount)).where(
        ReservationPart.account_id == LedgerAccount.id,
        ReservationPart.is_open,
        ReservationPart.expires_at > func.clock_timestamp(),
    )
    own = LedgerAccount.user_id == user_id, LedgerAccount.kind == AccountKind.WALLET
    of_wallet = select(func.sum(held.scalar_subquery())).where(*own, LedgerAccount.currency == Currency.USD)
    return amounts.rounded((await session.scalar(paid) or ZERO) + (await session.scalar(of_wallet) or ZERO))


async def _check_limit(session: ReadSession, sale: Sale) -> None:
    """SpendingLimitReached if this would exceed the buyer's own limit."""
    rules = await spending.rules_of(session, sale.buyer_id)
    if rules is None or rules.month_usd_max is None:
        return
    left = amounts.rounded(max(ZERO, rules.month_usd_max - await spent_this_month(session, sale.buyer_id)))
    if sale.price > left:
        raise SpendingLimitReached(
            required=sale.price, available=left, currency=Currency.USD, limit=rules.month_usd_max
        )


async def _tell(session: WriteSession, sale: Sale) -> None:
    """Tells a buyer whose purchases of the month have come to cost what they set."""
    rules = await spending.rules_of(session, sale.buyer_id)
    if rules is None or rules.month_usd_notice is None:
        return
    spent = await spent_this_month(session, sale.buyer_id)
    if spent >= rules.month_usd_notice:
        message = f"Your purchases of this month cost {amounts.written(spent)} US dollars so far."
        event = f"month-usd:{datetime.now(UTC):%Y-%m}"
        notifications.notify(session, sale.buyer_id, message, about=rules, event=event)
