"""What is worth knowing only while it lasts: told through Redis to whoever listens in any process, and kept nowhere."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.events import Audience, Happening, Position, end, heard
from app.models.base import Json

log = structlog.get_logger()
CHANNEL = "fieldgraph:signals"
START_S_MAX = 2.0


class Signals:
    """The signals of one process: those it sends, and those of all processes, handed to who reads their topics."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._redis = Redis.from_url(redis_url)
        self._audience = Audience()
        self._count = 0
        self._is_listening = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins to listen. Without Redis there is nothing to hear, and it goes on."""
        self._tasks = [asyncio.create_task(self._listen())]
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_listening.wait(), START_S_MAX)

    async def stop(self) -> None:
        """Ends whoever reads."""
        await end(self._tasks)
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

    async def _listen(self) -> None:
        async for message in heard(self._redis_url, CHANNEL):
            if message is None:
                self._is_listening.set()
                continue
            self._count += 1
            topic, payload = orjson.loads(message)
            self._audience.tell(Happening(self.now(), topic, payload))
