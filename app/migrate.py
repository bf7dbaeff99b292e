"""Brings a database to the present schema."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool, text

MIGRATIONS = Path(__file__).parent.parent / "migrations"
LOCK = 4_693_000  # any number, as long as every migrator knows it


def alembic_config() -> Config:
    """What Alembic needs to know, wherever the process was started."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(database_url: str, revision: str = "head") -> None:
    """Apply what is missing. Of two machines that deploy at once, one waits for the other."""
    config = alembic_config()
    engine = create_engine(database_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()


def missing(database_url: str) -> list[str]:
    """The sentences of the migrations that this database has not seen."""
    engine = create_engine(database_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        seen = MigrationContext.configure(connection).get_current_heads()
    return [revision.doc for revision in _script().iterate_revisions("head", seen or "base")][::-1]


@cache
def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config())
