"""What one request costs: its price beforehand, and what the work is found to have been."""

from app.metering import Standing, Work
from app.settings import settings
from app.web.graphql.budget import Budget

# One point is so much of somebody's time, ours or the database's, or so many bytes.
POINT_S = 50e-6
POINT_BYTES = 1_000


class Bill:
    """Begins as its address's and becomes its viewer's. What is found later is charged though nothing may be left."""

    __slots__ = ("_budget", "_charged", "_purse", "requested", "work")

    def __init__(self, budget: Budget | None, address: str) -> None:
        self.work = Work()
        self.requested: int | None = None
        self._budget = budget
        self._charged = 0
        self._purse = budget.purse(None, address) if budget else None

    async def begin(self, viewer_id: int | None, address: str) -> None:
        """Know who pays, or raise `RateLimited` if they have nothing left: nothing is done for them then."""
        if self._budget:
            purse = self._purse = self._budget.purse(viewer_id, address)
            self.work.standing = purse.standing
            if not purse.pay(0):
                await self._budget.fill(purse, 0)

    async def pay(self) -> None:
        """Pay the price, or raise `RateLimited` with the seconds to wait."""
        if self._budget and self._purse and self.requested and not self._purse.pay(self.requested):
            await self._budget.fill(self._purse, self.requested)

    def settle(self, bytes_out: int = 0) -> Standing | None:
        """Charge what has been done since, and so many bytes that are sent."""
        purse, work = self._purse, self.work
        if purse is None:
            return None
        work.bytes_out += bytes_out
        points = int(work.seconds / POINT_S + work.bytes_out / POINT_BYTES) + 1
        purse.charge(points - self._charged)
        self._charged = points
        return purse.standing()

    @property
    def standing(self) -> Standing | None:
        """What its payer may still spend; None if nothing is counted."""
        return self._purse.standing() if self._purse else None

    @property
    def actual(self) -> int:
        """The price and what was charged."""
        return (self.requested or 0) + self._charged

    def extension(self, bytes_out: int) -> bytes:
        """What an answer of so many bytes says about its price, as JSON; nothing if nothing is counted."""
        standing = self.settle(bytes_out)
        if standing is None:
            if self.requested is None:
                return b""
            return b'{"requested":%d,"max":%d}' % (self.requested, settings.document_cost_max)
        return b'{"requested":%d,"actual":%d,"remaining":%d,"reset":%d,"max":%d}' % (
            self.requested or 0,
            self.actual,
            standing.remaining,
            standing.reset_s,
            settings.document_cost_max,
        )
