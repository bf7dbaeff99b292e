"""`fieldgraph up`: one command starts everything, one key stops it, and nothing survives it."""

import html
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from alembic import command
from alembic.config import Config

from app.operations.database.migrate import MIGRATIONS, missing
from app.operations.processes import servers as private
from app.operations.processes.instance import running
from app.settings import settings
from tests.setup.processes import await_end, descendants

UP = [sys.executable, "-m", "app.cli", "up"]
READY_S_MAX = 240
PARENT = ["/bin/sh", "-c", '"$@" --with-parent; exit $?', "sh", *UP]


@pytest.fixture(scope="module")
def home(new_home) -> Path:
    """One for all, so that only the first start has to make a database."""
    return new_home()


@pytest.fixture(scope="module")
def environment(home) -> dict[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = {"FIELDGRAPH_HOME": str(home), "PORT": str(port)}
    return {name: told for name, told in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}} | own


@pytest.fixture(scope="module")
def first_start(environment, home) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """One that runs, and what it said, for all tests that leave it running."""
    (home / "mail").mkdir()
    (home / "mail" / "old.eml").write_text("Of an older version, for everybody to read.")
    with started(environment) as (up, said):
        yield up, said


@pytest.fixture(scope="module")
def up(first_start) -> subprocess.Popen[str]:
    return first_start[0]


@contextmanager
def started(environment, command=UP) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running one, and what it said until it was ready."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as up:
        try:
            yield up, _said_until("Press Ctrl-C to stop everything.", up)
        finally:
            left = descendants(up.pid)
            up.kill()
            await_end(left)


def _said_until(end: str, up: subprocess.Popen[str]) -> str:
    said = ""
    assert up.stdout is not None
    for line in up.stdout:
        said += line
        if end in line:
            return said
    pytest.fail(f"It ended:\n{said}")


def status(environment, path: str) -> int:
    return answer(environment, path)[0]


def answer(environment, path: str) -> tuple[int, bytes]:
    address = http.client.HTTPConnection("127.0.0.1", int(environment["PORT"]), timeout=60)
    with closing(address) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()


def signed_in_with_osm(environment) -> str:
    """Who somebody is after a visit to the demo's own OpenStreetMap."""
    with httpx.Client(base_url=f"http://127.0.0.1:{environment['PORT']}", trust_env=False, timeout=60) as browser:

        def ask(name: str, shown: str, **input: str) -> dict[str, str]:
            kind = f"{name[0].upper()}{name[1:]}Input!"
            document = f"mutation ($input: {kind}) {{ {name}(input: $input) {{ {shown} }} }}"
            reply = browser.post("/graphql", json={"query": document, "variables": {"input": input}})
            return reply.json()["data"][name]

        begun = ask("startOsmAuthorization", "... on OsmAuthorization { url secret }")
        page = browser.get(begun["url"])
        [yes] = re.findall(r'<a href="([^"]+)">Ünal</a>', page.text)
        back = page.url.join(html.unescape(yes))
        came = httpx.URL(browser.get(back).headers["location"])
        assert (came.path, browser.get(came).status_code) == ("/osm/", 200)
        given = {"code": came.params["code"], "state": came.params["state"], "secret": begun["secret"]}
        return ask("signInWithOsm", "... on SignedIn { user { username } }", **given)["user"]["username"]


def readable_by_others(home: Path) -> list[str]:
    found = [path for path in home.rglob("*") if not path.is_symlink() and path.lstat().st_mode & 0o077]
    return [str(path.relative_to(home)) for path in found]


def test_one_command_starts_everything(first_start, environment, home):
    _, said = first_start
    assert re.search(rf"Begin at +http://127.0.0.1:{environment['PORT']}$", said, re.MULTILINE)
    assert re.search(rf"GraphQL +http://127.0.0.1:{environment['PORT']}/graphql$", said, re.MULTILINE)
    assert "mapper@example.org" in said
    assert status(environment, "/readyz") == 200
    assert status(environment, "/graphiql/") == 200
    assert signed_in_with_osm(environment) == "Ünal"
    assert readable_by_others(home) == []
    here = running(home)
    assert here is not None
    assert here.address == f"http://127.0.0.1:{environment['PORT']}"


