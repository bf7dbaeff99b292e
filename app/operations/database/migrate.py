"""Brings a database to the present schema, and says how far it is from it."""

import re
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import psycopg

MIGRATIONS = Path(__file__).parents[3] / "migrations"
CONNECT_S_MAX = 5
LOCK_S_MAX = 2.0
PAUSES_S = (0.5, 1, 2, 4, 8, 15, 30, 30, 30, 30, 30, 30)
LOCK = 4_693_000  # any number, as long as every migrator knows it


def upgrade(database_url: str, revision: str = "head", *, say: Callable[[str], None] = lambda _: None) -> None:
    """Apply what is missing. Of two machines that deploy at once, one waits for the other.

    A migration that waits for a lock makes everybody wait who comes after it. So it waits for a short time only, lets
    the others go on, and tries again: each migration is a transaction of its own, and what is applied stays.
    """
    # Whoever only asks what is missing, as `up` and the API do, need not wait until all this is loaded.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import create_engine, pool, text  # noqa: PLC0415
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    engine = create_engine(database_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        connection.execute(text("SELECT set_config('lock_timeout', :ms, false)"), {"ms": f"{LOCK_S_MAX * 1_000:g}"})
        connection.commit()
        config.attributes["connection"] = connection
        for pause_s in (*PAUSES_S, None):
            try:
                command.upgrade(config, revision)
                connection.commit()
            except OperationalError as error:
                connection.rollback()
                if pause_s is None or not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                    raise
                say(f"A table is in use. Trying again in {pause_s:g} s.")
                time.sleep(pause_s)
            else:
                return


def plain_url(database_url: str) -> str:
    """The address as libpq knows it: without the name of its driver, which only SQLAlchemy wants."""
    return database_url.replace("+psycopg", "", 1)


def missing(database_url: str) -> list[str]:
    """The sentences of the migrations that this database has not seen; none if it is ahead of this code."""
    with psycopg.connect(plain_url(database_url), connect_timeout=CONNECT_S_MAX) as connection:
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
    revisions = dict(re.findall(r'^(revision|down_revision) = "(.+)"$', source, re.MULTILINE))
    return revisions.get("down_revision"), revisions["revision"], source.lstrip('"').partition("\n")[0].rstrip('"')
