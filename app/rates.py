"""How often, or how much, in a while. Counted in Redis, for all processes together."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeVar, cast

import structlog
from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.errors import RateLimited, TimedOut, Unavailable

REPLY_S_MAX = 0.5
PAUSE_S = 5.0
PREFIX = "fieldgraph:rates"

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Share(NamedTuple):
    """So much of what somebody may have in a while; `what` says it to whoever has had it."""

    limit: RateLimitItem
    payer: str
    what: str
    cost: int = 1


class Rates:
    """Counts. Without Redis it lets everybody pass: an outage of the counter must not be one of the service."""

    def __init__(self, redis_url: str) -> None:
        url = redis_url.replace("unix://", "redis+unix://", 1) if redis_url.startswith("unix://") else redis_url
        storage = RedisStorage(
            f"async+{url}",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix=PREFIX,
        )
        self._counter = SlidingWindowCounterRateLimiter(storage)
        self._redis: Redis = cast("RedispyBridge", storage.bridge).storage
        self._paused_until = 0.0

    async def take(self, limit: RateLimitItem, payer: str, *, what: str, cost: int = 1) -> None:
        """Take so much of a payer's share, or raise `RateLimited` with what is spent and the seconds to wait."""
        if cost <= 0 or await self._counted(limit, payer, cost):
            return
        window = await self._asked(self._counter.get_window_stats(limit, payer))
        wait_s = max(1, round(window.reset_time - time.time())) if window else 1
        raise RateLimited(f"{what} Try again in {wait_s} s.", retry_after=wait_s)

    async def _counted(self, limit: RateLimitItem, payer: str, cost: int) -> bool:
        return await self._asked(self._counter.hit(limit, payer, cost=cost)) is not False

    async def _asked(self, question: Awaitable[T]) -> T | None:
        """What Redis answers; None while it cannot be asked."""
        if time.monotonic() < self._paused_until:
            if isinstance(question, Coroutine):
                question.close()
            return None
        try:
            async with asyncio.timeout(REPLY_S_MAX):
                return await question
        except (StorageError, RedisError, TimeoutError) as error:
            # One line for an outage, not one for each request; and a pause, so that they do not wait for it.
            log.warning("rates are not counted", reason=type(error).__name__, pause_s=PAUSE_S)
            self._paused_until = time.monotonic() + PAUSE_S
            return None

    @asynccontextmanager
    async def spending(self, *shares: Share) -> AsyncIterator[None]:
        """A block that costs its shares if it succeeds: what was refused has spent nothing.

        They are taken first and given back, so that of many at once no more pass than one by one.
        """
        await self._take_all(shares)
        try:
            yield
        except Exception as error:
            # What may have been done is paid for.
            if getattr(error, "code", None) != "OUTCOME_UNKNOWN":
                await self._give_back(shares)
            raise

    @asynccontextmanager
    async def trying(self, *shares: Share) -> AsyncIterator[None]:
        """A block that costs its shares if it fails: a secret that is right was no guess, nor one nobody looked at."""
        await self._take_all(shares)
        try:
            yield
        except (Unavailable, TimedOut, RateLimited):
            await self._give_back(shares)
            raise
        await self._give_back(shares)

    async def _take_all(self, shares: Sequence[Share]) -> None:
        for number, share in enumerate(shares):
            try:
                await self.take(share.limit, share.payer, what=share.what, cost=share.cost)
            except RateLimited:
                await self._give_back(shares[:number])
                raise

    async def _give_back(self, shares: Sequence[Share]) -> None:
        for share in shares:
            if share.cost > 0:
                await self._counted(share.limit, share.payer, -share.cost)

    async def remember(self, what: str, *, days: float) -> None:
        """Know this again for so long."""
        await self._asked(self._redis.set(f"{PREFIX}:known:{what}", 1, ex=round(days * 86_400)))

    async def remembers(self, what: str) -> bool:
        """Whether this was to be known again."""
        return bool(await self._asked(self._redis.exists(f"{PREFIX}:known:{what}")))

    async def left(self, limit: RateLimitItem, payer: str) -> tuple[int, int] | None:
        """How much of a payer's share is left, and the seconds until it is whole; None while nothing is counted."""
        if time.monotonic() < self._paused_until:
            return None
        try:
            async with asyncio.timeout(REPLY_S_MAX):
                window = await self._counter.get_window_stats(limit, payer)
        except (StorageError, TimeoutError):
            return None
        return window.remaining, round(window.reset_time - time.time())

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._redis.aclose()
