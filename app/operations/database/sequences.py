"""Sequences that stand behind their tables, as after logical replication, which does not carry them."""

import psycopg
from psycopg import sql

from app.operations.database.migrate import plain_url

_SERIAL = """
SELECT table_name, column_name, pg_get_serial_sequence(quote_ident(table_name), column_name) AS sequence
FROM information_schema.columns WHERE table_schema = 'public'
AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL
"""
_STANDS = "SELECT max({column}), (SELECT last_value - (NOT is_called)::int FROM {sequence}) FROM {table}"


def behind(connection: psycopg.Connection) -> list[str]:
    """The tables whose next row would get a number that is taken."""
    return [table for table, *_ in _behind(connection)]


def mend(database_url: str) -> list[str]:
    """Puts right what `behind` finds; answers with the tables."""
    with psycopg.connect(plain_url(database_url)) as connection:
        return put_right(connection)


def put_right(connection: psycopg.Connection) -> list[str]:
    """Puts such sequences past the last row of their tables; answers with the tables."""
    sequences = _behind(connection)
    for _, sequence, last in sequences:
        connection.execute("SELECT setval(%s::regclass, %s)", [sequence, last])
    return [table for table, *_ in sequences]


def _behind(connection: psycopg.Connection) -> list[tuple[str, str, int]]:
    sequences = []
    for table, column, sequence in connection.execute(_SERIAL).fetchall():
        names = {"column": sql.Identifier(column), "table": sql.Identifier(table), "sequence": sql.SQL(sequence)}
        row = connection.execute(sql.SQL(_STANDS).format(**names)).fetchone()
        if row and row[0] is not None and row[0] > row[1]:
            sequences.append((table, sequence, row[0]))
    return sequences
