"""Source streams of GraphQL subscriptions: the values of a subscription, read for each event."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from app.errors import Busy
from app.events.dispatcher import EventDispatcher
from app.events.positions import Position
from app.events.subscribers import StreamEvent
from app.settings import settings
from app.supervision import Outage

E = TypeVar("E")


class Source(Protocol):
    """Where a stream's events come from."""

    def follow(
        self, topic: str, after: Position, *, live: bool = True, until: Callable[[Position], bool] = ...
    ) -> AsyncGenerator[StreamEvent, None]:
        """As `EventDispatcher.follow`."""

    def cursor(self, position: Position) -> str | None:
        """The cursor to resume with after this position; None if events are not stored."""


@dataclass(frozen=True)
class SourceStream(AsyncIterable[tuple[Position, E]], Generic[E]):
    """The values of a subscription, in a form that subscribers with the same question can share.

    `read` reads the value of an event; None leaves the event out. The topic and the values may depend on every argument
    of the subscription but `after`, which names the position to start at. `first` is delivered at that position. The
    stream ends after the value for which `is_last` holds and, if it is not `is_live`, after the events so far.
    """

    source: Source
    topic: str
    start: Position
    read: Callable[[StreamEvent], Awaitable[E | None]]
    first: E | None = None
    is_resumed: bool = False
    is_live: bool = True
    is_last: Callable[[E], bool] = lambda _: False

    @classmethod
    async def since(
        cls,
        after: str | None,
        dispatcher: EventDispatcher,
        topic: str,
        read: Callable[[StreamEvent], Awaitable[E | None]],
    ) -> "SourceStream[E]":
        """The events after a cursor and all that follow; without a cursor, those from now on."""
        return cls(dispatcher, topic, await dispatcher.beginning(after), read, is_resumed=after is not None)

    @classmethod
    def of_work(
        cls,
        dispatcher: EventDispatcher,
        topic: str,
        start: Position,
        read: Callable[[StreamEvent], Awaitable[E | None]],
        *,
        now: E,
        after: str | None,
        is_over: Callable[[E], bool],
    ) -> "SourceStream[E]":
        """The progress of work up to its end. Without a cursor it begins with how things are `now`.

        Take `start` before you read `now`, so that no end is missed in between.
        """
        is_resumed = after is not None
        first = None if is_resumed else now
        return cls(dispatcher, topic, start, read, first, is_resumed, is_live=not is_over(now), is_last=is_over)

    def __aiter__(self) -> AsyncIterator[tuple[Position, E]]:
        return self.values(lambda _: False)

    async def values(self, until: Callable[[Position], bool]) -> AsyncGenerator[tuple[Position, E], None]:
        """Every value with its position, once, in order. `until` is asked as in `EventDispatcher.follow`."""
        if self.first is not None:
            yield self.start, self.first
        if self.is_live and not self.is_resumed and until(self.start):
            return
        position, outage = self.start, Outage(settings.subscription_outage_s_max)
        while True:
            try:
                following = self.source.follow(self.topic, position, live=self.is_live, until=until)
                async with aclosing(following) as events:
                    async for event in events:
                        value = await self._read_patiently(event)
                        position, outage = event.position, Outage(settings.subscription_outage_s_max)
                        if value is None:
                            continue
                        yield position, value
                        if self.is_last(value):
                            return
            except Busy:
                # The database is away. The stream goes on from the last position once it is back.
                if not await outage.is_worth_waiting():
                    raise
            else:
                return

    async def _read_patiently(self, event: StreamEvent) -> E | None:
        outage = Outage(settings.subscription_outage_s_max)
        while True:
            try:
                return await self.read(event)
            except Busy:
                if not await outage.is_worth_waiting():
                    raise
