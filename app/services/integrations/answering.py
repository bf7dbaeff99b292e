"""How jobs ask the API's own schema, which they do not know: the program that begins a worker provides it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple, Protocol

from app.database import Database
from app.events.subscribers import StreamEvent
from app.models.kinds import WebhookTopic
from app.policies import Viewer


class RowPage(NamedTuple):
    """Some rows of a list: where the next page begins, if there is one, and how many rows the list has, if asked."""

    rows: list[dict[str, Any]]
    after: str | None
    total: int | None


class Answers(Protocol):
    """What the schema answers a viewer, by the rights that they have now."""

    def check(self, document: str, variables: dict[str, Any]) -> None:
        """Raises Invalid for what is no bulk query, or one that not even a page of one row could answer."""

    def columns(self, document: str) -> tuple[tuple[str, ...], ...] | None:
        """The keys of the values of each row, if they fit into a table."""

    async def rows(
        self, viewer: Viewer, document: str, variables: dict[str, Any], *, after: str | None, is_counted: bool
    ) -> RowPage:
        """The next rows of a bulk query's list."""

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
