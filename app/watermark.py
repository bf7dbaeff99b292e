"""Up to which transaction everything that happened in this database can be read, and who holds that up.

A snapshot's own answer, `pg_snapshot_xmin`, waits for the oldest writer of the whole server, whatever its database. No
writer of another database can write events here, so those may be left out, where it is certain that they are such:

The snapshot S of a statement is taken before PostgreSQL reads the list of sessions for that statement. For each session
it copies the entry, which names the database, and then reads the transaction of the same place in its process array. If
that transaction X is in S, it had begun when S was taken, and has not ended when it is read. A session keeps its place
and its database for life, so the same session was at this place all the while, also when the entry was copied between:
the database is that of X. Whatever is not found is taken for one of ours: sessions that just ended, that have no
database, that may not be seen. The list is kept for a transaction: these statements must be the first of theirs.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

# Subtransactions are not in the snapshot, and a row names its top transaction. What was prepared for a commit in two
# phases has no session, but a list of its own.
_ABROAD = """
    SELECT session.backend_xid FROM pg_stat_get_activity(NULL) AS session WHERE session.backend_xid IS NOT NULL
    AND session.datid <> (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT transaction FROM pg_prepared_xacts WHERE database <> current_database()
"""
OLDEST_OPEN = f"""(
    SELECT coalesce(min(open.xid::text::bigint), pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
    FROM pg_snapshot_xip(pg_current_snapshot()) AS open(xid)
    WHERE open.xid::xid NOT IN ({_ABROAD})
)"""  # noqa: S608 -- of our own words
NOT_BEGUN = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"

_HOLDER = text(f"""
SELECT session.pid, database.datname, session.usename, session.application_name, session.state,
       extract(epoch FROM clock_timestamp() - session.xact_start)
FROM pg_stat_activity AS session LEFT JOIN pg_database AS database ON database.oid = session.datid
WHERE session.backend_xid::text = (SELECT (({OLDEST_OPEN}) % 4294967296)::text)
""")  # noqa: S608 -- of our own words


_LAG_S = text(f"""
SELECT extract(epoch FROM clock_timestamp() - min(created_at)) FROM events WHERE xid >= {OLDEST_OPEN}
""")  # noqa: S608 -- of our own words


@dataclass(frozen=True)
class Holder:
    """The transaction that readers of events wait for. What the server does not let us see is None."""

    pid: int
    database: str | None
    user: str | None
    application: str | None
    state: str | None
    open_s: float | None

    def __str__(self) -> str:
        since = "" if self.open_s is None else f", open for {self.open_s:.0f} s"
        who = f"{self.user or 'somebody'} in {self.database or 'no database'}"
        return f"process {self.pid} ({who}, {self.application or 'unnamed'}, {self.state or 'unseen'}{since})"


async def lag_s(connection: AsyncConnection | AsyncSession) -> float:
    """How long the oldest event has been there that nobody may read yet."""
    return float(await connection.scalar(_LAG_S) or 0.0)


async def holder(connection: AsyncConnection | AsyncSession) -> Holder | None:
    """Who holds up the readers of events now, if anybody does and has a session."""
    row = (await connection.execute(_HOLDER)).one_or_none()
    return None if row is None else Holder(*row)
