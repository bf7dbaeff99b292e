"""Wake-ups through Redis: a commit with events wakes the readers of every process."""

from collections.abc import AsyncGenerator, Callable

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.redis_client import messages

log = structlog.get_logger()
CHANNEL = "fieldgraph:events"


async def wake(redis: Redis) -> None:
    """Wakes the readers of every process. A lost wake-up costs `dispatcher.POLL_S`."""
    try:
        await redis.publish(CHANNEL, b"")
    except (RedisError, OSError) as error:
        log.warning("wake-up lost", error=str(error))


def wake_ups(redis_url: str, well: Callable[[], None]) -> AsyncGenerator[bytes | None, None]:
    """One item for each wake-up, and one whenever it begins to listen. `well` is called at each sign of life."""
    return messages(redis_url, CHANNEL, well)
