"""The parent's side: children that are started when they are needed, used again, and killed when they do not answer.

A child parses one input at a time. It is used again only after an orderly end, and ends after a while without work.
"""

import asyncio
import atexit
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from time import perf_counter
from typing import Any, TypeVar

import structlog

from app.errors import Invalid, Unreadable
from app.parsing.messages import LENGTH, Task, TaskResult, packed, unpacked
from app.security import child_environment
from app.settings import NUMBERS, settings
from app.settings.units import MIB
from app.telemetry.metering import current

COMMAND = (sys.executable, "-m", "app.parsing")
# Threads of libraries would take address space and no work.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
# On a busy machine a parser's time passes several times as fast as its own clock.
WALL_FACTOR = 4
READ_BYTES = MIB
Plain = TypeVar("Plain")

log = structlog.get_logger(__name__)


async def run(
    parser: Callable[..., Plain], *arguments: Any, cpu_s_max: float | None = None, field: str | None = None
) -> Plain:
    """What a parser answers, called in a child; `Unreadable` if it takes more memory or time than it may.

    What goes in and comes out is plain; a tuple comes out as a list. Where `field` is named, what cannot be read is an
    `Invalid` of it.
    """
    cpu_s = settings.parser_cpu_s_max if cpu_s_max is None else cpu_s_max
    task = Task(
        parser.__module__,
        parser.__qualname__,
        list(arguments),
        {name: getattr(settings, name) for name in NUMBERS},
        settings.parser_memory_bytes_max,
        cpu_s,
        wall_s_max=cpu_s * WALL_FACTOR,
    )
    try:
        return _result(parser, await _answered(task))
    except Unreadable as error:
        if field is None:
            raise
        raise Invalid(field, str(error)) from None


async def _answered(task: Task) -> TaskResult:
    async with _turns(asyncio.get_running_loop()):
        work = current.get()
        child = _rested() or _Child()
        began_s, cpu_s = perf_counter(), None
        try:
            reply = await child.ask(task)
            cpu_s = reply.cpu_s
        except BaseException:
            child.kill()
            raise
        finally:
            if work:
                # One that was killed says nothing, but has not worked for longer than it might.
                work.threads_s += min(perf_counter() - began_s, task.cpu_s_max) if cpu_s is None else cpu_s
        if reply.is_last:
            child.kill()
        else:
            child.rest()
    return reply


@cache
def _turns(_loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    return asyncio.Semaphore(settings.parsers_at_once)


def _rested() -> "_Child | None":
    """A child that waits for work, and was not killed meanwhile to make room for somebody else."""
    while _idle:
        child = _idle.pop()
        if child.lives():
            return child
        child.kill()
    return None


def _result(parser: Callable[..., Plain], reply: TaskResult) -> Plain:
    match reply.kind:
        case "result":
            result: Plain = reply.values[0]
            return result
        case "invalid":
            raise Invalid(*reply.values)
        case "unreadable":
            raise Unreadable(*reply.values)
        case "memory":
            megabytes = settings.parser_memory_bytes_max // MIB
            raise Unreadable(f"Reading this would take more than {megabytes} MiB of memory.")
    log.error("parser failed", parser=parser.__qualname__, error=reply.values[0])
    raise Unreadable("This is broken, or uses its format in a way that is not supported.")


class _Child:
    """A process that parses."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        with theirs:
            # From the thread of the event loop, which lives as long as the process: the child ends with its thread.
            self._process = subprocess.Popen(  # noqa: S603 -- a list of words is no shell
                COMMAND, stdin=theirs.fileno(), stdout=theirs.fileno(), env=child_environment.variables() | ONE_THREAD
            )
        self._ending: asyncio.TimerHandle | None = None
        _alive.add(self)

    async def ask(self, task: Task) -> TaskResult:
        """What the child says to a task; Unreadable if it ended without a word."""
        if self._ending:
            self._ending.cancel()
        loop = asyncio.get_running_loop()
        try:
            # Its own alarm ends it before; this is for one that cannot even be scheduled.
            async with asyncio.timeout(task.wall_s_max + settings.parser_start_s_max):
                await loop.sock_sendall(self._socket, packed(task))
                [length] = LENGTH.unpack(await self._read(LENGTH.size))
                if length > settings.parser_result_bytes_max:
                    raise Unreadable("This unpacks to more than the limit.")
                return TaskResult(*unpacked(await self._read(length)))
        except TimeoutError:
            raise _too_slow(task) from None
        except (EOFError, ConnectionError):
            raise await self._ended(task) from None

    async def _read(self, length: int) -> bytearray:
        content = bytearray()
        while len(content) < length:
            piece = await asyncio.get_running_loop().sock_recv(self._socket, min(READ_BYTES, length - len(content)))
            if not piece:
                raise EOFError
            content += piece
        return content

    async def _ended(self, task: Task) -> Unreadable:
        """Why it is gone: a signal of its clocks, or of a library that could get no more memory."""
        code = await asyncio.to_thread(self._process.wait)
        if -code in {signal.SIGALRM, signal.SIGXCPU}:
            return _too_slow(task)
        log.warning("parser ended", parser=task.name, code=code)
        return Unreadable("Reading this takes too much memory, or the file is broken.")

    def lives(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def rest(self) -> None:
        """Wait for the next task, for a while."""
        _idle.append(self)
        self._ending = asyncio.get_running_loop().call_later(settings.parser_idle_s, self._leave)

    def _leave(self) -> None:
        if self in _idle:
            _idle.remove(self)
            self.kill()

    def kill(self) -> None:
        """End the process, whatever it does."""
        _alive.discard(self)
        self._socket.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        # To give back the memory of a large one takes the kernel a moment.
        threading.Thread(target=self._process.wait, daemon=True).start()


def _too_slow(task: Task) -> Unreadable:
    return Unreadable(f"Reading this would take more than {task.cpu_s_max:g} s.")


_idle: list[_Child] = []
_alive: set[_Child] = set()


@atexit.register
def _kill_all() -> None:
    for child in list(_alive):
        child.kill()
