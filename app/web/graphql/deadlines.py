"""Time-outs for what every request does: `asyncio.timeout` takes a timer for each, these share one."""

import asyncio
from types import TracebackType
from typing import Self


class Deadlines:
    """Knows who has to be done by when. Its timer rings when the first of them was due as it was set."""

    def __init__(self) -> None:
        self._open: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    def within(self, seconds: float) -> "Deadline":
        """A block that is cancelled after so many seconds, and then raises TimeoutError."""
        return Deadline(self, seconds)

    def add(self, deadline: "Deadline") -> None:
        """Watch a deadline."""
        self._open.add(deadline)
        if self._timer is None or deadline.at < self._rings_at:
            self._set(deadline.at)

    def remove(self, deadline: "Deadline") -> None:
        """Watch it no longer. The timer is left: it rings once for thousands of requests."""
        self._open.discard(deadline)

    def _set(self, at: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._rings_at = at
        self._timer = asyncio.get_running_loop().call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for deadline in [deadline for deadline in self._open if deadline.at <= now]:
            self._open.remove(deadline)
            deadline.expire()
        if self._open:
            self._set(min(deadline.at for deadline in self._open))


class Deadline:
    """One block and its end, as `asyncio.timeout` has it."""

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
        self.at = asyncio.get_running_loop().time() + self._seconds
        self._deadlines.add(self)
        return self

    def __exit__(
        self, raised: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._deadlines.remove(self)
        # Whoever else cancels the task meanwhile is obeyed.
        if self.expired and self._task.uncancel() <= self._cancelled_before and raised is asyncio.CancelledError:
            raise TimeoutError from error
