"""Hands new events to the subscribers of this process."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from math import inf
from time import monotonic

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from app.events import waking
from app.events.positions import CursorOutdated, Position
from app.events.reading import EventReader
from app.events.subscribers import FellBehind, StreamEvent, Subscribers
from app.postgres.reader import Reader
from app.settings import settings
from app.supervision import Background

log = structlog.get_logger()
POLL_S = 1.0
BATCH = 1_000
EPOCH_CHECK_S = 10.0


class EventDispatcher:
    """The events of one process: read once from the table, handed to every subscription of their topic."""

    def __init__(self, engine: AsyncEngine, reader: Reader, redis_url: str) -> None:
        self._events = EventReader(engine, reader)
        self._redis_url = redis_url
        self._position = Position(0, 0)
        self._lag_checked = monotonic()
        self._subscribers = Subscribers()
        self._woken = asyncio.Event()
        self.background = [Background("event wake-ups", self._listen), Background("event dispatcher", self._dispatch)]

    async def start(self) -> None:
        """Begins with the events from now on."""
        self._position = Position(0, 0, await self._events.epoch())
        self._position = await self.now()
        for task in self.background:
            task.start()

    async def stop(self) -> None:
        """Ends every subscription at its position."""
        await asyncio.gather(*(task.stop() for task in self.background))
        self._subscribers.end()

    async def now(self) -> Position:
        """The position before which nothing can happen any more."""
        # Events that were read are over, even if the oldest open transaction seems to be an older one for a moment.
        epoch = self._position.epoch or await self._events.epoch()
        return max(await self._events.end(epoch), self._position)

    async def beginning(self, after: str | None) -> Position:
        """Where a subscription begins: after its cursor, or now. CursorOutdated for one of another epoch."""
        if after is None:
            return await self.now()
        position = Position.parse(after)
        self._check_epoch(position)
        return position

    async def follow(
        self, topic: str, after: Position, *, live: bool = True, until: Callable[[Position], bool] = lambda _: False
    ) -> AsyncGenerator[StreamEvent, None]:
        """All events of a topic after a position, first from the table, then live; each once, in order.

        A subscriber that falls behind the live events reads on in the table. Without `live` it ends after the events
        so far. With it, `until` is asked whenever all known events were delivered, and ends it, too. CursorOutdated if
        the position is of another epoch: the database may have been restored since it was taken.
        """
        self._check_epoch(after)
        with self._subscribers.subscribe(topic) as backlog:  # before replaying, so that nothing falls between the two
            if not live:
                await self._events.settle()
            is_behind = True
            while is_behind:
                is_behind = False
                backlog.restart()
                for missed in await self._events.replay(topic, after):
                    after = missed.position
                    yield missed
                try:
                    while live and not until(after) and (event := await backlog.get()) is not None:
                        if event.position > after:
                            after = event.position
                            yield event
                except FellBehind:
                    is_behind = True

    def _check_epoch(self, position: Position) -> None:
        if position.epoch != self._position.epoch:
            raise CursorOutdated

    def cursor(self, position: Position) -> str | None:
        """The cursor as clients see it."""
        return position.cursor

    async def _dispatch(self, task: Background) -> None:
        """Reads on from the last position, also after a failure, and checks now and then that the epoch still holds."""
        checked = -inf
        while True:
            if monotonic() - checked > EPOCH_CHECK_S:
                await self._follow_epoch()
                checked = monotonic()
            await self._deliver_new()
            await self._log_lag()
            task.well()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), POLL_S)
            self._woken.clear()

    async def _deliver_new(self) -> None:
        is_more = True
        while is_more:
            events = await self._events.after(self._position, BATCH)
            for event in events:
                self._subscribers.deliver(event)
                self._position = event.position
            # What is committed from now on wakes it again.
            is_more = len(events) == BATCH

    async def _follow_epoch(self) -> None:
        """Restarts where events have another order than before; subscribers have to subscribe again."""
        epoch = await self._events.epoch()
        if epoch != self._position.epoch:
            self._position = Position(0, 0, epoch)
            self._position = await self.now()
            self._subscribers.end(CursorOutdated())

    async def _log_lag(self) -> None:
        """Logs which transaction all readers wait for, if they have waited for long."""
        if monotonic() - self._lag_checked < settings.event_lag_s_max:
            return
        self._lag_checked = monotonic()
        lag_s = await self._events.lag_s()
        if lag_s > settings.event_lag_s_max:
            holder = await self._events.holder()
            log.warning("events wait for an open transaction", lag_s=round(lag_s, 1), holder=str(holder or "unknown"))

    async def _listen(self, task: Background) -> None:
        """Turns Redis messages into wake-ups; while Redis is away, `_dispatch` polls."""
        async with aclosing(waking.wake_ups(self._redis_url, task.well)) as wake_ups:
            async for _ in wake_ups:
                self._woken.set()
