"""`fieldgraph up`: everything on one machine, begun in order, labelled in one output, stopped as one."""

import contextlib
import http.client
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app.operations.database.migrate import missing
from app.operations.processes.instance import Running, announce, only_one, secret
from app.operations.processes.process import CLI, RESTART_PAUSE_S, SHORT_LIFE_S, SHORT_LIVES_MAX, CannotStart
from app.operations.processes.servers import Name, PrivateServers, private_servers
from app.security import private_files
from app.settings import settings

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104 - how to reach what listens everywhere
READY_S_MAX = 60
KILLED_LAUNCHER_GRACE_S = 5


def up(*, with_parent: bool) -> None:
    """Run everything until Ctrl-C, or until a part ends that the rest cannot do without."""
    _interrupt_on_signals()
    if with_parent:
        _in_background(_end_with_parent, os.getppid())
    home = settings.home.resolve()
    with only_one(home) as held:
        _refuse_taken_port()
        with private_servers(home, held=[held]) as servers:
            own_database, own_redis = settings.database_url is None, settings.redis_url is None
            servers.start(database=own_database, redis=own_redis)
            running = Running(
                address=_address(),
                database_url=settings.database_url or servers.app_database_url,
                redis_url=settings.redis_url or servers.redis_url,
                owner_database_url=servers.database_url if own_database else settings.owner_database_url,
            )
            announce(home, running)
            environment = _environment(home, running, demo=own_database and not settings.production)
            launcher = Launcher(servers, environment, running.owner_database_url or running.database_url)
            for name in servers.processes:
                launcher.watch_server(name)
            try:
                launcher.run()
            except KeyboardInterrupt:
                _say("Stopping. Press Ctrl-C again to stop at once.")
            finally:
                launcher.stop()
    _say("Stopped.")


def _interrupt_on_signals() -> None:
    """Each of them means Ctrl-C, also in the background of a script, which ignores that; but nohup is heeded."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


@dataclass(frozen=True)
class Ended:
    """A process is gone."""

    name: str
    code: int
    lived_s: float


class Launcher:
    """Runs the API and the worker beside the private servers."""

    def __init__(self, servers: PrivateServers, environment: dict[str, str], owner_url: str) -> None:
        self._servers = servers
        self._children = servers.children
        self._environment = environment
        self._owner_url = owner_url
        self._ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._told = Path(environment["FIELDGRAPH_HOME"], "demo.json")

    def run(self) -> None:
        """Migrate, start, say where things are, and stay."""
        self._migrate()
        self._begin("api", "serve")
        self._begin("worker", "work")
        accounts = self._accounts() if self._environment["FIELDGRAPH_DEMO"] == "1" else ""
        self._await_api()
        _say(_welcome(accounts))
        self._tend()

    def watch(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Notice when a process ends."""
        _in_background(self._notice, name, process)

    def watch_server(self, name: Name) -> None:
        """Notice when a private server ends."""
        self.watch(_called(self._servers, name), self._servers.processes[name])

    def stop(self) -> None:
        """Ask the API and the worker to end, together; kill them when they take too long or somebody asks again."""
        deadline = time.monotonic() + settings.shutdown_s + KILLED_LAUNCHER_GRACE_S
        children = [*self._running.values()]
        try:
            for child in children:
                child.terminate()
            for child in children:
                child.wait(max(0, deadline - time.monotonic()))
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            for child in children:
                child.kill()

    def _tend(self) -> None:
        # What the rest can do without for a moment: a worker hands its jobs on, Redis holds nothing that must last.
        begin_again = {
            "worker": lambda: self._begin("worker", "work"),
            _called(self._servers, "redis"): self._begin_redis,
        }
        short_lives = Counter[str]()
        while True:
            ended = self._ended.get()
            short_lives[ended.name] = short_lives[ended.name] + 1 if ended.lived_s < SHORT_LIFE_S else 0
            if ended.name not in begin_again or short_lives[ended.name] == SHORT_LIVES_MAX:
                raise CannotStart(f"The {ended.name} exited with code {ended.code}. Stopping everything.")
            _say(f"The {ended.name} exited with code {ended.code}. Restarting it.")
            time.sleep(RESTART_PAUSE_S)
            begin_again[ended.name]()

    def _begin_redis(self) -> None:
        self._servers.start(database=False)
        self.watch_server("redis")

    def _migrate(self) -> None:
        try:
            is_current = not missing(self._owner_url)
        except psycopg.Error as error:
            raise CannotStart(f"The database in DATABASE_URL does not answer: {error}") from None
        if not is_current:
            _say("Preparing the database.")
            self._finish("migrate", FIELDGRAPH_OWNER_DATABASE_URL=self._owner_url)
            self._told.unlink(missing_ok=True)
        else:
            # Loads all tables: who is refused before need not wait for that.
            from app.operations.database.roles import grant  # noqa: PLC0415

            # What an older version set up knows one role alone.
            grant(self._owner_url, self._environment["DATABASE_URL"])

    def _accounts(self) -> str:
        """Make the demo's accounts; or print what was printed when they were made for this database and address."""
        here = [self._environment["DATABASE_URL"], _address()]
        with contextlib.suppress(FileNotFoundError, ValueError):
            *there, accounts = json.loads(self._told.read_text())
            if there == here:
                return str(accounts)
        _say("Making demo accounts and their data, this once. It takes a minute on a slow machine.")
        accounts = self._finish("demo", "--accounts")
        private_files.write(self._told, json.dumps([*here, accounts]))
        return accounts

    def _begin(self, name: str, command: str) -> None:
        child = self._children.start(
            (*CLI, command),
            environment=self._environment,
            output=subprocess.PIPE,
            grace_s=KILLED_LAUNCHER_GRACE_S,
        )
        self._running[name] = child
        _in_background(_relay, name, child)
        self.watch(name, child)

    def _finish(self, *command: str, **environment: str) -> str:
        """Run one command to its end; its output."""
        variables = self._environment | environment
        child = self._children.start((*CLI, *command), environment=variables, output=subprocess.PIPE)
        output = child.communicate()[0].decode(errors="replace").strip()
        self._children.forget(child)
        if child.returncode:
            raise CannotStart(f"`fieldgraph {' '.join(command)}` failed:\n{output}")
        return output

    def _notice(self, name: str, process: subprocess.Popen[bytes]) -> None:
        began = time.monotonic()
        code = process.wait()
        self._children.forget(process)
        self._ended.put(Ended(name, code, time.monotonic() - began))

    def _await_api(self) -> None:
        deadline = time.monotonic() + READY_S_MAX
        while True:
            if self._running["api"].poll() is not None or time.monotonic() > deadline:
                raise CannotStart("The API did not become ready. Its output is above.")
            if _answers():
                return
            time.sleep(0.05)


