"""What is worth knowing only while it lasts: told through Redis to whoever listens in any process, and kept nowhere."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

import orjson
import structlog
from redis.exceptions import RedisError

from app import redis_client
from app.audience import Audience, Happening
from app.models.base import Json
from app.positions import Position
from app.redis_client import heard
from app.supervision import Background

log = structlog.get_logger()
CHANNEL = "fieldgraph:signals"
START_S_MAX = 2.0


class Signals:
    """The signals of one process: those it sends, and those of all processes, handed to who reads their topics."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._redis = redis_client.client(redis_url)
        self._audience = Audience()
        self._count = 0
        self._is_listening = asyncio.Event()
        self.background = [Background("signals", self._listen)]

    async def start(self) -> None:
        """Begins to listen. Without Redis there is nothing to hear, and it goes on."""
        for task in self.background:
            task.start()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_listening.wait(), START_S_MAX)

    async def stop(self) -> None:
        """Ends whoever reads."""
        for task in self.background:
            await task.stop()
        self._audience.end()
        await self._redis.aclose()

    async def send(self, topic: str, payload: Json) -> None:
        """Tells who reads a topic now. What Redis does not take is lost."""
        try:
            await self._redis.publish(CHANNEL, orjson.dumps([topic, payload]))
        except (RedisError, OSError) as error:
            log.warning("signal lost", error=str(error))

    def now(self) -> Position:
        """The place of what was heard last, which has a meaning in this process only."""
        return Position(0, self._count)

    async def follow(
        self, topic: str, after: Position, *, live: bool = True, until: Callable[[Position], bool] = lambda _: False
    ) -> AsyncGenerator[Happening, None]:
        """What comes on a topic from now on; the arguments are those of `Feed.follow`."""
        with self._audience.reader(topic) as reader:
            while live and not until(after) and (news := await reader.get()) is not None:
                if news.position > after:
                    after = news.position
                    yield news

    def cursor(self, _position: Position) -> None:
        """Nothing is kept that could be told again."""
        return

    async def _listen(self, task: Background) -> None:
        async with aclosing(heard(self._redis_url, CHANNEL, task.well)) as messages:
            async for message in messages:
                if message is None:
                    self._is_listening.set()
                else:
                    self._hear(message)

    def _hear(self, message: bytes) -> None:
        try:
            topic, payload = orjson.loads(message)
        except (ValueError, TypeError):
            topic = payload = None
        if isinstance(topic, str) and isinstance(payload, dict):
            self._count += 1
            self._audience.tell(Happening(self.now(), topic, payload))
        else:
            # Whoever may write to Redis may write anything there; it costs this message and none that follow.
            log.warning("signal not understood", bytes=len(message))