def test_a_second_terminal_finds_what_runs_and_cannot_start_another(up, environment, home):
    asked = {name: told for name, told in environment.items() if name != "PORT"}
    command = [sys.executable, "-m", "app.cli", "doctor"]
    examined = subprocess.run(command, env=asked, capture_output=True, text=True, check=False)
    assert "✗" not in examined.stdout
    assert examined.returncode == 0
    second = subprocess.run(UP, env=environment, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert second.stderr.startswith(f"Fieldgraph is already running in {home} (process {up.pid}).")


def test_a_redis_that_dies_is_replaced_and_the_rest_goes_on(up, environment):
    parts = descendants(up.pid)
    for _ in range(2):
        os.kill(_redis(descendants(up.pid)), signal.SIGKILL)
        _said_until("Restarting it.", up)
        deadline = time.monotonic() + READY_S_MAX
        while (readiness := answer(environment, "/readyz"))[0] != 200:
            assert time.monotonic() < deadline, readiness
            time.sleep(0.1)
    assert _running(parts, "serve") in descendants(up.pid)


def test_a_worker_that_dies_is_replaced_and_an_api_that_dies_ends_everything(up):
    api, worker = (_running(descendants(up.pid), command) for command in ("serve", "work"))
    os.kill(worker, signal.SIGKILL)
    _said_until("The worker exited with code -9. Restarting it.", up)
    _said_until("working", up)
    os.kill(api, signal.SIGKILL)
    assert up.wait(120) == 1
    assert up.stdout is not None
    assert "The api exited with code -9. Stopping everything." in up.stdout.read()


def test_killing_the_launcher_leaves_no_orphan_and_the_next_start_is_well_and_ends_with_its_parent(environment):
    with started(environment) as (up, _):
        parts = descendants(up.pid)
        up.kill()
        # The API, the worker, the guard, Redis, and PostgreSQL with what it has started itself.
        assert len(parts) > 5
    with started(environment, PARENT) as (parent, said):
        assert status(environment, "/readyz") == 200
        assert "mapper@example.org" in said
        await_end(parts)
        own = descendants(parent.pid)
        parent.kill()
        await_end(own)


def _redis(processes: set[int]) -> int:
    (found,) = (number for number in processes if b"redis" in _command(number)[:40])
    return found


def _command(number: int) -> bytes:
    """With what a process was started; nothing once it has ended."""
    try:
        return Path("/proc", str(number), "cmdline").read_bytes()
    except OSError:
        return b""


def _running(processes: set[int], command: str) -> int:
    (found,) = (process for process in processes if _command(process).endswith(f"\0{command}\0".encode()))
    return found


def test_a_home_of_an_older_release_is_upgraded_and_one_key_stops_everything(environment, home, monkeypatch):
    """Before the API had a role of its own, the database had one, and lacked a third of the tables."""
    with private.private_servers(home) as older:
        older.start(redis=False)
        with older.connect() as connection:
            [before] = connection.execute("SELECT array_agg(username ORDER BY id) FROM users").fetchone()
            connection.execute(f"DROP OWNED BY {private.APP_ROLE}")
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        monkeypatch.setattr(settings, "database_url", older.database_url)
        command.downgrade(config, "0024")
        with older.connect() as connection:
            connection.execute(f"DROP ROLE {private.APP_ROLE}")
        assert len(missing(older.database_url)) > 10
    assert before
    with started(environment) as (up, _):
        assert status(environment, "/readyz") == 200
        assert missing(older.database_url) == []
        with older.connect() as connection:
            assert connection.execute("SELECT array_agg(username ORDER BY id) FROM users").fetchone() == (before,)
        parts = descendants(up.pid)
        up.send_signal(signal.SIGINT)
        assert up.wait(120) == 0
        assert up.stdout is not None
        assert up.stdout.read().endswith("Stopped.\n")
        await_end(parts)
    assert running(home) is None
