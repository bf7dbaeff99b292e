"""The money of a contract: held in an account of its own, then paid to the consultant, or returned to the client.

Whoever moves it holds the lock of the request's row. A trigger checks at the end of each transaction that the account
has what the request says, and nothing once the contract has ended.
"""

from decimal import Decimal

from app.database import WriteSession
from app.models.billing.ledger import AccountKind, Currency, Operation, OperationCause
from app.models.consulting.requests import ConsultingRequest
from app.services.billing import holds, ledger
from app.services.billing.amounts import ZERO, rounded
from app.services.billing.errors import InsufficientFunds
from app.services.billing.ledger import About, Leg, named
from app.services.billing.top_ups import automatic_top_ups


def left_of(request: ConsultingRequest) -> Decimal:
    """What is in escrow, by what the request says."""
    if request.amount_usd is None:
        return ZERO
    return rounded(request.amount_usd - request.released_usd - request.refunded_usd)


async def fund(session: WriteSession, request: ConsultingRequest, amount: Decimal) -> int:
    """Moves the price of a contract from the client's dollars to a new account; the account's id.

    Dollars alone: coupons and tokens pay for the platform's work, and go to nobody else.
    """
    await ledger.lock_wallets(session, request.user_id)
    available = await holds.available(session, request.user_id, Currency.USD)
    if available < amount:
        raise InsufficientFunds(required=amount, available=available, currency=Currency.USD)
    account_id = await ledger.open_account(session, AccountKind.ESCROW, request.user_id, Currency.USD)
    paid = await ledger.debits(session, request.user_id, Currency.USD, amount)
    about = About(OperationCause.CONSULTING, request.user_id, request.consultant_user_id, subject=named(request))
    await ledger.post(session, about, [*paid, Leg(account_id, amount)])
    await automatic_top_ups.start_if_due(session, request.user_id)
    return account_id


async def pay(
    session: WriteSession,
    request: ConsultingRequest,
    released: Decimal,
    *,
    refunded: Decimal = ZERO,
    actor_id: int | None,
    reason: str | None = None,
) -> Operation:
    """Pays a part of what is in escrow to the consultant, and returns another to the client, in one operation.

    The platform's share follows from the sum of all payments, so that parts come to the same as one payment.
    """
    assert request.commission_percentage is not None, "a contract has a commission"
    total = rounded(request.released_usd + released)
    commission = rounded(total * request.commission_percentage / 100) - request.commission_usd
    consultant_id, escrow_id = request.consultant_user_id, request.escrow_account_id
    assert consultant_id is not None, "a contract has a consultant"
    assert escrow_id is not None, "a contract has an account"
    legs = [Leg(escrow_id, -released - refunded)]
    if released - commission:
        legs.append(Leg(await ledger.wallet(session, consultant_id, Currency.USD), released - commission))
    if commission:
        legs.append(Leg(await ledger.platform(session, AccountKind.COMMISSION, Currency.USD), commission))
    if refunded:
        legs.append(Leg(await ledger.wallet(session, request.user_id, Currency.USD), refunded))
    about = About(OperationCause.CONSULTING, actor_id, consultant_id, reason=reason, subject=named(request))
    operation = await ledger.post(session, about, legs)
    request.released_usd, request.commission_usd = total, rounded(request.commission_usd + commission)
    request.refunded_usd = rounded(request.refunded_usd + refunded)
    await session.flush()
    return operation
