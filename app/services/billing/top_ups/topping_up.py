"""Money that comes to users from outside, and tokens that they buy with it."""

from decimal import Decimal

from app import checks
from app.database import WriteSession
from app.errors import Forbidden
from app.limits.billing import REASON_LENGTH_MAX
from app.models.billing.ledger import AccountKind, Currency, Operation, OperationCause
from app.policies import Viewer, require, signed_in
from app.policies.billing import may_move_money_of_users
from app.services.billing import amounts, ledger
from app.services.billing.ledger import About, Sought
from app.services.billing.promotions.grants import open_account_of
from app.services.billing.top_ups import automatic_top_ups
from app.services.system import audit, notifications
from app.settings import settings


async def credit(
    session: WriteSession, user_id: int, amount: Decimal, *, actor_id: int | None, reason: str | None = None
) -> Operation:
    """Adds US dollars, which were received outside, to a user's wallet."""
    wallet, outside = Sought(AccountKind.WALLET, Currency.USD, user_id), Sought(AccountKind.EXTERNAL, Currency.USD)
    about = About(OperationCause.TOP_UP, actor_id, user_id, reason=reason)
    return await ledger.move(session, about, {wallet: amount, outside: -amount})


async def top_up(session: WriteSession, viewer: Viewer, user_id: int, *, usd: Decimal, reason: str) -> Operation:
    """Adds US dollars that the staff received outside, such as by a bank transfer."""
    require(may_move_money_of_users, viewer, None)
    usd = amounts.positive("usd", usd)
    reason = checks.text("reason", reason, length_max=REASON_LENGTH_MAX, is_one_line=False)
    user = await open_account_of(session, viewer, user_id)
    if user.id == signed_in(viewer):
        raise Forbidden("Somebody else of the staff has to top up your own balance.")
    operation = await credit(session, user.id, usd, actor_id=signed_in(viewer), reason=reason)
    audit.record(session, signed_in(viewer), "topUpBalance", about=operation, user_id=user.id)
    message = f"Your balance was topped up by {amounts.written(usd)} USD."
    notifications.notify(session, user.id, message, about=operation, event="topped-up")
    return operation


async def buy_tokens(session: WriteSession, viewer: Viewer, *, usd: Decimal) -> Operation:
    """Turns the viewer's US dollars into tokens, at the price of this installation."""
    usd = amounts.positive("usd", usd)
    tokens = amounts.positive("usd", amounts.rounded(usd / settings.token_price_usd))
    user_id = signed_in(viewer)
    await ledger.lock_wallets(session, user_id)
    changes = {
        Sought(AccountKind.WALLET, Currency.USD, user_id): -usd,
        Sought(AccountKind.CONVERSION, Currency.USD): usd,
        Sought(AccountKind.CONVERSION, Currency.EAML): -tokens,
        Sought(AccountKind.WALLET, Currency.EAML, user_id): tokens,
    }
    operation = await ledger.move(session, About(OperationCause.TOKENS, user_id, user_id), changes)
    await automatic_top_ups.start_if_due(session, user_id)
    return operation
