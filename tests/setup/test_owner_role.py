"""An owner who is no superuser migrates; and the roles of an older installation get their rights when it starts."""

import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import ProgrammingError

from app.operations.database import roles
from app.operations.database.migrate import missing, plain_url, upgrade
from app.operations.processes.servers import APP_ROLE, database_url, private_servers

OWNER, OTHER = "plain_owner", "plain_other"
# As the guide has it.
ROLES = f"""
DO $$ BEGIN CREATE ROLE {OWNER} LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;
DO $$ BEGIN CREATE ROLE {OTHER} LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;
"""

OLD_ROW = "SET session_replication_role = replica; INSERT INTO post_hashtags (post_id, name) VALUES (1, 'old')"


@pytest.fixture
def plain(servers, request):
    """The addresses of a new database for an owner without any power, and for the other role."""
    name = f"plain_{abs(hash(request.node.name)) % 10**6}"
    with servers.connect("postgres") as connection:
        connection.execute(ROLES)
        connection.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
    return name, database_url(servers.home, name, OWNER), database_url(servers.home, name, OTHER)


def test_an_owner_without_power_migrates_once_a_superuser_has_added_postgis(servers, plain):
    name, owner, other = plain
    with servers.connect(name) as superuser:
        superuser.execute("SET client_min_messages = warning; CREATE EXTENSION postgis")
    upgrade(owner)
    roles.grant(owner, other)
    assert missing(owner) == []
    with psycopg.connect(plain_url(owner)) as connection:
        assert roles.excess(connection) == "owns the tables"
    with psycopg.connect(plain_url(other), autocommit=True) as connection:
        assert (roles.excess(connection), roles.lacking(connection)) == (None, None)
        connection.execute("SELECT refresh_feature_statistics()")
        connection.execute("INSERT INTO audit_entries (action, details) VALUES ('signUp', '{}')")
        assert connection.execute("SELECT count(*) FROM audit.links").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("ALTER TABLE users ADD COLUMN more int")


def test_without_postgis_an_owner_without_power_is_told_and_nothing_is_left(plain):
    _, owner, _ = plain
    with pytest.raises(ProgrammingError, match=r"postgis|geometry|permission"):
        upgrade(owner)
    assert len(missing(owner)) > 0
    with psycopg.connect(plain_url(owner)) as connection:
        assert connection.execute("SELECT to_regclass('users')").fetchone() == (None,)


def test_a_home_from_before_there_were_roles_has_both_once_it_is_started_and_migrated():
    home = Path(tempfile.mkdtemp(prefix="fieldgraph-older-"))
    home.chmod(0o711)
    try:
        with private_servers(home, durable=False) as servers:
            servers.start(redis=False)
            upgrade(servers.database_url, "0020")
            with servers.connect() as connection:
                connection.execute(OLD_ROW)
                connection.execute(f"DROP ROLE {APP_ROLE}")
        with private_servers(home, durable=False) as servers:
            servers.start(redis=False)
            upgrade(servers.database_url)
            roles.grant(servers.database_url, servers.app_database_url)
            with psycopg.connect(plain_url(servers.app_database_url)) as connection:
                assert (roles.excess(connection), roles.lacking(connection)) == (None, None)
                assert connection.execute("SELECT count(*) FROM post_hashtags WHERE name = 'old'").fetchone() == (1,)
    finally:
        shutil.rmtree(home, ignore_errors=True)
