"""A feed in memory, and a subscription to it that notes what it costs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import strawberry

from app.events.positions import Position
from app.events.streams import SourceStream
from app.events.subscribers import StreamEvent

BEGINNING = Position(0, 0)


class Wire:
    """What happened, in order; it follows as `app.events.dispatcher.EventDispatcher` does."""

    def __init__(self) -> None:
        self._said: list[StreamEvent] = []
        self._woken = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.beginning_s = 0.0
        self.followed = 0
        self.runs = 0
        self.executed = 0

    def say(self, topic: str, text: str) -> str:
        """Let it happen; the event's cursor."""
        self._said.append(StreamEvent(Position(1, len(self._said) + 1), topic, {"text": text}))
        woken, self._woken = self._woken, asyncio.Event()
        woken.set()
        return self.now().cursor

    def now(self) -> Position:
        return self._said[-1].position if self._said else BEGINNING

    def cursor(self, position: Position) -> str:
        return position.cursor

    async def follow(
        self, topic: str, after: Position, *, live: bool = True, until: Any = lambda _: False
    ) -> AsyncIterator[StreamEvent]:
        self.followed += 1
        try:
            while True:
                missed = (said for said in self._said if said.topic == topic and said.position > after)
                if event := next(missed, None):
                    after = event.position
                    yield event
                elif not live or until(after):
                    return
                else:
                    await self._woken.wait()
        finally:
            self.followed -= 1


@strawberry.type
class News:
    cursor: str
    said: strawberry.Private[str]

    @strawberry.field
    async def text(self, info: strawberry.Info, suffix: str | None = None) -> str:
        wire = info.context.journal.wire
        wire.executed += 1
        await asyncio.sleep(0)
        return f"{self.said} for {info.context.viewer_id}{suffix or ''}"


async def news(info: strawberry.Info, topic: str, after: str | None = None) -> SourceStream[News]:
    wire = info.context.journal.wire
    wire.runs += 1
    start = wire.now() if after is None else Position.parse(after)
    await wire.gate.wait()
    await asyncio.sleep(wire.beginning_s)

    async def read(event: StreamEvent) -> News:
        await asyncio.sleep(0)
        if event.payload["text"] == "a bug":
            raise RuntimeError("the secret is 42")
        return News(cursor=event.position.cursor, said=event.payload["text"])

    return SourceStream(
        wire,
        topic,
        start,
        read,
        first=News(cursor=start.cursor, said="how things stand") if after is None else None,
        is_resumed=after is not None,
        is_last=lambda told: told.said == "the end",
    )
