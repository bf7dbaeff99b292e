"""Time-outs for what every request does: `asyncio.timeout` takes a timer for each, these share one."""

import asyncio
import math
from time import monotonic
from types import TracebackType
from typing import Protocol, Self


class Due(Protocol):
    """What has to be done by a time of the monotonic clock."""

    at: float

    def expire(self) -> None:
        """End it: the time has come."""


class Deadlines:
    """Knows who has to be done by when. Its timer rings when the first of them was due as it was set."""

    def __init__(self) -> None:
        self.open: set[Due] = set()
        self.rings_at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def add(self, due: Due) -> None:
        """Have it ended at its time, unless it leaves `open` before."""
        self.open.add(due)
        if due.at < self.rings_at:
            self.ring_at(due.at)

    def ring_at(self, at: float) -> None:
        """Set the timer. It is left when a block ends: it rings once for thousands of requests."""
        if self._timer:
            self._timer.cancel()
        self.rings_at = at
        self._timer = asyncio.get_running_loop().call_later(at - monotonic(), self._ring)

    def _ring(self) -> None:
        self._timer, self.rings_at = None, math.inf
        now = monotonic()
        for deadline in [deadline for deadline in self.open if deadline.at <= now]:
            self.open.remove(deadline)
            deadline.expire()
        if self.open:
            self.ring_at(min(deadline.at for deadline in self.open))


class Deadline:
    """A block that is cancelled after so many seconds, and then raises TimeoutError, as `asyncio.timeout` has it."""

    __slots__ = ("_cancelled_before", "_deadlines", "_seconds", "_task", "at", "expired")

    def __init__(self, deadlines: Deadlines, seconds: float) -> None:
        self._deadlines = deadlines
        self._seconds = seconds
        self.expired = False

    def expire(self) -> None:
        """Cancel what runs."""
        self.expired = True
        self._task.cancel()

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task, "only a task can be cancelled"
        self._task = task
        self._cancelled_before = task.cancelling()
        self.at = monotonic() + self._seconds
        self._deadlines.add(self)
        return self

    def __exit__(
        self, raised: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._deadlines.open.discard(self)
        # Whoever else cancels the task meanwhile is obeyed.
        if self.expired and self._task.uncancel() <= self._cancelled_before and raised is asyncio.CancelledError:
            raise TimeoutError from error
