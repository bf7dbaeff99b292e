"""Who tokens belong to, remembered for a few seconds, so that not every request asks the database."""

import math
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import NamedTuple
from weakref import WeakSet

from sqlalchemy import event
from sqlalchemy.orm import Session as Transaction

from app import events, security
from app.database import WriteSession
from app.events import Feed
from app.lru import LRU
from app.policies import Viewer, is_viewer
from app.positions import Position
from app.settings import settings
from app.supervision import Background

TOPIC = "viewers"


class Known(NamedTuple):
    """Whose a token is, when it expires, if it does, and until when this may be believed by the process's own clock."""

    viewer: Viewer
    expires_at: datetime | None
    until: float


class Viewers:
    """A bounded memory of one process. What it holds is forgotten at once when it is told so, and soon by itself."""

    def __init__(self, look_up: Callable[[str], Awaitable[tuple[Viewer, datetime | None]]], feed: Feed) -> None:
        self._look_up = look_up
        self._feed = feed
        self._known: LRU[bytes, Known] = LRU(lambda: settings.viewers_cached_max)
        self._forgotten = 0
        self._after: Position | None = None
        self.background = [Background("viewers", self._listen, silence_s_max=math.inf)]
        self._told: list[Callable[[int], None]] = []
        _of_this_process.add(self)

    async def of(self, token: str) -> tuple[Viewer, datetime | None]:
        """Who a token belongs to, and when it expires, if it does."""
        key = security.token_hash(token)
        known = self._known.get(key)
        if known is not None and known.until > time.monotonic():
            return known.viewer, known.expires_at
        while True:
            forgotten = self._forgotten
            viewer, expires_at = await self._look_up(token)
            if forgotten == self._forgotten:
                self._remember(key, viewer, expires_at)
                return viewer, expires_at
            # Somebody's rights changed while the database was asked, and its answer may be from before.

    def _remember(self, key: bytes, viewer: Viewer, expires_at: datetime | None) -> None:
        rest_s = settings.viewer_cache_s
        if expires_at is not None:
            rest_s = min(rest_s, (expires_at - datetime.now(UTC)).total_seconds())
        self._known.put(key, Known(viewer, expires_at, time.monotonic() + rest_s))

    def forget(self, user_id: int) -> None:
        """Ask anew who this account's tokens belong to."""
        self._forgotten += 1
        for key, known in self._known.items():
            if is_viewer(known.viewer, user_id):
                self._known.drop(key)
        for told in self._told:
            told(user_id)

    def tell(self, told: Callable[[int], None]) -> None:
        """Call this, too, when an account is forgotten."""
        self._told.append(told)

    async def start(self) -> None:
        """Begin to hear of what happens in other processes."""
        self._after = await self._feed.now()
        for task in self.background:
            task.start()

    async def stop(self) -> None:
        """Hear no more of it."""
        _of_this_process.discard(self)
        for task in self.background:
            await task.stop()

    async def _listen(self, task: Background) -> None:
        # The first time from the place where it began. Later, what was missed is not told again; but what is
        # remembered does not last.
        after, self._after = self._after, None
        if after is None:
            after = await self._feed.now()
            task.well()
        async with aclosing(self._feed.follow(TOPIC, after)) as news:
            async for happening in news:
                self.forget(happening.payload["user"])
                task.well()


_of_this_process: WeakSet[Viewers] = WeakSet()


def forget(session: WriteSession, user_id: int) -> None:
    """Once this transaction is committed, whoever has this account's tokens is asked for anew, in every process.

    To be called by whatever ends a session, suspends an account or changes its rights.
    """
    events.record(session, TOPIC, {"user": user_id})

    def told(transaction: Transaction) -> None:
        if not transaction.in_nested_transaction():
            for viewers in _of_this_process:
                viewers.forget(user_id)

    event.listen(session.sync_session, "after_commit", told)
