"""Two roles of the database: the owner migrates; the API and the workers read and write rows, and nothing more.

`FIELDGRAPH_OWNER_DATABASE_URL` is the owner's, `DATABASE_URL` the other's. What the other may do follows from the
tables: those that declare `APPEND_ONLY` are added to, and no row of them is changed or removed.
"""

import psycopg
from psycopg import sql

from app.models.base import append_only, views
from app.operations.database.migrate import LOCK, plain_url
from app.settings import settings

RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
READ_ONLY = ("alembic_version", "spatial_ref_sys")
# What only the owner of a table may do, and the API and the workers need: functions that run as the owner.
FUNCTIONS = ("public.refresh_feature_statistics()", "public.await_postings(bigint, text)")
_TABLES = """
SELECT relname FROM pg_class AS class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = class.oid AND classid = 'pg_class'::regclass AND deptype = 'e')
ORDER BY relname
"""
_SEQUENCES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'"
_MAY_USE = "SELECT has_sequence_privilege(%s, 'USAGE')"
_MAY_EXECUTE = "SELECT has_function_privilege(%s, 'EXECUTE')"
_AM_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
_WHO = "SELECT current_user"
_POWERS = """
SELECT rolsuper, rolcreaterole OR rolcreatedb, has_schema_privilege('public', 'CREATE'),
    EXISTS (SELECT FROM pg_class WHERE relnamespace IN ('public'::regnamespace, to_regnamespace('audit'))
        AND relkind IN ('r', 'p') AND pg_has_role(relowner, 'MEMBER'))
FROM pg_roles WHERE rolname = current_user
"""


def owner_url() -> str:
    """Whose database it is for whoever migrates or restores: the owner's, if there is another role for the rest."""
    return settings.owner_database_url or str(settings.database_url)


def grant(owner: str, other: str) -> None:
    """Give the role of one address what it needs in the database of the other, and take from it what it does not."""
    with psycopg.connect(plain_url(other)) as connection:
        [role] = connection.execute(_WHO).fetchone() or ("",)
    with psycopg.connect(plain_url(owner)) as connection:
        if connection.execute(_WHO).fetchone() == (role,):
            return
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        for statement in _statements(connection):
            connection.execute(sql.SQL(statement).format(role=sql.Identifier(role), database=_database(connection)))


def _database(connection: psycopg.Connection) -> sql.Identifier:
    return sql.Identifier(connection.info.dbname)


def _statements(connection: psycopg.Connection) -> list[str]:
    statements = [
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role}",
        "GRANT USAGE ON SCHEMA public, audit, machine_line_partitions TO {role}",
        "GRANT TEMPORARY ON DATABASE {database} TO {role}",
        # The API asks partitions through their table; a backup reads them one by one.
        "GRANT SELECT ON ALL TABLES IN SCHEMA audit, machine_line_partitions TO {role}",
    ]
    if connection.execute(_AM_SUPERUSER).fetchone() == (True,):
        # Whose transaction holds events back is seen by those alone who may see the sessions of others.
        statements.append("GRANT pg_read_all_stats TO {role}")
    for (table,) in connection.execute(_TABLES).fetchall():
        statements += [
            f'REVOKE ALL ON public."{table}" FROM {{role}}',
            f'GRANT {", ".join(rights_on(table))} ON public."{table}" TO {{role}}',
        ]
    statements += [f"GRANT EXECUTE ON FUNCTION {function} TO {{role}}" for function in FUNCTIONS]
    for (sequence,) in connection.execute(_SEQUENCES).fetchall():
        statements.append(f'GRANT SELECT, USAGE ON SEQUENCE public."{sequence}" TO {{role}}')
    return statements


def rights_on(table: str) -> tuple[str, ...]:
    """What the API and the workers may do with the rows of a table."""
    if table in READ_ONLY or table in views():
        return RIGHTS[:1]
    return RIGHTS[:2] if table in append_only() else RIGHTS


def excess(connection: psycopg.Connection) -> str | None:
    """What the role of a connection may do that the API must not; None if it is as it should be."""
    is_super, may_make, may_create, owns = connection.execute(_POWERS).fetchone() or (False,) * 4
    if is_super:
        return "is a superuser"
    if owns:
        return "owns the tables"
    if may_make or may_create:
        return "may create tables, roles or databases"
    for table in append_only():
        for right in ("UPDATE", "DELETE", "TRUNCATE"):
            if connection.execute("SELECT has_table_privilege(%s, %s)", [f"public.{table}", right]).fetchone() == (
                True,
            ):
                return f"may {right} what can only be added to: {table}"
    return None


def lacking(connection: psycopg.Connection) -> str | None:
    """What the role of a connection may not do that the API has to; None if it may do all of it."""
    for (table,) in connection.execute(_TABLES).fetchall():
        for right in rights_on(table):
            if not _may(connection, right, table):
                return f"may not {right} {table}"
    for (sequence,) in connection.execute(_SEQUENCES).fetchall():
        if connection.execute(_MAY_USE, [f'public."{sequence}"']).fetchone() != (True,):
            return f"may not USE {sequence}"
    for function in FUNCTIONS:
        if connection.execute(_MAY_EXECUTE, [function]).fetchone() != (True,):
            return f"may not EXECUTE {function}"
    return None


def _may(connection: psycopg.Connection, right: str, table: str) -> bool:
    answer = connection.execute("SELECT has_table_privilege(%s, %s)", [f'public."{table}"', right])
    return answer.fetchone() == (True,)
