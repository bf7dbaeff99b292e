"""Asking for the missing migrations without Alembic gives Alembic's answer."""

import psycopg
from alembic.config import Config
from alembic.script import ScriptDirectory

from app.migrate import MIGRATIONS, history, missing
from app.servers import database_url
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
