"""A pooler before PostgreSQL is found and refused in words: a real PgBouncer, as its operators set it up."""

import shutil
import signal
import subprocess
import time
from contextlib import contextmanager

import psycopg
import pytest

from app.operations.database import poolers
from app.operations.processes import servers as private
from app.operations.processes.process import CannotStart
from app.security import child_environment
from app.settings import settings
from tests.setup.test_cli import fieldgraph

PORT = 6432
PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/bin:/opt/homebrew/bin:/usr/bin")
START_S_MAX = 60


@contextmanager
def bouncer(servers, folder, **said):
    """PgBouncer before the private PostgreSQL; gives the address of the tests' database behind it."""
    assert PROGRAM, "PgBouncer is not installed: ./setup.sh --dev"
    sockets = servers.sockets
    given = {
        "listen_port": PORT,
        "unix_socket_dir": sockets,
        "auth_type": "any",
        "pool_mode": "transaction",
        **said,
    }
    lines = [f"* = host={sockets} port={private.PORT} user={private.APP_ROLE}", "[pgbouncer]"]
    lines += [f"{name} = {value}" for name, value in given.items()]
    file = folder / "pgbouncer.ini"
    file.write_text("\n".join(["[databases]", *lines, ""]))
    folder.chmod(0o755)
    file.chmod(0o644)
    process = servers.children.start(
        [PROGRAM, file],
        environment=child_environment.variables(),
        output=subprocess.DEVNULL,
        user=servers._user,
        stop_signal=signal.SIGINT,
    )
    try:
        deadline = time.monotonic() + START_S_MAX
        while not (sockets / f".s.PGSQL.{PORT}").exists():
            assert process.poll() is None, "PgBouncer ended."
            assert time.monotonic() < deadline, "PgBouncer did not start."
            time.sleep(0.02)
        yield f"postgresql+psycopg://{private.APP_ROLE}@/tests?host={sockets}&port={PORT}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(START_S_MAX)
        servers.children.forget(process)


AS_IT_COMES = {}
DROPPING = {"ignore_startup_parameters": "options,extra_float_digits"}


@pytest.fixture
def folder(servers, tmp_path_factory):
    # Where the servers' user may read.
    folder = servers.home / "pgbouncer"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        (AS_IT_COMES, "It refuses the time limits of our sessions."),
        (DROPPING, "It drops the time limits of our sessions."),
        ({**DROPPING, "pool_mode": "session"}, "It drops the time limits of our sessions."),
    ],
    ids=["as it comes", "dropping what it does not know", "for whole sessions"],
)
def test_pgbouncer_is_found(servers, folder, said, trouble):
    with bouncer(servers, folder, **said) as url:
        assert poolers.trouble_at(url) == trouble


def test_pgbouncer_is_found_where_the_role_has_our_limits(servers, folder):
    limit_ms = int(settings.statement_s_max * 1_000)
    with servers.connect("tests") as connection:
        connection.execute(f"ALTER ROLE {private.APP_ROLE} SET statement_timeout = {limit_ms}")
        try:
            with bouncer(servers, folder, **DROPPING) as url:
                assert poolers.trouble_at(url) == "It lends our sessions to others between transactions."
        finally:
            connection.execute(f"ALTER ROLE {private.APP_ROLE} RESET statement_timeout")


def test_postgresql_itself_is_none_and_nobody_is_none(servers, tmp_path):
    assert poolers.trouble_at(str(settings.database_url)) is None
    assert poolers.trouble_at(f"postgresql+psycopg://nobody@/nothing?host={tmp_path}") is None


@pytest.mark.parametrize("variable", ["DATABASE_URL", "FIELDGRAPH_READER_URL"])
def test_what_serves_and_works_says_so_and_does_not_start(servers, folder, variable, monkeypatch):
    with bouncer(servers, folder, **DROPPING) as url:
        name = "database_url" if variable == "DATABASE_URL" else "reader_url"
        monkeypatch.setattr(settings, name, url)
        with pytest.raises(CannotStart) as refused:
            poolers.refuse()
        assert str(refused.value).startswith(
            f"{variable} leads to a pooler, such as PgBouncer. It drops the time limits"
        )
        assert f"Set {variable} to the address of PostgreSQL itself" in str(refused.value)


def test_the_commands_say_so(servers, folder, tmp_path):
    with bouncer(servers, folder) as url:
        for command in ("serve", "work"):
            ended = fieldgraph(command, FIELDGRAPH_HOME=str(tmp_path), DATABASE_URL=url, PORT="1")
            assert ended.returncode == 1
            assert ended.stderr.startswith("DATABASE_URL leads to a pooler")
        examined = fieldgraph("doctor", FIELDGRAPH_HOME=str(tmp_path), DATABASE_URL=url)
        assert "database    a pooler: It refuses the time limits of our sessions." in examined.stdout


def test_what_would_go_wrong(servers, folder):
    """Why it is refused: a statement that was prepared in one transaction is not there, or another's, in the next."""
    with (
        bouncer(servers, folder, **DROPPING, default_pool_size=1) as url,
        psycopg.connect(url.replace("+psycopg", ""), autocommit=True, prepare_threshold=0) as one,
        psycopg.connect(url.replace("+psycopg", ""), autocommit=True, prepare_threshold=0) as other,
    ):
        one.execute("SELECT 1")
        with pytest.raises(psycopg.errors.DuplicatePreparedStatement):
            other.execute("SELECT 2")
