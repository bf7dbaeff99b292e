"""Asking for the missing migrations without Alembic gives Alembic's answer."""

import threading

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from app.operations.database import migrate
from app.operations.database.migrate import MIGRATIONS, history, missing, upgrade
from app.operations.processes.servers import database_url
from app.settings import settings


def test_the_history_is_the_one_alembic_reads():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    steps = ScriptDirectory.from_config(config).walk_revisions()
    assert list(history().items()) == [(step.revision, step.doc) for step in steps][::-1]


def test_an_empty_database_misses_all_and_a_migrated_one_none(servers):
    assert missing(database_url(servers.home, "postgres")) == list(history().values())
    assert missing(str(settings.database_url)) == []


def test_a_database_ahead_of_this_code_misses_nothing(clone_database):
    url = clone_database("ahead")
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from tomorrow'")
    assert missing(url) == []


@pytest.fixture
def behind(clone_database, request):
    """A database that lacks the last migration, which changes the jobs."""
    url = clone_database(request.node.name[:60])
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("ALTER TABLE jobs DROP COLUMN deaths, DROP COLUMN setbacks")
        connection.execute("UPDATE alembic_version SET version_num = '0022'")
    return url


def test_a_migration_lets_others_pass_while_a_table_is_in_use(behind, monkeypatch):
    said = []
    monkeypatch.setattr(migrate, "LOCK_S_MAX", 0.1)
    monkeypatch.setattr(migrate, "PAUSES_S", (0.2,) * 100)
    with psycopg.connect(behind.replace("+psycopg", "")) as holder:
        holder.execute("SELECT count(*) FROM jobs")
        upgrading = threading.Thread(target=upgrade, args=[behind, "0023"], kwargs={"say": said.append})
        upgrading.start()
        with psycopg.connect(behind.replace("+psycopg", ""), autocommit=True) as passing:
            passing.execute("SET statement_timeout = '20s'")
            while not said:
                passing.execute("SELECT count(*) FROM jobs")
            passing.execute("UPDATE jobs SET progress = 1")
        assert said[0] == "A table is in use. Trying again in 0.2 s."
        holder.rollback()
        upgrading.join(60)
    assert history()["0023"] not in missing(behind)


def test_a_migration_gives_up_when_a_table_stays_in_use(behind, monkeypatch):
    monkeypatch.setattr(migrate, "LOCK_S_MAX", 0.1)
    monkeypatch.setattr(migrate, "PAUSES_S", (0.1, 0.1))
    with psycopg.connect(behind.replace("+psycopg", "")) as holder:
        holder.execute("SELECT count(*) FROM jobs")
        with pytest.raises(OperationalError, match="lock timeout"):
            upgrade(behind)
    assert history()["0023"] in missing(behind)
