"""Putting right, at the command line, what the database counts by itself."""

import asyncio

from app.database import Database
from app.errors import DomainError
from app.operations import stored_bytes
from app.operations.processes.process import CannotStart
from app.services.social import counters
from app.settings import settings


def repair() -> None:
    """Says what was wrong, a line each, and what it is now."""
    try:
        count = asyncio.run(_repair())
    except DomainError as error:
        raise CannotStart(f"{error.message} Repairs made so far are kept. Run it again.") from None
    for wrong in stored_bytes.repair():
        count += 1
        print(f"storage_usage {wrong.user_id}: used_bytes was {wrong.was}, is {wrong.is_now}")
    print(f"{count} repaired." if count else "All counters are correct.")


async def _repair() -> int:
    database, count = Database(str(settings.database_url), str(settings.redis_url)), 0
    try:
        async for wrong in counters.repair_counters(database):
            count += 1
            print(f"{wrong.table} {wrong.id}: {wrong.column} was {wrong.was}, is {wrong.is_now}")
    finally:
        await database.close()
    return count
