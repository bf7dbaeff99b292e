"""Brings a database to the present schema, and says how far it is from it."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg

MIGRATIONS = Path(__file__).parent.parent / "migrations"
CONNECT_S_MAX = 5
LOCK = 4_693_000  # any number, as long as every migrator knows it


def upgrade(database_url: str, revision: str = "head") -> None:
    """Apply what is missing. Of two machines that deploy at once, one waits for the other."""
    # Whoever only asks what is missing, as `up` and the API do, need not wait until all this is loaded.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import create_engine, pool, text  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    engine = create_engine(database_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()


def missing(database_url: str) -> list[str]:
    """The sentences of the migrations that this database has not seen; none if it is ahead of this code."""
    # Without the name of its driver, which only SQLAlchemy wants, the address is one that libpq knows.
    with psycopg.connect(database_url.replace("+psycopg", "", 1), connect_timeout=CONNECT_S_MAX) as connection:
        (has_any,) = connection.execute("SELECT to_regclass('alembic_version')").fetchone() or (None,)
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if has_any else None
    return after(row[0] if row else None)


def after(seen: str | None) -> list[str]:
    """The sentences of the migrations after this revision; none if the code does not know it."""
    numbers = [None, *history()]
    return list(history().values())[numbers.index(seen) :] if seen in numbers else []


@cache
def history() -> dict[str, str]:
    """The sentence of each migration by its revision, the oldest first: the history is one line."""
    return dict(_upwards({below: step for below, *step in map(_read, MIGRATIONS.glob("versions/*.py"))}))


def _upwards(above: dict[str | None, list[str]]) -> Iterator[tuple[str, str]]:
    revision = None
    while revision in above:
        revision, sentence = above[revision]
        yield revision, sentence


def _read(file: Path) -> tuple[str | None, str, str]:
    """What a migration stands on, its own revision, and its sentence."""
    source = file.read_text()
    said = dict(re.findall(r'^(revision|down_revision) = "(.+)"$', source, re.MULTILINE))
    return said.get("down_revision"), said["revision"], source.lstrip('"').partition("\n")[0].rstrip('"')
