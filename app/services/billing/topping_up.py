"""Money that comes to users from outside, and tokens that they buy with it."""

from decimal import Decimal

from app.database import WriteSession
from app.models.billing.ledger import AccountKind, Currency, Operation, OperationCause
from app.policies import Viewer, signed_in
from app.services.billing import amounts, holds, ledger
from app.services.billing.errors import InsufficientFunds
from app.services.billing.ledger import About, Leg
from app.settings import settings


async def credit(
    session: WriteSession, user_id: int, amount: Decimal, *, actor_id: int | None, reason: str | None = None
) -> Operation:
    """Adds US dollars, which were received outside, to a user's wallet."""
    wallet = await ledger.wallet(session, user_id, Currency.USD)
    outside = await ledger.platform(session, AccountKind.EXTERNAL, Currency.USD)
    about = About(OperationCause.TOP_UP, actor_id, user_id, reason=reason)
    return await ledger.post(session, about, [Leg(wallet, amount), Leg(outside, -amount)])


async def buy_tokens(session: WriteSession, viewer: Viewer, *, usd: Decimal) -> Operation:
    """Turns the viewer's US dollars into tokens, at the price of this installation."""
    usd = amounts.positive("usd", usd)
    tokens = amounts.positive("usd", amounts.rounded(usd / settings.token_price_usd))
    user_id = signed_in(viewer)
    await ledger.lock_wallets(session, user_id)
    dollars = await ledger.wallet(session, user_id, Currency.USD)
    available = await holds.available(session, user_id, Currency.USD)
    if available < usd:
        raise InsufficientFunds(required=usd, available=available, currency=Currency.USD)
    legs = [
        Leg(dollars, -usd),
        Leg(await ledger.platform(session, AccountKind.CONVERSION, Currency.USD), usd),
        Leg(await ledger.platform(session, AccountKind.CONVERSION, Currency.EAML), -tokens),
        Leg(await ledger.wallet(session, user_id, Currency.EAML), tokens),
    ]
    return await ledger.post(session, About(OperationCause.TOKENS, user_id, user_id), legs)
