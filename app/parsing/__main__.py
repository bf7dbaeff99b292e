"""The child process: `python -m app.parsing` calls one parser after the other until its standard input ends.

Limits are set anew for each call, above what the process holds already. Memory is limited by `RLIMIT_AS`, so that an
allocation fails instead of bringing the kernel's killer; time by `RLIMIT_CPU` and an alarm, whose signals end the
process wherever it is, in the middle of a C library, too.
"""

import ctypes
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from app.errors import Invalid, Unreadable
from app.parsing.messages import LENGTH, Task, TaskResult, packed, unpacked
from app.settings import settings
from app.settings.units import MIB

PR_SET_PDEATHSIG = 1
# A child that holds so much more after a call than before it is replaced.
KEPT_BYTES_MAX = 64 * MIB
IS_LINUX = sys.platform == "linux"


def main() -> None:
    """Serve until the parent closes its end."""
    tasks, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # The pipe is for the protocol alone: what libraries print goes where errors go.
    os.dup2(2, 1)
    # Ctrl-C in a terminal reaches the whole group; the parent decides what becomes of its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if IS_LINUX:
        _end_with_parent()
    while (task := _next(tasks)) is not None:
        reply = _reply(task)
        replies.write(reply)
        replies.flush()


def _end_with_parent() -> None:
    """Be killed when the parent dies in whatever way, and before everybody else when memory runs out."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _next(tasks: IO[bytes]) -> Task | None:
    length = tasks.read(LENGTH.size)
    if len(length) < LENGTH.size:
        return None
    return Task(*unpacked(tasks.read(*LENGTH.unpack(length))))


def _reply(task: Task) -> bytes:
    """The answer to a task, packed: packing may take too much memory, too."""
    for name, value in task.settings.items():
        if hasattr(settings, name):  # the parent may be older than the code that is installed by now
            setattr(settings, name, value)
    # Imported before the limits: what a parser needs by itself is not its input's fault.
    parser: Callable[..., Any] = getattr(import_module(task.module), task.name)
    held, began_s = _held_bytes(), time.process_time()
    _limit(task, held)
    try:
        reply = _called(parser, task.arguments)
        is_last = reply.is_last or _held_bytes() > held + KEPT_BYTES_MAX
        return packed(reply._replace(is_last=is_last, cpu_s=time.process_time() - began_s))
    except MemoryError:
        return packed(TaskResult("memory", [], is_last=True, cpu_s=time.process_time() - began_s))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _called(parser: Callable[..., Any], arguments: list[Any]) -> TaskResult:
    try:
        return TaskResult("result", [parser(*arguments)], is_last=False)
    except Invalid as invalid:
        return TaskResult("invalid", [invalid.field, invalid.message], is_last=False)
    except Unreadable as unreadable:
        return TaskResult("unreadable", [str(unreadable)], is_last=False)
    except MemoryError:
        raise
    except RecursionError:
        return TaskResult("unreadable", ["This is nested too deeply."], is_last=False)
    except Exception:  # noqa: BLE001 -- whatever a parser stumbles over, its parent gets it
        return TaskResult("broken", [traceback.format_exc(limit=-8)], is_last=True)


def _limit(task: Task, held: int) -> None:
    if IS_LINUX:
        _set_soft(resource.RLIMIT_AS, held + task.memory_bytes_max)
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set_soft(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + task.cpu_s_max) + 1)
    # Nobody handles SIGALRM: it ends the process.
    signal.setitimer(signal.ITIMER_REAL, task.wall_s_max)


def _set_soft(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _held_bytes() -> int:
    """The address space in use."""
    if not IS_LINUX:
        return 0
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    main()
