"""Housekeeping: tasks that run now and then, so that nothing piles up. One worker at a time runs them.

Each domain registers its tasks with `housekeeping` in `jobs`. A task that fails does not stop the others.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import structlog
from sqlalchemy import func, select

from app.database import Database
from app.services.system import pruning
from app.settings import settings
from jobs.folders import remove_left_folders

log = structlog.get_logger()
LOCK = "housekeeping"

Task = Callable[[Database], Awaitable[object]]
TASKS: dict[str, Task] = {}


def housekeeping(name: str, task: Task) -> None:
    """Registers a task; the number of rows that it returns is logged, unless it is none."""
    assert name not in TASKS, f"there are two tasks named {name}"
    TASKS[name] = task


pruning.follow(lambda name: housekeeping(name, partial(pruning.prune, name=name)))


async def run_housekeeping(database: Database) -> None:
    """Runs every task once; one that fails or takes too long does not stop the others."""
    await asyncio.to_thread(remove_left_folders)  # this machine's own, so every worker does it
    async with _alone(database) as is_alone:
        for name, task in TASKS.items() if is_alone else ():
            try:
                async with asyncio.timeout(settings.housekeeping_s_max):
                    done = await task(database)
            except TimeoutError:
                log.warning("housekeeping continues in the next run", task=name)
            except Exception:
                log.exception("housekeeping failed", task=name)
            else:
                # Most find nothing to do: two dozen lines that say so would hide what happened.
                if done:
                    log.info("housekeeping done", task=name, rows=done)


@asynccontextmanager
async def _alone(database: Database) -> AsyncIterator[bool]:
    """Whether no other worker does it, until the block ends. The lock belongs to the connection and ends with it."""
    key = func.hashtextextended(LOCK, 0)
    async with database.engine.connect() as connection:
        # Without a transaction: an idle one would be ended, and would hold back the readers of events.
        held = await connection.execution_options(isolation_level="AUTOCOMMIT")
        is_alone = bool(await held.scalar(select(func.pg_try_advisory_lock(key))))
        try:
            yield is_alone
        finally:
            if is_alone:
                await held.execute(select(func.pg_advisory_unlock(key)))
