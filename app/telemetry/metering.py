"""What the work for one request really was: time on the event loop, in threads and at the database, and bytes out."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter, thread_time
from types import coroutine
from typing import Any, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Standing(NamedTuple):
    """What somebody may still spend."""

    payer: str
    """Whether they are counted as a `viewer` or by their `address`."""
    limit: int
    remaining: int
    reset_s: int


# What took longer, a step of the event loop or a statement, may have waited for a processor and is looked into.
LONG_S = 3e-3
# So old a reading of the thread's clocks may be: to read them costs more than most steps.
READING_S_MAX = 0.05
# Whatever else the machine does, a long statement costs this part of its time.
STATEMENT_SHARE_MIN = 0.1
NANOSECOND_S = 1e-9


class _Loop:
    """The thread of the event loop: how long it has been busy with timed work, and how long it had no processor.

    Nearly every step ends before the kernel gives the processor to somebody else, so that its time is its work. What
    took long is corrected by the clocks of the thread.
    """

    __slots__ = ("_busy_before_s", "_cpu_s", "_file", "busy_s", "read_after", "ready_s")

    def __init__(self) -> None:
        self.busy_s = 0.0
        self.read_after = 0.0
        self.ready_s = 0.0
        """How long the thread was ready and had no processor, as of the last reading."""
        self._busy_before_s = 0.0
        self._cpu_s = 0.0
        self._file: int | None = None

    def read(self, now: float) -> None:
        """Read the clocks, so that what begins now can be corrected."""
        self._cpu_s, self.ready_s, self._busy_before_s = thread_time(), self.ready_now_s(), self.busy_s
        self.read_after = now + READING_S_MAX

    def worked_s(self, spent_s: float) -> float:
        """How much of a long step, which ends now, was spent on a processor."""
        others_s = self.busy_s - self._busy_before_s
        return min(spent_s, max(LONG_S, thread_time() - self._cpu_s - others_s))

    def ready_now_s(self) -> float:
        """How long the thread was ready and had no processor; 0 where the system does not tell."""
        if self._file is None:
            self._file = _schedstat()
        if self._file < 0:
            return 0.0
        try:
            content = os.pread(self._file, 64, 0)
        except ProcessLookupError:
            # The thread has ended: another event loop, in a thread of its own, goes on.
            os.close(self._file)
            self._file = None
            return self.ready_now_s()
        return int(content.split()[1]) * NANOSECOND_S


def _schedstat() -> int:
    try:
        return os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1


loop = _Loop()


class Work:
    """Adds up what one request takes, in all tasks that it begins."""

    # Defaults of the class, not of an `__init__`: each request makes one.
    loop_s = 0.0
    threads_s = 0.0
    database_s = 0.0
    bytes_out = 0
    since = 0.0
    standing: Callable[[], Standing] | None = None

    @property
    def seconds(self) -> float:
        """All of it until now, the step that is under way included."""
        done_s = self.loop_s + self.threads_s + self.database_s
        if not self.since:
            return done_s
        step_s = perf_counter() - self.since
        return done_s + (step_s if step_s <= LONG_S else loop.worked_s(step_s))

    def asked(self) -> tuple[float, float]:
        """When a statement is sent, for `answered`.

        The first is a clock that stands still while the loop is busy: nobody pays for having waited behind others.
        """
        return (self.since or perf_counter()) - loop.busy_s, loop.ready_s

    def answered(self, begun: tuple[float, float], at: float | None = None, *, s_max: float | None = None) -> None:
        """Add the time of a statement, or at most so much of it, whose answer came at this time, or has come now.

        While we waited for a processor, the database did, too, or its answer waited for us: that is taken off.
        """
        if at is None:
            at = (self.since or perf_counter()) - loop.busy_s
        spent_s = at - begun[0]
        if spent_s > LONG_S:
            waited_s = 2 * max(0.0, loop.ready_now_s() - begun[1])  # another thread's clock may be behind
            spent_s = max(LONG_S, STATEMENT_SHARE_MIN * spent_s, spent_s - waited_s)
        self.database_s += spent_s if s_max is None else min(spent_s, s_max)


current: ContextVar[Work | None] = ContextVar("work", default=None)


def begin_step(work: Work) -> None:
    """A step of the work begins now, on the event loop."""
    began = work.since = perf_counter()
    if began > loop.read_after:
        loop.read(began)


def end_step(work: Work) -> None:
    """The step that is under way ends now: its time is added to the work."""
    began = work.since
    spent_s = perf_counter() - began
    work.loop_s += spent_s if spent_s <= LONG_S else loop.worked_s(spent_s)
    work.since = 0.0
    loop.busy_s += spent_s
    if spent_s > LONG_S:
        loop.read(began + spent_s)


@coroutine
def timed(steps: Coroutine[Any, Any, T], work: Work) -> Generator[Any, Any, T]:
    """The same coroutine; the time of each of its steps is added to the work."""
    step: Callable[[Any], Any] = steps.send
    sent: Any = None
    while True:
        begin_step(work)
        try:
            awaited = step(sent)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            end_step(work)
        try:
            sent = yield awaited
            step = steps.send
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as error:  # noqa: BLE001 - whatever is thrown in, a cancellation included, is for the steps
            step, sent = steps.throw, error


async def _timed(steps: Coroutine[Any, Any, T], work: Work) -> T:
    return await timed(steps, work)


def _task(
    event_loop: asyncio.AbstractEventLoop, steps: Coroutine[Any, Any, T] | Generator[Any, None, T], **named: Any
) -> asyncio.Task[T]:
    """Makes tasks, and times those that are begun for a request."""
    work = current.get()
    if work is not None and isinstance(steps, Coroutine):
        task = asyncio.Task(_timed(steps, work), loop=event_loop, **named)
        # A task that is cancelled before its first step does not touch them. The collector of garbage might find them
        # before it finds what would close them.
        task.add_done_callback(lambda _: steps.close())
        return task
    return asyncio.Task(steps, loop=event_loop, **named)


@contextmanager
def timed_tasks() -> Iterator[None]:
    """While it is open, tasks that are begun for a request on this event loop are timed with it."""
    event_loop = asyncio.get_running_loop()
    before = event_loop.get_task_factory()
    event_loop.set_task_factory(_task)
    yield
    event_loop.set_task_factory(before)


def charge(seconds: float) -> None:
    """Add processor time that no clock here sees, such as that of threads which a library starts by itself."""
    if work := current.get():
        work.threads_s += seconds


async def in_thread(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """As `asyncio.to_thread`; the time it takes there is added to the work."""
    work = current.get()
    if work is None:
        return await asyncio.to_thread(function, *arguments, **named)

    def run() -> T:
        began = thread_time()
        try:
            return function(*arguments, **named)
        finally:
            work.threads_s += thread_time() - began

    return await asyncio.to_thread(run)
