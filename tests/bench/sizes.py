"""Bytes of a row of each table that grows, with its part of the indexes: `python -m tests.bench.sizes`."""

from pathlib import Path

from rich.console import Console

from tests.bench.ledger import ACCOUNTS, FILL, PEOPLE
from tests.bench.world import filled

HERE = Path(__file__).parent
ENTRIES = 50_000
ROWS_MIN = 10_000
SIZES = """
SELECT relname, reltuples::bigint, pg_table_size(oid) / reltuples, pg_indexes_size(oid) / reltuples
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples >= %s ORDER BY relname
"""


def main() -> None:
    """Fills the tables and prints what a row takes."""
    console = Console()
    with filled(HERE / "rows.sql") as servers, servers.connect() as connection:
        for statement in _statements((HERE / "sizes.sql").read_text()):
            connection.execute(statement)
        connection.execute(ACCOUNTS)
        connection.execute(FILL.format(operations=ENTRIES // 2, people=PEOPLE))
        connection.execute("VACUUM ANALYZE")
        for name, rows, table, indexes in connection.execute(SIZES, [ROWS_MIN]):
            if name != "spatial_ref_sys":
                console.print(
                    f"{name:24}{rows:>8} rows{table:>8.0f} B{indexes:>8.0f} B of indexes{table + indexes:>8.0f} B"
                )


def _statements(script: str) -> list[str]:
    """Each alone: VACUUM runs in no transaction."""
    return [statement for statement in script.split(";\n") if statement.strip()]


if __name__ == "__main__":
    main()
