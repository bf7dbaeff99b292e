"""Work that follows a commit and that no answer waits for: bounded, with a deadline, owned by its process."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Generic, TypeVar

import structlog

from app.settings import settings

T = TypeVar("T")

log = structlog.get_logger()


class Aside(Generic[T]):
    """Does one kind of work in order, all that waits at a time. Its task lives while there is something to do."""

    def __init__(self, name: str, do: Callable[[list[T]], Awaitable[None]]) -> None:
        self._name = name
        self._do = do
        self._waiting: deque[T] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, items: Iterable[T]) -> None:
        """Has these done soon. What exceeds the bound is dropped and logged: nothing here is the only record."""
        for item in items:
            if len(self._waiting) >= settings.aside_max:
                log.warning("dropped after a commit", what=self._name)
                break
            self._waiting.append(item)
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Waits until all is done, for as long as one piece of work may take."""
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=settings.aside_s_max)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _work(self) -> None:
        while self._waiting:
            batch = [*self._waiting]
            self._waiting.clear()
            try:
                async with asyncio.timeout(settings.aside_s_max):
                    await self._do(batch)
            except Exception as error:  # noqa: BLE001 - whatever it was, the change is committed and the next one waits
                log.warning("failed after a commit", what=self._name, error=str(error) or type(error).__name__)
