"""What reservations hold of accounts: what is left is available."""

from decimal import Decimal

from sqlalchemy import ColumnElement, func, select

from app.database import ReadSession
from app.models.billing.ledger import AccountKind, Currency, LedgerAccount
from app.models.billing.reservations import ReservationPart
from app.services.billing.amounts import ZERO


def held_of(account_id: ColumnElement[int]) -> ColumnElement[Decimal]:
    """What is held of an account at this moment; what has expired is not, swept or not."""
    open_ = (
        ReservationPart.account_id == account_id,
        ReservationPart.is_open,
        # Not the start of the transaction: it may have waited for the lock that makes this exact.
        ReservationPart.expires_at > func.clock_timestamp(),
    )
    held = select(func.sum(ReservationPart.amount)).where(*open_)
    return func.coalesce(held.correlate(LedgerAccount).scalar_subquery(), 0)


async def available(session: ReadSession, user_id: int, currency: Currency) -> Decimal:
    """What a user's wallet has and no reservation holds."""
    free = select(LedgerAccount.balance - held_of(LedgerAccount.__table__.c.id)).where(
        LedgerAccount.user_id == user_id,
        LedgerAccount.kind == AccountKind.WALLET,
        LedgerAccount.currency == currency,
    )
    amount: Decimal | None = await session.scalar(free)
    return ZERO if amount is None else amount
