"""Caches for a few seconds who tokens belong to, so that not every request asks the database."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from weakref import WeakSet

from sqlalchemy import event
from sqlalchemy.orm import Session as Transaction

from app import events
from app.database import WriteSession
from app.events.dispatcher import EventDispatcher
from app.events.positions import Position
from app.lru import LRU
from app.policies import Viewer, is_viewer
from app.security import credentials
from app.settings import settings
from app.supervision import Background

TOPIC = "viewers"


@dataclass(slots=True)
class CachedViewer:
    """Who a token belongs to, when the token expires, if it does, and when this entry does by the process's clock."""

    viewer: Viewer
    expires_at: datetime | None
    until: float
    context: Any = None
    """What whoever asks keeps with it, as long as it holds."""


class Viewers:
    """The bounded cache of one process. Events invalidate entries at once; otherwise they expire within seconds."""

    def __init__(
        self, look_up: Callable[[str], Awaitable[tuple[Viewer, datetime | None]]], events: EventDispatcher
    ) -> None:
        self._look_up = look_up
        self._events = events
        self._cached: LRU[bytes, CachedViewer] = LRU(lambda: settings.viewers_cached_max)
        self._looking_up: dict[bytes, asyncio.Task[tuple[Viewer, datetime | None]]] = {}
        self._invalidations = 0
        self._after: Position | None = None
        self.background = [Background("viewers", self._listen, silence_s_max=math.inf)]
        self._listeners: list[Callable[[int], None]] = []
        _of_this_process.add(self)

    async def of(self, token: str) -> tuple[Viewer, datetime | None]:
        """Who a token belongs to, and when it expires, if it does."""
        key = credentials.token_hash(token)
        if cached := self.cached(key):
            return cached.viewer, cached.expires_at
        looking_up = self._looking_up.get(key)
        if looking_up is None:
            # Of a token that many requests bring at once, the database is asked once.
            looking_up = self._looking_up[key] = asyncio.create_task(self._ask(key, token))
            looking_up.add_done_callback(partial(self._answered, key))
        # Not cancelled with the request that began it: others wait for it, too.
        return await asyncio.shield(looking_up)

    def cached(self, key: bytes) -> CachedViewer | None:
        """The same of the token with this hash, if it is known without asking."""
        cached = self._cached.get(key)
        return cached if cached is not None and cached.until > time.monotonic() else None

    async def _ask(self, key: bytes, token: str) -> tuple[Viewer, datetime | None]:
        while True:
            invalidations = self._invalidations
            viewer, expires_at = await self._look_up(token)
            if invalidations == self._invalidations:
                self._cache(key, viewer, expires_at)
                return viewer, expires_at
            # Rights changed while the database was asked, so its answer may be outdated.

    def _answered(self, key: bytes, looked_up: asyncio.Task[tuple[Viewer, datetime | None]]) -> None:
        del self._looking_up[key]
        if not looked_up.cancelled():
            # Whoever waited has the failure; it need not be raised again if nobody did.
            looked_up.exception()

    def _cache(self, key: bytes, viewer: Viewer, expires_at: datetime | None) -> None:
        lifetime_s = settings.viewer_cache_s
        if expires_at is not None:
            lifetime_s = min(lifetime_s, (expires_at - datetime.now(UTC)).total_seconds())
        self._cached.put(key, CachedViewer(viewer, expires_at, time.monotonic() + lifetime_s))

    def invalidate(self, user_id: int) -> None:
        """Drops the entries of an account, and calls the listeners."""
        self._invalidations += 1
        for key, cached in self._cached.items():
            if is_viewer(cached.viewer, user_id):
                self._cached.drop(key)
        for listener in self._listeners:
            listener(user_id)

    def on_invalidation(self, listener: Callable[[int], None]) -> None:
        """Calls `listener` with the account whenever its entries are invalidated."""
        self._listeners.append(listener)

    async def start(self) -> None:
        """Begins to listen to other processes."""
        self._after = await self._events.now()
        for task in self.background:
            task.start()

    async def stop(self) -> None:
        """Stops listening, and asking."""
        _of_this_process.discard(self)
        for looking_up in self._looking_up.values():
            looking_up.cancel()
        for task in self.background:
            await task.stop()

    async def _listen(self, task: Background) -> None:
        # Starts from where `start` was called. After a failure, missed events are skipped: entries expire anyway.
        after, self._after = self._after, None
        if after is None:
            after = await self._events.now()
            task.well()
        async with aclosing(self._events.follow(TOPIC, after)) as changes:
            async for change in changes:
                self.invalidate(change.payload["user"])
                task.well()


_of_this_process: WeakSet[Viewers] = WeakSet()


def invalidate(session: WriteSession, user_id: int) -> None:
    """Invalidates an account's entries in every process, once this transaction is committed.

    Call it when you end a session, suspend an account or change its rights.
    """
    events.record(session, TOPIC, {"user": user_id})

    def committed(transaction: Transaction) -> None:
        if not transaction.in_nested_transaction():
            for viewers in _of_this_process:
                viewers.invalidate(user_id)

    event.listen(session.sync_session, "after_commit", committed)
