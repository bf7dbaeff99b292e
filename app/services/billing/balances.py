"""What users have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select

from app.database import ReadSession
from app.models.billing.grants import Grant
from app.models.billing.ledger import AccountKind, Currency, LedgerAccount
from app.services.billing.amounts import ZERO
from app.services.billing.holds import is_in_effect


@dataclass(frozen=True)
class Balances:
    """What a user has in each currency."""

    usd: Decimal = ZERO
    eaml: Decimal = ZERO
    coupon: Decimal = ZERO


async def balances_of(session: ReadSession, user_ids: Sequence[int]) -> Mapping[int, Balances]:
    """What each of these users has and may spend, as posted: what is held is part of it."""
    kinds = LedgerAccount.kind.in_((AccountKind.WALLET, AccountKind.GRANT))
    # Grants that have not begun or have expired are there, and cannot be spent.
    is_idle = select(Grant.id).where(Grant.account_id == LedgerAccount.id, ~is_in_effect()).exists()
    sums = (
        select(LedgerAccount.user_id, LedgerAccount.currency, func.sum(LedgerAccount.balance))
        .where(LedgerAccount.user_id.in_(user_ids), kinds, ~is_idle)
        .group_by(LedgerAccount.user_id, LedgerAccount.currency)
    )
    totals: dict[tuple[int | None, Currency], Decimal] = {
        (user_id, currency): total for user_id, currency, total in await session.execute(sums)
    }
    return {id: Balances(*(totals.get((id, currency), ZERO) for currency in Currency)) for id in user_ids}
