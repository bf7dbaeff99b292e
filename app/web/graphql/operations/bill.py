"""What one request costs: its price beforehand, and what the work is found to have been."""

from time import perf_counter

from app.settings import settings
from app.telemetry.metering import Work
from app.web.graphql.operations.budget import Budget, Purse

# One point is so much of somebody's time, ours or the database's, or so many bytes.
POINT_S = 50e-6
POINT_BYTES = 1_000
# A subscriber chooses neither when events come nor how large they are: one costs this at most.
EVENT_POINTS_MAX = 1_000
EXTENSION = b'{"requested":%d,"actual":%d,"remaining":%d,"reset":%d,"max":%d}'
# Of an answer that others receive, too.
SHARED_EXTENSION = b'{"requested":%d,"max":%d}'


def event_points(work_s: float, members: int, bytes_out: int) -> int:
    """What an event costs each of the members who share it: their part of the work, and its bytes."""
    return min(int(work_s / members / POINT_S + bytes_out / POINT_BYTES) + 1, EVENT_POINTS_MAX)


class Bill(Work):
    """Begins as its address's and becomes its viewer's. What is found later is charged though nothing may be left."""

    requested: int | None = None
    _charged = 0
    _purse: Purse | None = None
    _rest: tuple[int, int] | None = None

    def __init__(self, budget: Budget | None, address: str) -> None:
        self._budget = budget
        self._address = address

    def begin(self, viewer_id: int | None) -> bool:
        """Know who pays, and whether anything is left to them; otherwise they have to be asked for with `fill`."""
        if self._budget is None:
            return True
        purse = self._purse = self._budget.purse(viewer_id, self._address)
        self.standing = purse.standing
        return purse.left > 0 and purse.until > (self.since or perf_counter())

    def pay(self, price: int) -> bool:
        """Pay the price of the operation if there is enough; otherwise it has to be asked for with `fill`."""
        self.requested = price
        return self._purse is None or price == 0 or self._purse.pay(price, self.since)

    def give_back(self) -> None:
        """Take back the price: the operation was not run, and is charged anew when it is."""
        if self._purse is not None:
            self._purse.left += self.requested or 0

    async def fill(self, cost: int = 0) -> None:
        """Have what this costs counted by all processes together, or raise `RateLimited` with the seconds to wait."""
        if self._budget and self._purse:
            await self._budget.fill(self._purse, cost)

    def settle(self, bytes_out: int = 0) -> None:
        """Charge what has been done since, and so many bytes that are sent."""
        purse = self._purse
        if purse is None:
            if self._budget is None:
                return
            purse = self._purse = self._budget.purse(None, self._address)
        self.bytes_out += bytes_out
        points = int(self.seconds / POINT_S + self.bytes_out / POINT_BYTES) + 1
        purse.left -= points - self._charged
        self._charged = points
        self._rest = None

    def charge_event(self, points: int) -> None:
        """Charge a member's part of an event that others receive, too."""
        if self._purse is not None:
            self._purse.left -= points

    @property
    def actual(self) -> int:
        """The price and what was charged."""
        return (self.requested or 0) + self._charged

    def headers(self) -> tuple[tuple[tuple[str, str], ...], bytes | None]:
        """What headers say of how much its payer may spend, and has left; nothing if nothing is counted."""
        purse = self._purse
        if purse is None:
            return (), None
        return purse.policy, purse.standing_header % (self._rest or purse.rest(self.since or perf_counter()))

    def extension(self, bytes_out: int) -> bytes:
        """What an answer of so many bytes says about its price, as JSON; nothing if nothing is counted."""
        self.settle(bytes_out)
        requested, purse = self.requested or 0, self._purse
        if purse is None:
            return b"" if self.requested is None else SHARED_EXTENSION % (requested, settings.document_cost_max)
        rest = self._rest = purse.rest(self.since or perf_counter())
        return EXTENSION % (requested, requested + self._charged, *rest, settings.document_cost_max)
