"""What reservations hold of accounts, and what is left: it is available."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ColumnElement, String, any_, case, cast, func, or_, select

from app.database import ReadSession
from app.models.billing.grants import Grant
from app.models.billing.ledger import AccountKind, Currency, LedgerAccount, OperationCause
from app.models.billing.reservations import ReservationPart
from app.services.billing.amounts import ZERO, rounded


@dataclass(frozen=True)
class Source:
    """An account that can pay for something, and what is available of it."""

    account_id: int
    currency: Currency
    free: Decimal


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


def is_in_effect() -> ColumnElement[bool]:
    """Whether a grant can be spent at this moment: from its start on, and not from its expiry on, swept or not."""
    now = func.clock_timestamp()
    return (Grant.starts_at <= now) & or_(Grant.expires_at.is_(None), Grant.expires_at > now)


async def sources(session: ReadSession, user_id: int, cause: OperationCause) -> Sequence[Source]:
    """What can pay for work of the platform, in the order in which it is spent.

    Coupons first, then promotional tokens, then the user's own. Among grants the lower priority first, then what
    expires sooner, then the older.
    """
    free = LedgerAccount.balance - held_of(LedgerAccount.__table__.c.id)
    fits = or_(Grant.pays_for.is_(None), cast(cause.value, String) == any_(Grant.pays_for))
    wallet = (LedgerAccount.kind == AccountKind.WALLET) & (LedgerAccount.currency == Currency.EAML)
    query = (
        select(LedgerAccount.id, LedgerAccount.currency, free.label("free"))
        .outerjoin(Grant, Grant.account_id == LedgerAccount.id)
        .where(LedgerAccount.user_id == user_id, or_(wallet, is_in_effect() & fits))
        .order_by(
            case((LedgerAccount.currency == Currency.COUPON, 0), (LedgerAccount.kind == AccountKind.GRANT, 1), else_=2),
            Grant.priority,
            Grant.expires_at.nulls_last(),
            LedgerAccount.id,
        )
    )
    rows = (await session.execute(query)).all()
    return [Source(row.id, row.currency, row.free) for row in rows if row.free > 0]


def total(sources: Sequence[Source]) -> Decimal:
    """What is available of all of them."""
    return rounded(sum((source.free for source in sources), ZERO))


async def available_for(session: ReadSession, user_id: int, cause: OperationCause) -> Decimal:
    """What a user has for work of this kind, coupons and promotional tokens included."""
    return total(await sources(session, user_id, cause))


async def wallet_parts(session: ReadSession, user_id: int, currency: Currency) -> Sequence[Source]:
    """The accounts of a user's wallet, most of the time one, with what no reservation holds; the fullest first."""
    free = (LedgerAccount.balance - held_of(LedgerAccount.__table__.c.id)).label("free")
    query = select(LedgerAccount.id, LedgerAccount.currency, free).where(
        LedgerAccount.user_id == user_id,
        LedgerAccount.kind == AccountKind.WALLET,
        LedgerAccount.currency == currency,
    )
    rows = (await session.execute(query.order_by(free.desc(), LedgerAccount.id))).all()
    return [Source(row.id, row.currency, row.free) for row in rows if row.free > 0]


async def available(session: ReadSession, user_id: int, currency: Currency) -> Decimal:
    """What a user's wallet has and no reservation holds."""
    return total(await wallet_parts(session, user_id, currency))
