"""The epoch of the event order: the period in which positions are comparable.

Events are ordered by the transaction numbers of one server. After a restore from a dump, replication, an upgrade or a
recovery to an earlier time, a database continues with other numbers: cursors from before would repeat old events or
skip new ones. So every cursor names its epoch, and a database that finds itself elsewhere begins another one.

A row that certifies itself shows this. It names the server (system identifier and timeline), the database, and the
transaction that wrote it. PostgreSQL keeps that number in `xmin`: a row that was loaded from elsewhere has another one
there. A copy of the files keeps the number, but has another server, timeline or database.
"""

import asyncio
import secrets

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

log = structlog.get_logger()
BATCH = 5_000
PAUSE_S = 0.01

_SERVER = """concat_ws('/',
    (SELECT system_identifier FROM pg_control_system()),
    left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
    (SELECT oid FROM pg_database WHERE datname = current_database()))"""
_CURRENT = text(f"""
SELECT epoch FROM event_epochs WHERE server = {_SERVER} AND xmin::text::bigint = xid % 4294967296
""")  # noqa: S608 -- constants only
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('event epoch', 0))")
_LAST = text("""
SELECT coalesce(max(id), 0) FROM events WHERE EXISTS (SELECT FROM event_epochs)
    OR xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
""")
_DELETE = text("""
DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id <= :last ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED)
""")
_BEGIN = text(f"""
INSERT INTO event_epochs (id, epoch, server, xid) VALUES (1, :epoch, {_SERVER}, pg_current_xact_id()::text::bigint)
ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, server = excluded.server, xid = excluded.xid, begun_at = now()
""")  # noqa: S608 -- constants only


async def current(connection: AsyncConnection) -> int | None:
    """The current epoch of this database; None if a new one must begin."""
    epoch: int | None = await connection.scalar(_CURRENT)
    return epoch


async def establish(engine: AsyncEngine) -> int:
    """The current epoch of this database; begins one if the database was restored, moved or upgraded.

    The events of the previous epoch are deleted: their cursors are outdated, and their numbers may come again.
    """
    async with engine.connect() as connection:
        epoch = await current(connection)
    if epoch is not None:
        return epoch
    await _delete_old(engine)
    async with engine.begin() as connection:
        await connection.execute(_LOCK)
        if (epoch := await current(connection)) is not None:
            return epoch
        epoch = secrets.randbits(31)
        await connection.execute(_BEGIN, {"epoch": epoch})
    log.info("event epoch began", epoch=epoch)
    return epoch


async def _delete_old(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        last = await connection.scalar(_LAST)
    while last:
        async with engine.begin() as connection:
            if (await connection.execute(_DELETE, {"last": last, "batch": BATCH})).rowcount < BATCH:
                return
        await asyncio.sleep(PAUSE_S)
