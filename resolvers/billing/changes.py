"""What moves money."""

from decimal import Decimal

from app.models.billing.ledger import Operation
from app.services.billing import topping_up
from resolvers.context import Info


async def buy_tokens(info: Info, usd: Decimal) -> Operation:
    """Pays for EAML tokens from the viewer's US dollars, at the price of this installation.

    usd: How much to pay.
    """
    async with info.context.writing() as session:
        return await topping_up.buy_tokens(session, info.context.viewer, usd=usd)
