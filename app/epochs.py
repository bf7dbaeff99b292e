"""Which order of events a database is in.

Events are ordered by the transaction numbers of one server. Restored from a dump, replicated, upgraded or recovered to
an earlier time, a database goes on with other numbers: cursors from before would tell old things as new, or skip new
ones. So every cursor names its epoch, and a database that finds itself elsewhere begins another one.

It knows by a row that certifies itself. It names the server (system identifier and timeline) and the database, and the
transaction that wrote it: PostgreSQL keeps that number in `xmin`, and a row that was loaded from elsewhere has another
there. What copies files keeps the number, but comes with another server, timeline or database.
"""

import asyncio
import secrets

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

log = structlog.get_logger()
BATCH = 5_000
PAUSE_S = 0.01

_HERE = """concat_ws('/',
    (SELECT system_identifier FROM pg_control_system()),
    left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
    (SELECT oid FROM pg_database WHERE datname = current_database()))"""
_PRESENT = text(f"""
SELECT epoch FROM event_epochs WHERE server = {_HERE} AND xmin::text::bigint = xid % 4294967296
""")  # noqa: S608 -- of our own words
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('event epoch', 0))")
_LAST = text("""
SELECT coalesce(max(id), 0) FROM events WHERE EXISTS (SELECT FROM event_epochs)
    OR xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
""")
_FORGET = text("""
DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id <= :last ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED)
""")
_BEGIN = text(f"""
INSERT INTO event_epochs (id, epoch, server, xid) VALUES (1, :epoch, {_HERE}, pg_current_xact_id()::text::bigint)
ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, server = excluded.server, xid = excluded.xid, begun_at = now()
""")  # noqa: S608 -- of our own words


async def present(connection: AsyncConnection) -> int | None:
    """The epoch this database is in; None if another has to begin, or the first."""
    epoch: int | None = await connection.scalar(_PRESENT)
    return epoch


async def establish(engine: AsyncEngine) -> int:
    """The epoch this database is in, from now on if it found itself elsewhere than before.

    The events of the epoch before go: nobody has a cursor for them any more, and their numbers may be yet to come.
    """
    async with engine.connect() as connection:
        epoch = await present(connection)
    if epoch is not None:
        return epoch
    await _forget(engine)
    async with engine.begin() as connection:
        await connection.execute(_ALONE)
        if (epoch := await present(connection)) is not None:
            return epoch
        epoch = secrets.randbits(31)
        await connection.execute(_BEGIN, {"epoch": epoch})
    log.info("an epoch of events begins", epoch=epoch)
    return epoch


async def _forget(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        last = await connection.scalar(_LAST)
    while last:
        async with engine.begin() as connection:
            if (await connection.execute(_FORGET, {"last": last, "batch": BATCH})).rowcount < BATCH:
                return
        await asyncio.sleep(PAUSE_S)
