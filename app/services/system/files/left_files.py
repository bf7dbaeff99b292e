"""Files whose row was never written, or is gone: a worker died between storing and its commit, or a row took no leave.

Each domain says which column names the files of a folder. What is old and named by no row is deleted.
"""

from collections import defaultdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from app.database import Database, ReadSession
from app.gateways import storage
from app.settings import settings

Column = InstrumentedAttribute[Any]
NAMES: defaultdict[str, list[Column]] = defaultdict(list)


def named_by(folder: str, column: Column) -> None:
    """Registers a column that holds the keys of files in a folder."""
    NAMES[folder].append(column)


async def prune_left_files(database: Database) -> int:
    """Deletes old files that no row names; new ones are left alone, since a row may be about to name them."""
    deleted = 0
    for folder, columns in NAMES.items():
        async for keys in storage.old(folder, age_s=settings.uploads_kept_hours * 3_600):
            async with database.reading() as session:
                named = await _named(session, columns, keys)
            left = [key for key in keys if key not in named]
            await storage.delete_all(left)
            deleted += len(left)
    return deleted


async def _named(session: ReadSession, columns: list[Column], keys: list[str]) -> set[str]:
    named: set[str] = set()
    for column in columns:
        named |= set(await session.scalars(select(column).where(column.in_(keys))))
    return named
