"""Redis clients, with a deadline on every wait for an answer or a message."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

import redis
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeout

from app.settings import settings


def _timeouts() -> dict[str, Any]:
    return {
        "socket_timeout": settings.redis_s_max,
        "socket_connect_timeout": settings.redis_s_max,
        "socket_keepalive": True,
        # A connection that was idle for longer is checked before use.
        "health_check_interval": 10 * settings.redis_s_max,
    }


def client(url: str) -> Redis:
    """A client for coroutines."""
    return Redis.from_url(url, **_without_keepalive(url))


def threads_client(url: str) -> redis.Redis:
    """A client for threads."""
    return redis.Redis.from_url(url, **_without_keepalive(url))


def _without_keepalive(url: str) -> dict[str, Any]:
    timeouts = _timeouts()
    if url.startswith("unix://"):
        # A Unix socket has no keepalive.
        del timeouts["socket_keepalive"]
    return timeouts


async def messages(url: str, channel: str, well: Callable[[], None]) -> AsyncGenerator[bytes | None, None]:
    """The messages of a channel, and None whenever it begins to listen: earlier messages are lost.

    Calls `well` at each sign of life, and ends with an error when Redis does not answer a ping.
    """
    async with client(url) as connection, connection.pubsub() as subscription:
        await subscription.subscribe(channel)
        is_pinged = False
        while True:
            message = await subscription.get_message(timeout=settings.redis_s_max)
            if message is None:
                if is_pinged:
                    raise RedisTimeout(f"Redis did not answer within {settings.redis_s_max:g} s")
                await subscription.ping()
                is_pinged = True
                continue
            is_pinged = False
            well()
            if message["type"] in {"message", "subscribe"}:
                yield message["data"] if message["type"] == "message" else None
