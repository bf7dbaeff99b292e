"""How jobs ask the API's own schema, which they do not know: the program that begins a worker provides it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from app.database import Database
from app.events.subscribers import StreamEvent
from app.models.kinds import WebhookTopic
from app.policies import Viewer


class Answers(Protocol):
    """What the schema answers a viewer, by the rights that they have now."""

    async def event(self, viewer: Viewer, topic: WebhookTopic, event: StreamEvent) -> dict[str, Any] | None:
        """An event as the topic's subscription shows it; None if the viewer may not see it."""


Opener = Callable[[Database], AbstractAsyncContextManager[Answers]]
_loaders: list[Callable[[], Opener]] = []


def provide(load: Callable[[], Opener]) -> None:
    """Registers what loads the schema; it is called when a job first asks."""
    _loaders[:] = [load]


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Answers]:
    """The schema, for one errand."""
    assert _loaders, "nothing answers: this process was begun without a schema"
    # In a thread: loading takes seconds, and the leases of other jobs must be renewed meanwhile.
    opener = await asyncio.to_thread(_loaders[0])
    async with opener(database) as answers:
        yield answers
