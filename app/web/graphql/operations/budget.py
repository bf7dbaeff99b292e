"""What a viewer, or an address of strangers, may spend in a minute."""

import asyncio
from time import perf_counter

from limits import RateLimitItemPerMinute

from app.errors import RateLimited
from app.lru import LRU
from app.rates import Rates
from app.settings import settings
from app.telemetry.metering import Standing

# A process takes this part of a minute's allowance at a time, and asks Redis again when it is spent.
CHUNKS = 100
PAYERS_MAX = 10_000
MINUTE_S = 60
RATE_LIMIT = "RateLimit"
POLICY = "RateLimit-Policy"


class Purse:
    """What this process has taken for a payer and not yet spent, and until when it is good; below zero it is owed."""

    __slots__ = (
        "filling", "left", "limit", "name", "payer", "policy", "resets_at", "shared", "standing_header", "until"
    )  # fmt: skip

    def __init__(self, payer: str, name: str, limit: int) -> None:
        self.payer = payer
        self.name = name
        self.limit = limit
        # As the IETF drafts them (draft-ietf-httpapi-ratelimit-headers): points in a minute; what is left, how long.
        self.policy = ((POLICY, f'"{payer}";q={limit};w={MINUTE_S}'),)
        self.standing_header = f'"{payer}";r=%d;t=%d'.encode()
        self.left = 0
        self.until = 0.0
        # What the processes together had left when this one asked last, and when that was to begin anew.
        self.shared = limit
        self.resets_at = 0.0
        self.filling = asyncio.Lock()

    def pay(self, cost: int, now: float | None = None) -> bool:
        """Pay if there is enough."""
        if self.left < (cost or 1) or self.until <= (now or perf_counter()):
            return False
        self.left -= cost
        return True

    def charge(self, cost: int) -> None:
        """Pay for what is done already, whether there is enough or not."""
        self.left -= cost

    def put(self, amount: int) -> None:
        """Put this to what is still good, or owed."""
        now = perf_counter()
        self.left = amount + (self.left if self.until > now else min(self.left, 0))
        self.until = now + MINUTE_S

    def rest(self, now: float) -> tuple[int, int]:
        """What may still be spent, as far as this process knows, and the seconds until all of it is there again."""
        if now >= self.resets_at:
            remaining, reset_s = self.limit + self.left, MINUTE_S
            if self.until:
                remaining -= self.limit // CHUNKS
        else:
            remaining, reset_s = self.shared + self.left, round(self.resets_at - now) or 1
        if remaining < 0:
            return 0, reset_s
        return (min(self.limit, remaining)), reset_s

    def standing(self) -> Standing:
        """The same with who pays, and what they may spend in a minute."""
        return Standing(self.payer, self.limit, *self.rest(perf_counter()))


class Budget:
    """Counts the cost of operations: in Redis for all processes together, in chunks that each spends by itself.

    What is left of a chunk is never more than a chunk, so a payer cannot overspend by more in each process. What an
    operation is found to have cost is charged when it is over; who owes is not served before it is paid.
    """

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._purses: LRU[int | str, Purse] = LRU(PAYERS_MAX)

    def purse(self, viewer_id: int | None, address: str) -> Purse:
        """What a viewer spends from, or an address of strangers."""
        payer = address if viewer_id is None else viewer_id
        purse = self._purses.get(payer)
        if purse is None:
            if viewer_id is None:
                purse = Purse("address", f"address:{address}", settings.address_cost_per_minute_max)
            else:
                purse = Purse("viewer", f"viewer:{viewer_id}", settings.viewer_cost_per_minute_max)
            self._purses.put(payer, purse)
        return purse

    async def spend(self, viewer_id: int | None, address: str, cost: int) -> None:
        """Pay for an operation, or raise `RateLimited` with the seconds to wait."""
        purse = self.purse(viewer_id, address)
        if not purse.pay(cost):
            await self.fill(purse, cost)

    async def fill(self, purse: Purse, cost: int) -> None:
        """Take what pays for this, and what is owed, or raise `RateLimited` with the seconds to wait."""
        async with purse.filling:
            # Somebody else may have filled it while we waited.
            if not purse.pay(cost):
                await self._fill(purse, cost)

    async def _fill(self, purse: Purse, cost: int) -> None:
        limit = RateLimitItemPerMinute(purse.limit)
        wanted = max(cost, 1) - min(purse.left, 0)
        what = f"The limit of {purse.limit} points per minute is used up."
        for amount in (purse.limit // CHUNKS, wanted):
            if amount < wanted:
                continue
            try:
                await self._rates.take(limit, purse.name, what=what, cost=amount)
            except RateLimited:
                # Less than a chunk is left; it may be enough.
                if amount == wanted:
                    await self._pay_off(purse, limit)
                    raise
            else:
                purse.put(amount - cost)
                await self._look(purse, limit)
                return

    async def _pay_off(self, purse: Purse, limit: RateLimitItemPerMinute) -> None:
        """Pay what is left for what is owed, which may be more than a minute gives."""
        standing = await self._rates.left(limit, purse.name)
        if standing and purse.left < 0 and standing[0]:
            amount = min(standing[0], -purse.left)
            await self._rates.take(limit, purse.name, what="", cost=amount)
            purse.put(amount)
        await self._look(purse, limit)

    async def _look(self, purse: Purse, limit: RateLimitItemPerMinute) -> None:
        standing = await self._rates.left(limit, purse.name)
        if standing:
            purse.shared = standing[0]
            purse.resets_at = perf_counter() + max(1, standing[1])