def _called(servers: PrivateServers, name: Name) -> str:
    return f"private {name} server with the log {servers.home / name}.log,"


def _environment(home: Path, running: Running, *, demo: bool) -> dict[str, str]:
    """The environment of the API and the worker. No demo account (public password) enters a database of others."""
    environment = os.environ | {
        "DATABASE_URL": running.database_url,
        "REDIS_URL": running.redis_url,
        "PORT": str(settings.port),
        "FIELDGRAPH_HOME": str(home),
        "FIELDGRAPH_SECRET": settings.secret.get_secret_value() or secret(home),
        "PYTHONUNBUFFERED": "1",
    }
    # The API and the worker have no need to know the owner.
    environment.pop("FIELDGRAPH_OWNER_DATABASE_URL", None)
    environment.setdefault("FIELDGRAPH_DEMO", "1" if demo else "0")
    environment.setdefault("FIELDGRAPH_PUBLIC_URL", running.address)
    if environment["FIELDGRAPH_DEMO"] == "1":
        # The demo's imagery is served by the API itself, at an address that jobs otherwise may not fetch from.
        hosts = [*settings.outside_hosts_allowed, running.address.removeprefix("http://")]
        environment["FIELDGRAPH_OUTSIDE_HOSTS_ALLOWED"] = ",".join(hosts)
        if settings.osm_client_id is None:
            # So is a stand-in for OpenStreetMap's accounts, with which everybody may try to sign in.
            environment["FIELDGRAPH_OSM_URL"] = f"{running.address}/demo/openstreetmap"
            environment["FIELDGRAPH_OSM_CLIENT_ID"] = "demo"
    return environment


def _answers() -> bool:
    connection = http.client.HTTPConnection(_address().removeprefix("http://"), timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _address() -> str:
    return f"http://{LOOPBACK.get(settings.host, settings.host)}:{settings.port}"


def _refuse_taken_port() -> None:
    """Look before anything is started; the API has the last word."""
    family, kind, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise CannotStart(
                f"Cannot listen on port {settings.port} of {settings.host}: {error.strerror}. "
                f"Choose another port, for example: PORT={settings.port % 65_535 + 1} make run"
            ) from None


def _welcome(accounts: str) -> str:
    lines = [
        "",
        "Fieldgraph is ready.",
        "",
        f"  Begin at  {_address()}",
        f"  GraphQL   {_address()}/graphql",
        f"  GraphiQL  {_address()}/graphiql",
        f"  Guide     {_address()}/docs",
        *([f"  {line}".rstrip() for line in ["", *accounts.splitlines()]] if accounts else []),
        "",
        "Press Ctrl-C to stop everything.",
        "",
    ]
    return "\n".join(lines)


def _relay(name: str, child: subprocess.Popen[bytes]) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        _say(f"{name:<6} | {line.decode(errors='replace').rstrip()}")


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGTERM)


def _in_background(target: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()


def _say(text: str) -> None:
    # One write, so that two threads never share a line.
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
