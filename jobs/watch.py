"""Which workers died: their leases stay as they are."""

import time
from collections.abc import Callable, Sequence

from app.services.system.jobs import Lease
from app.settings import settings


class Watch:
    """The leases this process has seen, each since when by its monotonic clock: no jump of a wall clock ends any."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[Lease, float] = {}

    def dead(self, leases: Sequence[Lease]) -> list[Lease]:
        """Of the leases there are now, those that have not been renewed for as long as a lease is good."""
        now = self._clock()
        self._seen = {lease: self._seen.get(lease, now) for lease in leases}
        return [lease for lease, since in self._seen.items() if now - since > settings.job_lease_s]
