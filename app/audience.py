"""Who is told what happens in one process, and what they have still to take."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, NamedTuple, TypeVar

from app.errors import DomainError, LimitReached
from app.models.base import Json
from app.positions import Position
from app.settings import settings

E = TypeVar("E")


class Happening(NamedTuple):
    """An event as its readers see it."""

    position: Position
    topic: str
    payload: Json


class FellBehind(LimitReached):
    """Somebody was told more than they took, and has missed something."""

    def __init__(self) -> None:
        super().__init__(
            "This subscription fell too far behind. Subscribe again, with the last cursor as `after` if any.",
            limit=settings.socket_outbox_events_max,
        )


class Reader(Generic[E]):
    """What somebody has still to take, up to a bound."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[E | None] = asyncio.Queue(settings.socket_outbox_events_max)
        self._is_late = False
        self._error: DomainError | None = None

    def end(self, error: DomainError | None = None) -> None:
        """Says that there is no more, and why, if that is no good end."""
        self._error = error
        self.put(None)

    def put(self, told: E | None) -> None:
        """Hands over the next; None says that there is no more. Once one did not fit, none may follow it."""
        if self._is_late:
            return
        try:
            self._queue.put_nowait(told)
        except asyncio.QueueFull:
            self._is_late = True

    async def get(self) -> E | None:
        """The next, or None when there is no more."""
        if self._is_late and self._queue.empty():
            raise self._error or FellBehind
        told = await self._queue.get()
        if told is None and self._error is not None:
            raise self._error
        return told

    def begin_anew(self) -> None:
        """Be told from now on, for somebody who finds elsewhere what they missed."""
        self._is_late = False


class Audience:
    """Who reads which topic in one process."""

    def __init__(self) -> None:
        self._readers: defaultdict[str, set[Reader[Happening]]] = defaultdict(set)

    @contextmanager
    def reader(self, topic: str) -> Iterator[Reader[Happening]]:
        """Somebody who is told what happens on a topic until the block ends."""
        reader: Reader[Happening] = Reader()
        self._readers[topic].add(reader)
        try:
            yield reader
        finally:
            self._readers[topic].discard(reader)
            if not self._readers[topic]:
                del self._readers[topic]

    def tell(self, happening: Happening) -> None:
        """Hands it to everybody who reads its topic."""
        for reader in self._readers.get(happening.topic, ()):
            reader.put(happening)

    def end(self, error: DomainError | None = None) -> None:
        """Tells everybody that there is no more, and why, if that is no good end."""
        for reader in [reader for readers in self._readers.values() for reader in readers]:
            reader.end(error)
