"""What a viewer, or an address of strangers, may spend in a minute."""

from limits import RateLimitItemPerMinute

from app.rates import Rates
from app.settings import settings


class Budget:
    """Counts the cost of operations."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates

    async def spend(self, viewer_id: int | None, address: str, cost: int) -> None:
        """Pay for an operation, or raise `RateLimited` with the seconds to wait."""
        if viewer_id is None:
            limit, payer = RateLimitItemPerMinute(settings.address_cost_per_minute_max), f"address:{address}"
        else:
            limit, payer = RateLimitItemPerMinute(settings.viewer_cost_per_minute_max), f"viewer:{viewer_id}"
        await self._rates.take(limit, payer, what=f"A minute's cost of {limit.amount} is spent.", cost=cost)
