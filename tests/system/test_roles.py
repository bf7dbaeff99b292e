"""The API and the workers may read and write rows, and neither change tables nor what the audit says."""

import psycopg
import pytest
from sqlalchemy import text

from app.models.base import append_only
from app.operations import doctor
from app.operations.database import roles
from app.operations.database.migrate import plain_url
from app.operations.processes import servers as private
from app.settings import settings
from tests.plain_logs import warnings_of_database


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


def test_the_role_refreshes_the_statistics_that_only_the_owner_may(other, servers):
    with servers.connect("tests") as owner:
        owner.execute("DELETE FROM pg_statistic WHERE starelid = 'predicted_features'::regclass")
        owner.execute("""
            SET session_replication_role = replica;
            INSERT INTO predicted_features (prediction_id, part, geom, confidence, area_m2)
            SELECT 1, 0, ST_GeomFromText('POLYGON((0 0, 0 1, 1 1, 0 0))', 4326), 0.5, n FROM generate_series(1, 50) AS n
        """)
        assert _statistics(owner) == 0
        other.execute("SELECT refresh_feature_statistics()")
        assert _statistics(owner) > 0


def _statistics(owner):
    return owner.execute("SELECT count(*) FROM pg_stats WHERE tablename = 'predicted_features'").fetchone()[0]


async def test_a_command_that_postgresql_skips_is_logged_and_fails_a_test(database):
    async with database.writing() as session:
        await session.execute(text("ANALYZE predicted_features"))
    [said] = warnings_of_database
    assert "predicted_features" in said
    warnings_of_database.clear()


def test_the_owners_functions_are_the_roles_alone_and_trust_no_search_path(servers):
    with servers.connect("tests") as connection:
        for function in roles.FUNCTIONS:
            settings_of, may_public = connection.execute(
                "SELECT proconfig, has_function_privilege('public', oid, 'EXECUTE') FROM pg_proc "
                "WHERE oid = %s::regprocedure AND prosecdef",
                [function],
            ).fetchone()
            # Those that read tables have `enable_seqscan`, too: see `test_database_functions`.
            others = [each for each in settings_of if each != "enable_seqscan=off"]
            assert others == ["search_path=pg_catalog, pg_temp"]
            assert not may_public


def test_every_table_that_can_only_be_added_to_has_its_trigger(servers):
    assert append_only() == ["audit_entries", "consulting_steps", "ledger_accounts", "ledger_entries", "operations"]
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
        connection.execute("REVOKE EXECUTE ON FUNCTION refresh_feature_statistics FROM fieldgraph_app")
    with psycopg.connect(plain_url(url)) as other:
        assert roles.excess(other) == "may DELETE what can only be added to: audit_entries"
        assert roles.lacking(other) == "may not SELECT later"
    with servers.connect("granted") as connection:
        connection.execute("GRANT ALL ON later TO fieldgraph_app")
    with psycopg.connect(plain_url(url)) as other:
        assert roles.lacking(other) == "may not EXECUTE public.refresh_feature_statistics()"
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
        connection.execute("CREATE ROLE head_owner LOGIN")
        connection.execute("ALTER TABLE audit.head OWNER TO head_owner")
    with psycopg.connect(plain_url(private.database_url(servers.home, "owned", "head_owner"))) as owner:
        assert roles.excess(owner) == "owns the tables"
