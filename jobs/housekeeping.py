"""What is done now and then so that nothing heaps up: by one worker at a time, each deed apart from the others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import structlog
from sqlalchemy import func, select

from app.database import Database
from app.services.accounts.users import data_exports, profiles
from app.services.mapping.trainings import retention
from app.services.social.posts import pictures
from app.services.system import pruning, uploads
from app.services.system.jobs import unknown
from app.settings import settings
from jobs.folders import remove_left_folders

log = structlog.get_logger()
LOCK = "housekeeping"

Deed = Callable[[Database], Awaitable[object]]


async def _discard_old_files(database: Database) -> None:
    async with database.writing() as session:
        await retention.discard_old_files(session)


async def _prune_uploads(_database: Database) -> None:
    await uploads.prune_uploads()


async def _tell_of_unknown_jobs(database: Database) -> None:
    async with database.reading() as session:
        if count := await unknown(session):
            log.warning("jobs of a kind only another version knows are waiting", jobs=count)


DEEDS: dict[str, Deed] = {
    **{name: partial(pruning.prune, name=name) for name in pruning.KINDS},
    "files of old trainings": _discard_old_files,
    "checkpoints": retention.prune_resuming,
    "uploads": _prune_uploads,
    "avatars": profiles.prune_avatars,
    "pictures": pictures.prune_pictures,
    "archives": data_exports.remove_old_exports,
    "unknown jobs": _tell_of_unknown_jobs,
}


async def keep_house(database: Database) -> None:
    """Does every deed once; one that fails or takes too long does not keep the others from being done."""
    await asyncio.to_thread(remove_left_folders)  # those of this machine, so by every worker
    async with _alone(database) as is_alone:
        for name, deed in DEEDS.items() if is_alone else ():
            try:
                async with asyncio.timeout(settings.housekeeping_s_max):
                    done = await deed(database)
            except TimeoutError:
                log.warning("housekeeping continues in the next run", deed=name)
            except Exception:
                log.exception("housekeeping failed", deed=name)
            else:
                log.info("housekeeping done", deed=name, **({"rows": done} if done else {}))


@asynccontextmanager
async def _alone(database: Database) -> AsyncIterator[bool]:
    """Whether no other worker is at it, until the block ends. The lock is the connection's and goes with it."""
    key = func.hashtextextended(LOCK, 0)
    async with database.engine.connect() as connection:
        # Without a transaction: an idle one would be ended, and hold back the readers of events.
        held = await connection.execution_options(isolation_level="AUTOCOMMIT")
        is_alone = bool(await held.scalar(select(func.pg_try_advisory_lock(key))))
        try:
            yield is_alone
        finally:
            if is_alone:
                await held.execute(select(func.pg_advisory_unlock(key)))
