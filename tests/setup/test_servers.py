"""Private servers begin anywhere, keep their data, and never outlive their launcher."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from app.operations.processes import servers as private
from app.operations.processes.process import CannotStart
from app.operations.processes.servers import private_servers, socket_folder
from tests.setup.processes import await_end, descendants

LAUNCHER = """
import sys, time
from pathlib import Path
from app.operations.processes.servers import private_servers
with private_servers(Path(sys.argv[1]), durable=False) as servers:
    servers.start()
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def home(new_home: Callable[[], Path]) -> Path:
    return new_home() / "home"


def test_they_answer_on_their_sockets_and_take_them_away_when_they_end(home):
    with private_servers(home, durable=False) as servers:
        servers.start()
        with servers.connect() as connection:
            assert connection.execute("SELECT ST_AsText(ST_Point(1, 2))").fetchone() == ("POINT(1 2)",)
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        with Redis.from_url(servers.redis_url) as client:
            assert client.config_get("port") == {"port": "0"}
        sockets = servers.sockets
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert [process.returncode for process in servers.processes.values()] == [0, 0]
    assert not sockets.exists()


def test_data_outlive_the_server(home):
    for _ in range(2):
        with private_servers(home) as servers:
            servers.start(redis=False)
            with servers.connect() as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
                connection.execute("INSERT INTO kept VALUES (1)")
                rows = connection.execute("SELECT n FROM kept").fetchall()
    assert rows == [(1,), (1,)]


def test_only_what_is_asked_for_is_started(home):
    with private_servers(home, durable=False) as servers:
        servers.start(database=False)
        assert list(servers.processes) == ["redis"]
        with pytest.raises(psycopg.OperationalError):
            servers.connect()


def test_they_start_in_a_deep_folder_that_only_its_owner_may_enter(home):
    deep = home / ("deep" * 20) / ("deeper" * 20)
    deep.mkdir(parents=True)
    home.chmod(0o700)
    with private_servers(deep, durable=False) as servers:
        servers.start()
        with servers.connect() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    data = (deep / "postgres").resolve()
    # Root's home is closed to the server's user, so its data lie elsewhere; everybody else's stay where they belong.
    assert data.is_relative_to("/var/tmp") == (os.getuid() == 0)
    shutil.rmtree(data)


def test_data_that_were_moved_away_are_not_replaced_in_silence(home):
    home.mkdir()
    (home / "postgres").symlink_to(home / "gone")
    with private_servers(home) as servers, pytest.raises(CannotStart, match="which does not exist"):
        servers.start(redis=False)


def test_a_socket_folder_that_is_anothers_is_refused(home, tmp_path):
    squatted = socket_folder(home)
    squatted.symlink_to(tmp_path)
    try:
        with private_servers(home) as servers, pytest.raises(CannotStart, match="belongs to another user"):
            servers.start()
        assert tmp_path.exists()
    finally:
        squatted.unlink()


def test_killing_the_launcher_ends_its_servers_and_leaves_the_data_whole(home):
    command = [sys.executable, "-c", LAUNCHER, home]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as launcher:
        try:
            assert launcher.stdout is not None
            assert launcher.stdout.readline() == "ready\n"
            left = descendants(launcher.pid)
        finally:
            launcher.kill()
    # The guard, Redis, PostgreSQL and the processes that this has started itself.
    assert len(left) > 3
    await_end(left)
    with private_servers(home, durable=False) as servers:
        servers.start()


def test_a_postgresql_without_postgis_is_not_chosen(tmp_path, monkeypatch):
    (tmp_path / "initdb").touch()
    (tmp_path / "pg_config").write_text(f"#!/bin/sh\necho {tmp_path}\necho PostgreSQL 99.1\n")
    (tmp_path / "pg_config").chmod(0o755)
    monkeypatch.setattr(private, "_candidates", lambda: [tmp_path])
    with pytest.raises(CannotStart, match="PostgreSQL with PostGIS is not installed"):
        private.postgres_binaries()
    (tmp_path / "extension").mkdir()
    (tmp_path / "extension" / "postgis.control").touch()
    assert private.postgres_binaries() == tmp_path


def test_data_of_a_postgresql_that_is_gone_are_not_opened_by_another():
    with pytest.raises(CannotStart, match="created by PostgreSQL 9, which is no longer installed"):
        private.postgres_binaries("9")


def test_a_server_that_cannot_start_says_why(home):
    with private_servers(home) as servers:
        servers.start(redis=False)
    (home / "postgres" / "data" / "postgresql.conf").write_text("nonsense = 1\n")
    with private_servers(home) as servers, pytest.raises(CannotStart, match="unrecognized configuration parameter"):
        servers.start(redis=False)
