"""The row of this worker, as long as it lives."""

import asyncio
import os
import shutil
import socket
from asyncio.subprocess import DEVNULL, PIPE
from functools import lru_cache
from pathlib import Path

from app.database import Database
from app.security import child_environment
from app.services.automl import servers
from app.services.automl.servers import Abilities
from jobs.schedule import by_the_clock

SERVER_NAME = f"{socket.gethostname()}:{os.getpid()}"
GPUS_S_MAX = 10.0
GPU_MEMORY = ("--query-gpu=memory.total", "--format=csv,noheader,nounits")
MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
_gpus: list[tuple[int, ...]] = []


async def beat(database: Database) -> None:
    """Says that this worker lives, and what it can do; forgets those that are gone."""
    if not _gpus:
        _gpus.append(await _gpu_bytes())
    abilities = Abilities(len(os.sched_getaffinity(0)), _memory_bytes(), _gpus[0])
    async with database.writing() as session:
        await servers.beat(session, SERVER_NAME, abilities)


by_the_clock("servers", beat)


@lru_cache(maxsize=1)
def _memory_bytes() -> int:
    """What the machine has, or what its container may have of it."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(there, int(MEMORY_LIMIT.read_text()))
    except (OSError, ValueError):  # no limit, or none of this kind
        return there


async def _gpu_bytes() -> tuple[int, ...]:
    """The memory of each GPU, as the driver's tool tells; none without it."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    process = await asyncio.create_subprocess_exec(
        tool, *GPU_MEMORY, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, env=child_environment.variables()
    )
    try:
        listed, _ = await asyncio.wait_for(process.communicate(), GPUS_S_MAX)
    except TimeoutError:
        process.kill()
        await process.wait()
        return ()
    return tuple(int(line) * 1024 * 1024 for line in listed.decode().split() if line.isdigit())
