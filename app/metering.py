"""What the work for one request really was: time on the event loop, in threads and at the database, and bytes out."""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
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


class _Loop:
    """How long the event loop has been busy with work that is timed, in seconds since it began."""

    busy_s = 0.0


class Work:
    """Adds up what one request takes, in all tasks that it begins."""

    __slots__ = ("bytes_out", "database_s", "loop_s", "since", "standing", "threads_s")

    def __init__(self) -> None:
        self.loop_s = 0.0
        self.threads_s = 0.0
        self.database_s = 0.0
        self.bytes_out = 0
        self.since = 0.0
        self.standing: Callable[[], Standing] | None = None

    @property
    def seconds(self) -> float:
        """All of it until now, the step that is under way included."""
        step_s = perf_counter() - self.since if self.since else 0.0
        return self.loop_s + step_s + self.threads_s + self.database_s

    @property
    def idle_s(self) -> float:
        """A clock that stands still while the loop is busy: nobody pays for having waited behind others."""
        return (self.since or perf_counter()) - _Loop.busy_s


current: ContextVar[Work | None] = ContextVar("work", default=None)


@coroutine
def timed(steps: Coroutine[Any, Any, T], work: Work) -> Generator[Any, Any, T]:
    """The same coroutine; the time of each of its steps is added to the work."""
    step: Callable[[], Any] = partial(steps.send, None)
    while True:
        began = work.since = perf_counter()
        try:
            awaited = step()
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            spent_s = perf_counter() - began
            work.loop_s += spent_s
            work.since = 0.0
            _Loop.busy_s += spent_s
        try:
            step = partial(steps.send, (yield awaited))
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as error:  # noqa: BLE001 - whatever is thrown in, a cancellation included, is for the steps
            step = partial(steps.throw, error)


async def _timed(steps: Coroutine[Any, Any, T], work: Work) -> T:
    return await timed(steps, work)


def _task(
    loop: asyncio.AbstractEventLoop, steps: Coroutine[Any, Any, T] | Generator[Any, None, T], **named: Any
) -> asyncio.Task[T]:
    """Makes tasks, and times those that are begun for a request."""
    work = current.get()
    if work is not None and isinstance(steps, Coroutine):
        return asyncio.Task(_timed(steps, work), loop=loop, **named)
    return asyncio.Task(steps, loop=loop, **named)


@contextmanager
def timed_tasks() -> Iterator[None]:
    """While it is open, tasks that are begun for a request on this event loop are timed with it."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(_task)
    yield
    loop.set_task_factory(None)


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
