"""How often, or how much, in a while. Counted in Redis, for all processes together."""

import asyncio
import time
from typing import cast

import structlog
from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from redis.asyncio import Redis

from app.errors import RateLimited

REPLY_S_MAX = 0.5
PAUSE_S = 5.0

log = structlog.get_logger(__name__)


class Rates:
    """Counts. Without Redis it lets everybody pass: an outage of the counter must not be one of the service."""

    def __init__(self, redis_url: str) -> None:
        url = redis_url.replace("unix://", "redis+unix://", 1) if redis_url.startswith("unix://") else redis_url
        storage = RedisStorage(
            f"async+{url}",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix="fieldgraph:rates",
        )
        self._storage = storage
        self._counter = SlidingWindowCounterRateLimiter(storage)
        self._paused_until = 0.0

    async def take(self, limit: RateLimitItem, payer: str, *, what: str, cost: int = 1) -> None:
        """Take so much of a payer's share, or raise `RateLimited` with what is spent and the seconds to wait."""
        if cost <= 0 or time.monotonic() < self._paused_until:
            return
        try:
            async with asyncio.timeout(REPLY_S_MAX):
                if await self._counter.hit(limit, payer, cost=cost):
                    return
                window = await self._counter.get_window_stats(limit, payer)
        except (StorageError, TimeoutError) as error:
            # One line for an outage, not one for each request; and a pause, so that they do not wait for it.
            log.warning("rates are not counted", reason=type(error).__name__, pause_s=PAUSE_S)
            self._paused_until = time.monotonic() + PAUSE_S
            return
        wait_s = max(1, round(window.reset_time - time.time()))
        raise RateLimited(f"{what} Come again in {wait_s} s.", retry_after=wait_s)

    async def close(self) -> None:
        """Close the connections to Redis."""
        client: Redis = cast("RedispyBridge", self._storage.bridge).storage
        await client.aclose()
