"""The watermark: up to which transaction all events of this database can be read, and who holds it back.

PostgreSQL's own answer, `pg_snapshot_xmin`, waits for the oldest writer of the whole server, in any database. A writer
of another database cannot write events here, so it can be left out where it is certain that it is one:

The snapshot S of a statement is taken before PostgreSQL reads the list of sessions for that statement. For each session
it copies the entry, which names the database, and then reads the transaction in the same slot of its process array. If
that transaction X is in S, it had begun when S was taken and has not ended when it is read. A session keeps its slot
and its database for life, so the same session was in this slot when the entry was copied: the database is that of X.
Transactions without such an entry count as ours: their session just ended, has no database, or may not be seen. The
list is cached for a transaction, so these statements must be the first of theirs.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

# Subtransactions are not in the snapshot, and a row names its top transaction. A transaction that was prepared for a
# two-phase commit has no session; those have a list of their own.
_OTHER_DATABASES = """
    SELECT session.backend_xid FROM pg_stat_get_activity(NULL) AS session WHERE session.backend_xid IS NOT NULL
    AND session.datid <> (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT transaction FROM pg_prepared_xacts WHERE database <> current_database()
"""
OLDEST_OPEN = f"""(
    SELECT coalesce(min(open.xid::text::bigint), pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
    FROM pg_snapshot_xip(pg_current_snapshot()) AS open(xid)
    WHERE open.xid::xid NOT IN ({_OTHER_DATABASES})
)"""  # noqa: S608 -- constants only
NOT_BEGUN = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"

_HOLDER = text(f"""
SELECT session.pid, database.datname, session.usename, session.application_name, session.state,
       extract(epoch FROM clock_timestamp() - session.xact_start)
FROM pg_stat_activity AS session LEFT JOIN pg_database AS database ON database.oid = session.datid
WHERE session.backend_xid::text = (SELECT (({OLDEST_OPEN}) % 4294967296)::text)
""")  # noqa: S608 -- constants only


_LAG_S = text(f"""
SELECT extract(epoch FROM clock_timestamp() - min(created_at)) FROM events WHERE xid >= {OLDEST_OPEN}
""")  # noqa: S608 -- constants only


@dataclass(frozen=True)
class Holder:
    """The transaction that readers of events wait for. None stands for what the server does not show."""

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
    """The age of the oldest event that cannot be read yet."""
    return float(await connection.scalar(_LAG_S) or 0.0)


async def holder(connection: AsyncConnection | AsyncSession) -> Holder | None:
    """The session whose transaction holds back the readers of events, if there is one."""
    row = (await connection.execute(_HOLDER)).one_or_none()
    return None if row is None else Holder(*row)
