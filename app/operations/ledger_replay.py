"""`fieldgraph ledger verify`: posts everything anew in an empty database, and compares what comes of it.

The empty database has the present schema with its triggers, so that an entry which should have been refused is refused
now, and each balance is computed by them. Operations come in the order in which they locked their accounts: the time of
their last entry, since an account stays locked from an entry to the end of its transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from secrets import token_hex
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from app.operations.database.migrate import plain_url, upgrade
from app.operations.database.roles import owner_url
from app.operations.processes.process import CannotStart

TOLD_MAX = 20
ACCOUNT_COLUMNS = "id, kind, currency, user_id, stripe"
OPERATION_COLUMNS = (
    "id, uuid, kind, cause, operation_user_id, owner_user_id, reverses_id, reason, count_of_lines, "
    "count_of_training_epoch, subject_type, subject_key, job_key"
)
TURNS = "(SELECT operation_id, max(created_at) AS at FROM ledger_entries GROUP BY operation_id) AS turn"
# ruff: noqa: S608 -- of our own words
COPIES = {
    f"ledger_accounts ({ACCOUNT_COLUMNS})": f"SELECT {ACCOUNT_COLUMNS} FROM ledger_accounts ORDER BY id",
    f"operations ({OPERATION_COLUMNS})": (
        f"SELECT {OPERATION_COLUMNS} FROM operations LEFT JOIN {TURNS} ON operation_id = id ORDER BY turn.at, id"
    ),
    "ledger_entries (operation_id, account_id, change)": (
        f"SELECT operation_id, account_id, change FROM ledger_entries JOIN {TURNS} USING (operation_id) "
        "ORDER BY turn.at, operation_id, account_id"
    ),
}
COMPARED = {
    "account": "SELECT id, balance, entries_count FROM ledger_accounts ORDER BY id",
    "entry": (
        "SELECT account_id, position, operation_id, change, balance, currency, user_id, entry_type "
        "FROM ledger_entries ORDER BY account_id, position"
    ),
}
# Who owns an account is only a number here.
OWNERS = """
SELECT conrelid::regclass::text, conname FROM pg_constraint
WHERE contype = 'f' AND confrelid = 'users'::regclass
AND conrelid IN ('ledger_accounts'::regclass, 'operations'::regclass, 'ledger_entries'::regclass)
"""


@dataclass(frozen=True)
class Replay:
    """What was replayed, and what is not the same, in words."""

    accounts: int
    entries: int
    differences: list[str]


def verify() -> Replay:
    """Replays the ledger of this installation. It reads one snapshot, and changes nothing there."""
    with psycopg.connect(plain_url(owner_url())) as source, _empty_database() as url:
        source.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        source.set_read_only(True)
        with psycopg.connect(plain_url(url)) as target:
            for table, constraint in target.execute(OWNERS).fetchall():
                target.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{constraint}"')
            try:
                _copy(source, target)
            except psycopg.errors.IntegrityError as refused:
                return Replay(0, 0, [f"What was posted is refused: {refused.diag.message_primary}."])
            return _compare(source, target)


@contextmanager
def _empty_database() -> Iterator[str]:
    """The address of a new database with the present schema, which is dropped afterwards."""
    own, name = make_url(owner_url()), f"ledger_replay_{token_hex(6)}"
    with psycopg.connect(plain_url(owner_url()), autocommit=True) as connection:
        try:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege:
            raise CannotStart(
                "The owner of the database may not create another one, which this needs for a moment. "
                "Allow it with: ALTER ROLE … CREATEDB."
            ) from None
        try:
            url = own.set(database=name).render_as_string(hide_password=False)
            _add_extensions(connection, url)
            upgrade(url)
            yield url
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _add_extensions(source: psycopg.Connection, url: str) -> None:
    """Those that are here and that no migration adds."""
    with psycopg.connect(plain_url(url), autocommit=True) as target:
        for (name,) in source.execute("SELECT extname FROM pg_extension").fetchall():
            target.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))


def _copy(source: psycopg.Connection, target: psycopg.Connection) -> None:
    # In one transaction: entries are only added in that of their operation.
    for into, query in COPIES.items():
        with (
            source.cursor().copy(f"COPY ({query}) TO STDOUT") as read,
            target.cursor().copy(f"COPY {into} FROM STDIN") as write,
        ):
            for block in read:
                write.write(block)
    target.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _compare(source: psycopg.Connection, target: psycopg.Connection) -> Replay:
    counts: dict[str, int] = {}
    differences: list[str] = []
    for what, query in COMPARED.items():
        count = 0
        for was, is_now in zip_longest(_rows(source, query), _rows(target, query)):
            count += 1
            if was != is_now and len(differences) < TOLD_MAX:
                differences.append(f"{what}: here {_shown(was)}, replayed {_shown(is_now)}")
        counts[what] = count
    return Replay(counts["account"], counts["entry"], differences)


def _rows(connection: psycopg.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    with connection.cursor("rows") as cursor:
        cursor.execute(query)
        yield from cursor


def _shown(row: tuple[Any, ...] | None) -> str:
    return "nothing" if row is None else " ".join(map(str, row))
