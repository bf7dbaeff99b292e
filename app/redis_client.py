"""Redis, with a deadline on every wait: for answers, and for messages that might never come again."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

import redis
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeout

from app.settings import settings


def _patience() -> dict[str, Any]:
    return {
        "socket_timeout": settings.redis_s_max,
        "socket_connect_timeout": settings.redis_s_max,
        "socket_keepalive": True,
        # A connection that has been idle for longer is tried before it is trusted.
        "health_check_interval": 10 * settings.redis_s_max,
    }


def client(url: str) -> Redis:
    """A client for coroutines."""
    return Redis.from_url(url, **_without_keepalive(url))


def threads_client(url: str) -> redis.Redis:
    """A client for threads."""
    return redis.Redis.from_url(url, **_without_keepalive(url))


def _without_keepalive(url: str) -> dict[str, Any]:
    patience = _patience()
    if url.startswith("unix://"):
        # A socket of this machine has none.
        del patience["socket_keepalive"]
    return patience


async def heard(url: str, channel: str, well: Callable[[], None]) -> AsyncGenerator[bytes | None, None]:
    """What is published on a channel; None whenever it begins to listen: before, it heard nothing.

    It says `well` at each sign of life, and ends with an error when Redis gives none though it was asked for one.
    """
    async with client(url) as connected, connected.pubsub() as listening:
        await listening.subscribe(channel)
        is_asked = False
        while True:
            message = await listening.get_message(timeout=settings.redis_s_max)
            if message is None:
                if is_asked:
                    raise RedisTimeout(f"Redis did not answer within {settings.redis_s_max:g} s")
                await listening.ping()
                is_asked = True
                continue
            is_asked = False
            well()
            if message["type"] in {"message", "subscribe"}:
                yield message["data"] if message["type"] == "message" else None
