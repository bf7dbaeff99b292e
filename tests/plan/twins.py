"""The same rows twice, changed alike by the API with plans and by the one without."""

import json
import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from structlog.testing import capture_logs

from app.models.base import Base
from tests.plan.both import Answer, Both, check_log, compare, post

TOKEN = re.compile(r"[\w-]{43}")
# Rows are made with times before and after; in between is when the tests run.
NOW = range(2025, 2200)
# Each with the columns that are written: the others PostgreSQL computes of these.
TABLES = {
    name: ", ".join(f'"{column.name}"' for column in table.columns if column.computed is None)
    for name, table in Base.metadata.tables.items()
}
NUMBERED = [name for name, table in Base.metadata.tables.items() if "id" in table.columns and name in TABLES]

NOTE_CHANGE = """
CREATE TABLE before.changed (name text NOT NULL);
CREATE FUNCTION before.note_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO before.changed VALUES (TG_TABLE_NAME);
    RETURN NULL;
END $$
"""


@dataclass(frozen=True)
class Twins:
    """Both builds, each over a database of its own, and connections past all foreign keys."""

    both: Both
    connections: list[psycopg.Connection]

    def keep(self) -> None:
        """Keeps a copy of every table, and has the API's changes note which tables they touch."""
        copies = [f"CREATE TABLE before.{table} AS SELECT {columns} FROM {table}" for table, columns in TABLES.items()]
        notes = [
            f"CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION before.note_change()"
            for table in TABLES
        ]
        for connection in self.connections:
            connection.execute("; ".join(["SET session_replication_role = replica", "CREATE SCHEMA before", *copies]))
            connection.execute("; ".join([NOTE_CHANGE, *notes]))

    async def change(self, request: dict[str, Any], viewer: str | None) -> Answer:
        """The one answer that both give, over the rows that were kept."""
        for connection in self.connections:
            self._restore(connection)
        with capture_logs() as lines:
            planned = await post(self.both.planned, request, viewer)
            plain = await post(self.both.plain, request, viewer)
        compare(planned, plain, masked)
        check_log(lines)
        return planned

    @staticmethod
    def _restore(connection: psycopg.Connection) -> None:
        """Puts back the tables that were changed. Triggers do not fire here: the session is a replica's."""
        changed = [name for (name,) in connection.execute("SELECT DISTINCT name FROM before.changed")]
        rows = [f"DELETE FROM {table}; INSERT INTO {table} ({TABLES[table]}) TABLE before.{table}" for table in changed]
        keys = [f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 100000)" for table in NUMBERED]
        connection.execute("; ".join(["BEGIN", *rows, "TRUNCATE before.changed", *keys, "COMMIT"]))


def masked(value: Any) -> Any:
    """What cannot be the same twice: tokens, and what time it is."""
    if isinstance(value, dict):
        return {key: masked(each) for key, each in value.items()}
    if isinstance(value, list):
        return [masked(each) for each in value]
    if not isinstance(value, str):
        return value
    if TOKEN.fullmatch(value):
        return "a token"
    return "now" if _is_now(value) else _masked_cursor(value)


def _is_now(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).year in NOW
    except (ValueError, TypeError):
        return False


def _masked_cursor(value: str) -> Any:
    try:
        *place, sorted_by = json.loads(urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    except (ValueError, TypeError):
        return value
    return [*place, "now"] if _is_now(sorted_by) else value
