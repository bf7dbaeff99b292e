"""When a host may be asked again: it says so itself, or refuses more than it answers. Kept for each process."""

import asyncio
from collections.abc import Callable
from time import monotonic
from urllib.parse import urlsplit

from app.lru import LRU

HOSTS_MAX = 1_000
GAP_S_MIN, GAP_S_MAX = 0.05, 10.0
# After a refusal each answer makes the gap between requests a little smaller.
EASING = 0.9


class Host:
    """The requests to one host: each waits for its turn."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._free_at = 0.0
        self._gap_s = 0.0

    @property
    def wait_s(self) -> float:
        """How long the next request has to wait."""
        return max(0.0, self._free_at - self._clock())

    async def turn(self) -> None:
        """Waits until the host may be asked."""
        while self._clock() < self._free_at:  # noqa: ASYNC110 -- it waits for the clock, which tells nobody
            await asyncio.sleep(self.wait_s)
        self._free_at = max(self._free_at, self._clock() + self._gap_s)

    def refused(self, wait_s: float) -> None:
        """It asked for a pause: all requests wait, and later ones keep a larger distance."""
        self._gap_s = min(max(2 * self._gap_s, GAP_S_MIN), GAP_S_MAX)
        self._free_at = max(self._free_at, self._clock() + wait_s)

    def answered(self) -> None:
        """It answered: the distance becomes smaller."""
        self._gap_s = self._gap_s * EASING if self._gap_s > GAP_S_MIN * EASING else 0.0


_hosts: LRU[str, Host] = LRU(HOSTS_MAX)


def host_of(url: str) -> Host:
    """The requests to an address's host."""
    name = urlsplit(url).netloc.lower()
    host = _hosts.get(name)
    if host is None:
        host = Host()
        _hosts.put(name, host)
    return host


def forget_all() -> None:
    """Forgets what hosts asked for."""
    for name in list(_hosts):
        _hosts.drop(name)
