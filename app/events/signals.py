"""Signals: events that last seconds, such as "typing". They go through Redis to all processes and are not stored."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

import orjson
import structlog
from redis.exceptions import RedisError

from app import redis_client
from app.events.positions import Position
from app.events.subscribers import StreamEvent, Subscribers
from app.models.base import Json
from app.supervision import Background

log = structlog.get_logger()
CHANNEL = "fieldgraph:signals"
START_S_MAX = 2.0


class Signals:
    """The signals of one process: sends its own, and hands those of all processes to the subscribers of their topic."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._redis = redis_client.client(redis_url)
        self._subscribers = Subscribers()
        self._count = 0
        self._is_listening = asyncio.Event()
        self.background = [Background("signals", self._listen)]

    async def start(self) -> None:
        """Begins to listen. Without Redis the process starts all the same, and no signal arrives."""
        for task in self.background:
            task.start()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_listening.wait(), START_S_MAX)

    async def stop(self) -> None:
        """Ends all subscriptions."""
        for task in self.background:
            await task.stop()
        self._subscribers.end()
        await self._redis.aclose()

    async def send(self, topic: str, payload: Json) -> None:
        """Sends a signal to the current subscribers of a topic. It is lost if Redis does not accept it."""
        try:
            await self._redis.publish(CHANNEL, orjson.dumps([topic, payload]))
        except (RedisError, OSError) as error:
            log.warning("signal lost", error=str(error))

    def now(self) -> Position:
        """The position of the last signal; it has a meaning in this process only."""
        return Position(0, self._count)

    async def follow(
        self, topic: str, after: Position, *, live: bool = True, until: Callable[[Position], bool] = lambda _: False
    ) -> AsyncGenerator[StreamEvent, None]:
        """What comes on a topic from now on; the arguments are those of `EventDispatcher.follow`."""
        with self._subscribers.subscribe(topic) as backlog:
            while live and not until(after) and (signal := await backlog.get()) is not None:
                if signal.position > after:
                    after = signal.position
                    yield signal

    def cursor(self, _position: Position) -> None:
        """Signals are not stored, so there is no cursor to resume with."""
        return

    async def _listen(self, task: Background) -> None:
        async with aclosing(redis_client.messages(self._redis_url, CHANNEL, task.well)) as messages:
            async for message in messages:
                if message is None:
                    self._is_listening.set()
                else:
                    self._receive(message)

    def _receive(self, message: bytes) -> None:
        try:
            topic, payload = orjson.loads(message)
        except (ValueError, TypeError):
            topic = payload = None
        if isinstance(topic, str) and isinstance(payload, dict):
            self._count += 1
            self._subscribers.deliver(StreamEvent(self.now(), topic, payload))
        else:
            # Anything may be written to Redis. A bad message is dropped, and the next ones are read.
            log.warning("signal not understood", bytes=len(message))
