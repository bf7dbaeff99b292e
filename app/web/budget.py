"""What a viewer, or an address of strangers, may spend in a minute."""

import asyncio
import time
from collections import OrderedDict

from limits import RateLimitItemPerMinute

from app.errors import RateLimited
from app.rates import Rates
from app.settings import settings

# A process takes this part of a minute's allowance at a time, and asks Redis again when it is spent.
CHUNKS = 100
PAYERS_MAX = 10_000
MINUTE_S = 60


class Purse:
    """What this process has taken for a payer and not yet spent, and until when it is good."""

    def __init__(self) -> None:
        self.left = 0
        self.until = 0.0
        self.filling = asyncio.Lock()

    def pay(self, cost: int) -> bool:
        """Pay if there is enough."""
        if self.left < cost or self.until <= time.monotonic():
            return False
        self.left -= cost
        return True

    def put(self, amount: int) -> None:
        """Put this to what is still good."""
        now = time.monotonic()
        self.left = amount + (self.left if self.until > now else 0)
        self.until = now + MINUTE_S


class Budget:
    """Counts the cost of operations: in Redis for all processes together, in chunks that each spends by itself.

    What is left of a chunk is never more than a chunk, so a payer cannot overspend by more in each process.
    """

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._purses: OrderedDict[int | str, Purse] = OrderedDict()

    async def spend(self, viewer_id: int | None, address: str, cost: int) -> None:
        """Pay for an operation, or raise `RateLimited` with the seconds to wait."""
        payer = address if viewer_id is None else viewer_id
        purse = self._purses.get(payer)
        if purse is None:
            purse = self._purses[payer] = Purse()
            if len(self._purses) > PAYERS_MAX:
                self._purses.popitem(last=False)
        if purse.pay(cost):
            return
        if viewer_id is None:
            limit, name = RateLimitItemPerMinute(settings.address_cost_per_minute_max), f"address:{address}"
        else:
            limit, name = RateLimitItemPerMinute(settings.viewer_cost_per_minute_max), f"viewer:{viewer_id}"
        async with purse.filling:
            # Somebody else may have filled it while we waited.
            if not purse.pay(cost):
                await self._fill(purse, limit, name, cost)

    async def _fill(self, purse: Purse, limit: RateLimitItemPerMinute, name: str, cost: int) -> None:
        chunk = limit.amount // CHUNKS
        if cost < chunk:
            try:
                await self._take(limit, name, chunk)
            except RateLimited:
                # Less than a chunk is left; it may be enough.
                pass
            else:
                purse.put(chunk - cost)
                return
        await self._take(limit, name, cost)

    async def _take(self, limit: RateLimitItemPerMinute, name: str, cost: int) -> None:
        await self._rates.take(limit, name, what=f"A minute's cost of {limit.amount} is spent.", cost=cost)
