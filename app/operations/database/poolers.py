"""Poolers before PostgreSQL, such as PgBouncer: found when a process starts, and refused in words.

We keep time limits, the time zone and prepared statements in sessions. A pooler drops what a session is to begin with,
or gives each transaction another session: then statements run without limits, or are not known where they come.
"""

import psycopg

from app.operations.database.migrate import CONNECT_S_MAX, plain_url
from app.operations.processes.process import CannotStart
from app.postgres.connection import options
from app.settings import settings

REMEDY = (
    "Set {variable} to the address of PostgreSQL itself: every process keeps a pool of its own, whose size is "
    "FIELDGRAPH_DATABASE_POOL and FIELDGRAPH_READER_CONNECTIONS."
)
_SESSION = "SELECT pg_backend_pid(), (SELECT setting FROM pg_settings WHERE name = 'statement_timeout')"


def refuse() -> None:
    """Raises CannotStart if the database or its replica is reached through a pooler."""
    for variable, url in (("DATABASE_URL", settings.database_url), ("FIELDGRAPH_READER_URL", settings.reader_url)):
        if url and (trouble := trouble_at(url)):
            raise CannotStart(f"{variable} leads to a pooler, such as PgBouncer. {trouble} {remedy(variable)}")


def remedy(variable: str) -> str:
    """What mends it."""
    return REMEDY.format(variable=variable)


def trouble_at(url: str) -> str | None:
    """What the pooler at an address does to our sessions; None if there is none, or nobody answers."""
    try:
        connection = psycopg.connect(
            plain_url(url), connect_timeout=CONNECT_S_MAX, options=options(settings.statement_s_max), autocommit=True
        )
    except psycopg.OperationalError as error:
        # The words of PgBouncer, which are not translated.
        return "It refuses the time limits of our sessions." if "startup parameter" in str(error) else None
    with connection:
        process, limit_ms = connection.execute(_SESSION).fetchone() or (None, None)
        if limit_ms != str(int(settings.statement_s_max * 1_000)):
            return "It drops the time limits of our sessions."
        # PostgreSQL tells each client the process that serves it; a pooler tells a number of its own.
        return (
            None if process == connection.info.backend_pid else "It lends our sessions to others between transactions."
        )
