"""Heavy work in a process of its own, which can be limited and killed without hurting the worker."""

import asyncio
import resource
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import structlog

from app.errors import DomainError, Unavailable
from app.gateways.outside import Outage
from app.security import child_environment
from app.settings import NUMBERS, settings
from jobs.run import JobRun

log = structlog.get_logger()
ENGINE = (sys.executable, "-m", "app.learning")
LEAVE_S = 10.0
# What the engine is sent, and how it ends if there is nothing to keep.
KEEP, NOTHING_KEPT = b"k", 3
LINE_BYTES_MAX = 1024 * 1024
# Variables of its libraries: where they keep things, and what they compute on.
LIBRARIES = ("CUDA_", "JAX_", "MPLCONFIGDIR", "NVIDIA_", "OMP_", "OPENBLAS_", "TORCH_", "XLA_", "YOLO_")
# glibc asks for huge pages under its arrays: a training of the pretrained network takes a tenth less processor time.
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}

Message = dict[str, Any]


class EngineDied(Outage):
    """The engine was killed, or broke, without a word: nobody knows yet whose fault that is."""

    def __init__(self) -> None:
        super().__init__("The learning engine", "stopped unexpectedly; it may have run out of memory", heals=True)


class EngineFailure(DomainError):
    """The engine could not do it, in its own words for a person."""

    code = Unavailable.code


async def run_engine(
    run: JobRun,
    folder: Path,
    on_message: Callable[[Message], Awaitable[None]],
    *,
    s_max: float,
    stopping: Callable[[], Awaitable[None]] | None = None,
) -> dict[str, Any]:
    """Runs the engine on a folder and answers with its result; `on_message` gets its messages on the way.

    When `stopping` returns, the engine is asked to end now and to keep what it has. Nothing to keep is a cancellation.
    """
    with (folder / "stderr.txt").open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *ENGINE,
            str(folder),
            stdin=PIPE,
            stdout=PIPE,
            stderr=stderr,
            limit=LINE_BYTES_MAX,
            env=_environment(),
        )
    if sys.platform == "linux":
        with suppress(ProcessLookupError):  # it may have ended already
            resource.prlimit(process.pid, resource.RLIMIT_DATA, (settings.training_memory_bytes_max,) * 2)
    asker = None if stopping is None else asyncio.create_task(_ask_to_end(process, stopping))
    try:
        async with asyncio.timeout(s_max):
            final = await _listen(process, on_message)
    except TimeoutError:
        raise EngineFailure(f"It took longer than the limit of {s_max / 3600:g} hours.") from None
    finally:
        is_asked = asker is not None and asker.done() and not asker.cancelled()
        if asker is not None:
            asker.cancel()
            await asyncio.gather(asker, return_exceptions=True)
        await _end(process)
    if is_asked and process.returncode == NOTHING_KEPT:
        run.is_cancelled = True
    return _result(run, process, final, folder)


async def _ask_to_end(process: Process, stopping: Callable[[], Awaitable[None]]) -> None:
    """Tells the engine to keep what it has, once somebody wants it to stop."""
    await stopping()
    assert process.stdin is not None
    with suppress(ConnectionError):  # it has ended already
        process.stdin.write(KEEP)
        await process.stdin.drain()


def _environment() -> dict[str, str]:
    """What the engine knows of us: limits, and where it keeps what it compiles."""
    limits = {f"FIELDGRAPH_{name.upper()}": f"{getattr(settings, name)}" for name in NUMBERS}
    return (
        child_environment.variables("HOME", prefixes=LIBRARIES)
        | limits
        | HUGE_PAGES
        | {"FIELDGRAPH_HOME": str(settings.home.resolve())}
    )


async def _listen(process: Process, on_message: Callable[[Message], Awaitable[None]]) -> Message:
    """Reads the engine to its end; its last message has a result or a failure."""
    assert process.stdout is not None
    final: Message = {}
    async for line in process.stdout:
        message: Message = orjson.loads(line)
        if "result" in message or "failure" in message:
            final = message
        else:
            await on_message(message)
    return final


async def _end(process: Process) -> None:
    """Closes its standard input, by which it knows that nobody waits any more; kills it if it stays."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), LEAVE_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _result(run: JobRun, process: Process, final: Message, folder: Path) -> dict[str, Any]:
    run.go_on()
    if "failure" in final:
        raise EngineFailure(str(final["failure"]))
    if process.returncode or "result" not in final:
        tail = (folder / "stderr.txt").read_text(errors="replace")[-4_000:]
        log.error("engine failed", code=process.returncode, stderr=tail)
        raise EngineDied
    result: dict[str, Any] = final["result"]
    return result
