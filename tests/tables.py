"""All tables of a database at once: emptied, copied aside and filled again, summed up, searched.

Functions in the database do it, since they keep the plans of their statements: to parse and plan one for each of 120
tables takes several times as long as to run it.
"""

from itertools import count

import psycopg

from app.models.base import Base

KEPT = ("spatial_ref_sys", "alembic_version", "event_epochs")
"""What is there in an empty database."""


class Tables:
    """The tables of the database that a connection, as its owner and past foreign keys and triggers, leads to."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._copies = count()
        self._names = [
            name
            for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            if name not in KEPT
        ]
        self._declare("sweep()", "void VOLATILE", [f"DELETE FROM {name};" for name in self._names])
        self._declare(
            "digests(OUT name text, OUT digest text)",
            "SETOF record STABLE",
            [
                f"name := '{table}'; digest := (SELECT md5(string_agg(each::text, ' ' ORDER BY each::text)) "
                f"FROM {table} AS each); RETURN NEXT;"
                for table in Base.metadata.tables
            ],
        )
        self._declare(
            "find(pattern text)",
            "SETOF text STABLE",
            [
                f"IF EXISTS (SELECT FROM {table} AS each WHERE each::text ~ pattern) THEN "
                f"RETURN NEXT '{table}'; END IF;"
                for table in Base.metadata.tables
            ],
        )

    def _declare(self, signature: str, returned: str, statements: list[str]) -> None:
        body = f"BEGIN {' '.join(statements)} END"
        self._connection.execute(
            f"CREATE FUNCTION pg_temp.{signature} RETURNS {returned} LANGUAGE plpgsql AS $${body}$$"
        )

    def empty(self) -> None:
        """Deletes every row."""
        self._connection.execute("SELECT pg_temp.sweep()")

    def copy(self) -> str:
        """Copies every row aside; gives the name of the copy."""
        copy, put_back = f"copy_{next(self._copies)}", []
        for name in self._names:
            if not self._connection.execute(f"SELECT FROM {name} LIMIT 1").fetchall():
                continue
            columns = ", ".join(self._columns(name))
            self._connection.execute(f"CREATE TEMPORARY TABLE {copy}_{name} AS SELECT {columns} FROM {name}")
            put_back.append(
                f"INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {copy}_{name};"
            )
        self._declare(f"{copy}()", "void VOLATILE", put_back)
        return copy

    def put_back(self, copy: str) -> None:
        """Fills empty tables with the rows of a copy."""
        self._connection.execute(f"SELECT pg_temp.{copy}()")

    def _columns(self, table: str) -> list[str]:
        """The columns that are written, each as SQL has its name."""
        written = "attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
        names = self._connection.execute(f"SELECT quote_ident(attname) FROM pg_attribute WHERE {written}", [table])
        return [name for (name,) in names.fetchall()]

    def digests(self) -> dict[str, str | None]:
        """A digest of the rows of every table and view; None of one without rows."""
        return dict(self._connection.execute("SELECT * FROM pg_temp.digests()").fetchall())

    def find(self, pattern: str) -> list[str]:
        """The tables with a row whose text matches a regular expression."""
        return [name for (name,) in self._connection.execute("SELECT pg_temp.find(%s)", [pattern])]

    def written_to(self) -> str:
        """Where the log of the database stands: as long as it stays there, nothing is written."""
        [(position,)] = self._connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchall()
        return str(position)
