"""Owners for what runs in the background: they start it again when it ends or hangs, log that, and know how it is."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.errors import DomainError
from app.settings import settings

T = TypeVar("T")

PAUSE_S = 0.5
LOOK_S_MIN, LOOK_S_MAX = 0.05, 1.0
STOP_S = 0.2
# What the world outside does to us. Anything else is a bug of ours, and is logged as one.
FORESEEN = (SQLAlchemyError, RedisError, DomainError, OSError)

log = structlog.get_logger(__name__)


class Background:
    """One task that runs until it is stopped. It says `well` whenever it got something done.

    When it ends, fails, or does not say so for `silence_s_max`, it is started again after a pause that grows.
    """

    def __init__(
        self,
        name: str,
        work: Callable[["Background"], Coroutine[Any, Any, None]],
        *,
        silence_s_max: float | None = None,
        pause_s_max: float | None = None,
    ) -> None:
        self.name = name
        self._work = work
        self._silence_s_max = settings.background_silence_s_max if silence_s_max is None else silence_s_max
        self._pause_s_max = settings.background_pause_s_max if pause_s_max is None else pause_s_max
        self._pause_s = PAUSE_S
        self._last_sign = time.monotonic()
        self._reason: str | None = None
        self._owner: asyncio.Task[None] | None = None
        # More than one only while an earlier one takes its time to obey.
        self._working: set[asyncio.Task[None]] = set()

    @property
    def trouble(self) -> str | None:
        """What is wrong with it, if anything."""
        if self._reason is None and self._owner is not None and self._silent_s > self._silence_s_max:
            return self._silent()
        return self._reason

    def well(self) -> None:
        """It got something done."""
        self._last_sign = time.monotonic()
        if self._reason is not None:
            log.info("background task recovered", task=self.name)
            self._reason, self._pause_s = None, PAUSE_S

    def start(self) -> None:
        """Run from now on."""
        self._last_sign = time.monotonic()
        self._owner = asyncio.create_task(self._own())

    async def stop(self) -> None:
        """Run no more."""
        owner, self._owner = self._owner, None
        # More than once: while it connects, Redis's client may take a cancellation for a time-out of its own.
        while running := [task for task in (owner, *self._working) if task is not None and not task.done()]:
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=STOP_S)

    async def _own(self) -> None:
        while True:
            self._last_sign = time.monotonic()
            working = asyncio.create_task(self._work(self))
            self._working.add(working)
            working.add_done_callback(self._working.discard)
            error = await self._end_of(working)
            self._reason = str(error) or type(error).__name__
            facts = {"task": self.name, "reason": self._reason, "pause_s": self._pause_s}
            if isinstance(error, FORESEEN):
                log.warning("background task failed", **facts)
            else:
                log.error("background task failed", exc_info=error, **facts)
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, self._pause_s_max)

    async def _end_of(self, working: "asyncio.Task[None]") -> BaseException:
        while not working.done():
            left_s = self._silence_s_max - self._silent_s
            if left_s < 0:
                reason = self._silent()
                # It is not waited for long: what hangs may hang in its end, too.
                await abandon(working, STOP_S)
                return TimeoutError(reason)
            await self._look_at(working, min(left_s + LOOK_S_MIN, max(self._silence_s_max / 4, LOOK_S_MIN), LOOK_S_MAX))
        if working.cancelled():
            return asyncio.CancelledError("it was cancelled")
        return working.exception() or EOFError("it ended by itself")

    async def _look_at(self, working: "asyncio.Task[None]", wait_s: float) -> None:
        due = time.monotonic() + wait_s
        await asyncio.wait({working}, timeout=wait_s)
        # While the whole process stood still, nothing could get anything done: that time is not the task's silence.
        now = time.monotonic()
        self._last_sign = min(now, self._last_sign + max(0.0, now - due))

    @property
    def _silent_s(self) -> float:
        return time.monotonic() - self._last_sign

    def _silent(self) -> str:
        return f"it got nothing done for {self._silent_s:.0f} s"


class Outage:
    """Patience with what is away: it counts from the first failure, and ends after `s_max`."""

    def __init__(self, s_max: float) -> None:
        self._s_max = s_max
        self._ends: float | None = None
        self._pause_s = PAUSE_S / 4

    async def is_worth_waiting(self) -> bool:
        """Wait a little, each time longer, and say whether to try once more."""
        now = time.monotonic()
        if self._ends is None:
            self._ends = now + self._s_max
        if now >= self._ends:
            return False
        # Not all at once: an outage has many who wait for its end.
        await asyncio.sleep(self._pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - no secret depends on it
        self._pause_s = min(2 * self._pause_s, settings.background_pause_s_max)
        return True


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What the work answers in this time, or TimeoutError at its end: also when the work does not obey a cancellation.

    `asyncio.timeout` waits until what it cancels has ended, and a connection that hangs may take seconds for that.
    """
    working = asyncio.ensure_future(work)
    try:
        await asyncio.wait({working}, timeout=seconds)
    except asyncio.CancelledError:
        await abandon(working, STOP_S)
        raise
    if working.done():
        return working.result()
    await abandon(working, 0)
    raise TimeoutError(f"no answer within {seconds:g} s")


async def abandon(working: "asyncio.Future[Any]", patience_s: float) -> None:
    """Cancel a task, and wait for its end only so long. What it says then is nobody's business."""
    _abandoned.add(working)
    working.add_done_callback(_forget)
    working.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.wait({working}, timeout=patience_s)


def _forget(working: "asyncio.Future[Any]") -> None:
    _abandoned.discard(working)
    if not working.cancelled():
        # Asked for, or the loop would report an exception that nobody took.
        working.exception()


_abandoned: set["asyncio.Future[Any]"] = set()
