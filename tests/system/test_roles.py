"""The API and the workers may read and write rows, and neither change tables nor what the audit says."""

import psycopg
import pytest

from app.models.base import append_only
from app.operations import doctor, roles
from app.operations import servers as private
from app.operations.migrate import plain_url
from app.settings import settings


@pytest.fixture
def other(database_url):
    """A connection of the API's role."""
    with psycopg.connect(plain_url(database_url), autocommit=True) as connection:
        yield connection


def test_every_test_runs_as_the_role_of_the_api(other):
    assert other.info.user == private.APP_ROLE
    assert roles.excess(other) is None
    assert roles.lacking(other) is None


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (n int)",
        "ALTER TABLE users ADD COLUMN more int",
        "DROP TABLE likes",
        "TRUNCATE users CASCADE",
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE EXTENSION hstore",
        "CREATE ROLE more",
        "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "SET ROLE fieldgraph",
        "UPDATE audit_entries SET action = 'nothing'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "INSERT INTO audit.links VALUES (1, 1, '')",
        "UPDATE audit.head SET position = 0",
        "SELECT audit.add_link(1, '')",
        "UPDATE alembic_version SET version_num = '0001'",
        "COPY users TO PROGRAM 'cat'",
    ],
)
def test_what_the_role_may_not_do(other, statement):
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFile)):
        other.execute(statement)


def test_every_table_that_can_only_be_added_to_has_its_trigger(servers):
    assert append_only() == ["audit_entries"]
    with servers.connect("tests") as connection:
        for table in append_only():
            with pytest.raises(psycopg.errors.RaiseException, match="can only be added to"):
                connection.execute(f"DELETE FROM {table}")


def test_granting_anew_mends_what_is_missing_and_takes_what_is_too_much(clone_database, servers):
    owner = clone_database("granted")
    url = private.database_url(servers.home, "granted", private.APP_ROLE)
    with servers.connect("granted") as connection:
        connection.execute("GRANT DELETE ON audit_entries TO fieldgraph_app")
        connection.execute("CREATE TABLE later (n int)")
    with psycopg.connect(plain_url(url)) as other:
        assert roles.excess(other) == "may DELETE what can only be added to: audit_entries"
        assert roles.lacking(other) == "may not SELECT later"
    roles.grant(owner, url)
    with psycopg.connect(plain_url(url)) as other:
        assert (roles.excess(other), roles.lacking(other)) == (None, None)


def test_the_doctor_tells_one_role_from_two(servers, monkeypatch):
    assert doctor.LOOKS["role"]() == "fieldgraph_app reads and writes rows alone"
    monkeypatch.setattr(settings, "database_url", private.database_url(servers.home, "tests"))
    assert doctor.LOOKS["role"]() == "fieldgraph is a superuser; production takes another"
    monkeypatch.setattr(settings, "production", True)
    with pytest.raises(doctor.Ill, match="fieldgraph is a superuser"):
        doctor.LOOKS["role"]()


def test_whoever_owns_a_table_is_told(servers, clone_database):
    clone_database("owned")
    with servers.connect("owned") as connection:
        connection.execute("CREATE ROLE plain_owner LOGIN")
        connection.execute("ALTER TABLE audit.head OWNER TO plain_owner")
    with psycopg.connect(plain_url(private.database_url(servers.home, "owned", "plain_owner"))) as owner:
        assert roles.excess(owner) == "owns the tables"
