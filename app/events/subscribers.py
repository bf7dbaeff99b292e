"""The subscribers of one process, and what each has still to take."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, NamedTuple, TypeVar

from app.errors import DomainError, LimitReached
from app.events.positions import Position
from app.models.base import Json
from app.settings import settings

E = TypeVar("E")


class StreamEvent(NamedTuple):
    """An event as subscribers get it."""

    position: Position
    topic: str
    payload: Json


class FellBehind(LimitReached):
    """A subscriber took events more slowly than they came, and missed some."""

    def __init__(self) -> None:
        super().__init__(
            "This subscription fell too far behind. Subscribe again, with the last cursor as `after` if any.",
            limit=settings.socket_outbox_events_max,
        )


class Backlog(Generic[E]):
    """A bounded queue of what one subscriber has still to take."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[E | None] = asyncio.Queue(settings.socket_outbox_events_max)
        self._is_late = False
        self._error: DomainError | None = None

    def end(self, error: DomainError | None = None) -> None:
        """No more will come, because of an error if there is one."""
        self._error = error
        self.put(None)

    def put(self, item: E | None) -> None:
        """Adds the next item; None means that no more will come. Once an item did not fit, none may follow it."""
        if self._is_late:
            return
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            self._is_late = True

    async def get(self) -> E | None:
        """The next item, or None when there is no more."""
        if self._is_late and self._queue.empty():
            raise self._error or FellBehind
        item = await self._queue.get()
        if item is None and self._error is not None:
            raise self._error
        return item

    def restart(self) -> None:
        """Takes items again, for a subscriber that reads elsewhere what it missed."""
        self._is_late = False


class Subscribers:
    """Who has subscribed to which topic in one process."""

    def __init__(self) -> None:
        self._backlogs: defaultdict[str, set[Backlog[StreamEvent]]] = defaultdict(set)

    @contextmanager
    def subscribe(self, topic: str) -> Iterator[Backlog[StreamEvent]]:
        """A backlog that gets the events of a topic until the block ends."""
        backlog: Backlog[StreamEvent] = Backlog()
        self._backlogs[topic].add(backlog)
        try:
            yield backlog
        finally:
            self._backlogs[topic].discard(backlog)
            if not self._backlogs[topic]:
                del self._backlogs[topic]

    def deliver(self, event: StreamEvent) -> None:
        """Adds an event to the backlog of every subscriber of its topic."""
        for backlog in self._backlogs.get(event.topic, ()):
            backlog.put(event)

    def end(self, error: DomainError | None = None) -> None:
        """Ends all subscriptions, because of an error if there is one."""
        for backlog in [backlog for backlogs in self._backlogs.values() for backlog in backlogs]:
            backlog.end(error)
