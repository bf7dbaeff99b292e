"""Automatic persisted queries: texts that clients name by their SHA-256, kept in Redis for all processes.

Redis may be away or flushed at any time: clients then send the text again.
"""

import time
from hashlib import sha256
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app import redis_client
from app.lru import LRU
from app.settings import settings

PREFIX = "fieldgraph:queries:"
INDEX = f"{PREFIX}by-use"
# The index tells which was not used for longest, and is bounded with the texts.
KEEP = """
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], KEYS[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[3] - ARGV[2])
local over = redis.call('ZCARD', KEYS[2]) - ARGV[4]
if over > 0 then
  for _, key in ipairs(redis.call('ZRANGE', KEYS[2], 0, over - 1)) do
    redis.call('DEL', key)
    redis.call('ZREM', KEYS[2], key)
  end
end
"""

log = structlog.get_logger(__name__)


class PersistedQueries:
    """The texts by their hashes, the latest in memory, too."""

    def __init__(self, redis_url: str) -> None:
        self._redis: Redis = redis_client.client(redis_url)
        self._known: LRU[str, tuple[str, float]] = LRU(lambda: settings.documents_cached_max)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def known(self, hash: str) -> str | None:
        """The text that this process knows, for half of the time that Redis keeps it: so that it stays there, too."""
        text, until = self._known.get(hash) or ("", 0.0)
        return text if time.monotonic() < until else None

    async def text(self, hash: str) -> str | None:
        """The text with this hash, which is kept longer then; None if nobody has sent it, or Redis is away."""
        if (known := self.known(hash)) is not None:
            return known
        try:
            kept: Any = await self._redis.get(PREFIX + hash)
        except (RedisError, OSError) as error:
            log.warning("persisted query not read", reason=type(error).__name__)
            return None
        # Whoever can write to Redis cannot put words into a client's mouth.
        if kept is None or sha256(kept).hexdigest() != hash:
            return None
        text: str = kept.decode()
        await self.keep(hash, text)
        return text

    async def keep(self, hash: str, text: str) -> None:
        """Keeps a text that is valid, unless it is long: that is sent again each time."""
        if len(text) > settings.persisted_query_characters_max or self.known(hash) is not None:
            return
        kept_s = settings.persisted_query_s
        arguments: list[Any] = [text.encode(), kept_s, int(time.time()), settings.persisted_queries_max]
        try:
            await self._redis.eval(KEEP, 2, PREFIX + hash, INDEX, *arguments)
        except (RedisError, OSError) as error:
            log.warning("persisted query not kept", reason=type(error).__name__)
            return
        self._known.put(hash, (text, time.monotonic() + kept_s / 2))
