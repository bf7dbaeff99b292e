"""A PostgreSQL with PostGIS and a Redis of one's own: unix sockets only, beside any the system may run."""

import contextlib
import hashlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Literal

import psycopg

from app.operations.processes.process import CannotStart, Children
from app.security import child_environment, private_files

Name = Literal["postgres", "redis"]

NAME = "fieldgraph"
APP_ROLE = "fieldgraph_app"  # of the API and the workers; NAME is the owner
PORT = 5432  # only names the socket; nothing listens on the network
START_S_MAX = 60
PACKAGES = (
    "Debian and Ubuntu: apt-get install postgresql-postgis redis-server; "
    "macOS: brew install postgresql@17 postgis redis; then try again."
)
BINARIES = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "usr/local/pgsql/bin",
    "opt/homebrew/opt/postgresql*/bin",
    "usr/local/opt/postgresql*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)
SMALL = ("jit=off", "shared_buffers=64MB", "max_connections=200", "timezone=UTC", "log_timezone=UTC")
CLIENT_PROGRAMS = ("pg_dump", "pg_restore", "psql")
FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@contextlib.contextmanager
def private_servers(home: Path, *, durable: bool = True, held: Sequence[int] = ()) -> Iterator["PrivateServers"]:
    """The servers of a home, to be started; when the block ends, so have they and all that was started with them."""
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, socket_folder(home), ignore_errors=True)
        children = stack.enter_context(Children(held=held))
        yield PrivateServers(home, children, durable=durable)


class PrivateServers:
    """The two servers of one home. `durable=False` trades safety in a power cut for speed: for tests."""

    def __init__(self, home: Path, children: Children, *, durable: bool = True) -> None:
        self.home = home.resolve()
        self.durable = durable
        self.children = children
        self.processes: dict[Name, subprocess.Popen[bytes]] = {}
        self.sockets = socket_folder(home)

    @property
    def database_url(self) -> str:
        return database_url(self.home)

    @property
    def app_database_url(self) -> str:
        return database_url(self.home, user=APP_ROLE)

    @property
    def redis_url(self) -> str:
        return redis_url(self.home)

    def start(self, *, database: bool = True, redis: bool = True) -> None:
        """Start what is asked for, and return when it answers."""
        private_files.home(self.home)
        if database or redis:
            _make_private(self.sockets, self._user)
        if redis:
            self._start_redis()
        if database:
            self._start_postgres()
            self._await("postgres", self._prepare_database)
        if redis:
            self._await("redis", self._ping_redis)

    def connect(self, database: str = NAME) -> psycopg.Connection:
        """A connection that commits each statement, to whatever the application's own may not touch."""
        return psycopg.connect(host=str(self.sockets), port=PORT, user=NAME, dbname=database, autocommit=True)

    @cached_property
    def _user(self) -> str | None:
        """Who runs the servers, if not the caller: PostgreSQL refuses root, and its package brings a user instead."""
        if os.getuid() != 0:
            return None
        try:
            return pwd.getpwnam("postgres").pw_name
        except KeyError:
            raise CannotStart(
                "PostgreSQL does not run as root, and there is no user postgres. Run this as another user."
            ) from None

    def _start_postgres(self) -> None:
        folder = _postgres_folder(self.home, self._user)
        data = folder / "data"
        binaries = postgres_binaries((data / "PG_VERSION").read_text().strip() if data.exists() else None)
        if not data.exists():
            self._initialise(binaries, folder / "unfinished")
            # What lies in its place is always whole.
            (folder / "unfinished").rename(data)
        options = (
            *("listen_addresses=", f"port={PORT}"),
            *(f"unix_socket_directories={self.sockets}", "unix_socket_permissions=0700"),
            *SMALL,
            *(() if self.durable else FORGETFUL),
        )
        flags = chain.from_iterable(("-c", option) for option in options)
        self._spawn("postgres", [binaries / "postgres", "-D", data, *flags], stop_signal=signal.SIGINT)

    def _initialise(self, binaries: Path, data: Path) -> None:
        shutil.rmtree(data, ignore_errors=True)
        locale = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
        command: list[str | Path] = [binaries / "initdb", "-D", data, "-U", NAME, "-E", "UTF8", f"--locale={locale}"]
        command += ["--auth-local=trust", "--auth-host=reject", *([] if self.durable else ["--no-sync"])]
        process = _run_as(self._user, command)
        if process.returncode:
            raise CannotStart(f"PostgreSQL could not create a database in {data}:\n{process.stderr.strip()}")

    def _start_redis(self) -> None:
        server = shutil.which("redis-server") or shutil.which("valkey-server")
        if server is None:
            raise CannotStart(f"Redis is not installed. {PACKAGES}")
        options = {"port": "0", "unixsocket": f"{self.sockets}/redis.sock", "unixsocketperm": "700"}
        # Redis only carries nudges; what must last is in PostgreSQL.
        options |= {"save": "", "appendonly": "no", "dir": str(self.sockets)}
        flags = chain.from_iterable((f"--{name}", value) for name, value in options.items())
        self._spawn("redis", [server, *flags], stop_signal=signal.SIGTERM)

    def _spawn(self, name: Name, command: Sequence[str | Path], *, stop_signal: signal.Signals) -> None:
        with private_files.opened(self._log(name), "wb") as log:
            self.processes[name] = self.children.start(
                command,
                environment=child_environment.variables(),
                output=log,
                user=self._user,
                folder=Path("/"),
                stop_signal=stop_signal,
                grace_s=30,
            )

    def _await(self, name: Name, ready: Callable[[], None]) -> None:
        deadline = time.monotonic() + START_S_MAX
        while True:
            try:
                ready()
            except (psycopg.OperationalError, OSError) as error:
                ended = self.processes[name].poll() is not None
                if ended or time.monotonic() > deadline:
                    why = "\n".join(self._log(name).read_text(errors="replace").splitlines()[-10:])
                    raise CannotStart(f"The private {name} server did not start ({error}):\n{why}") from error
                time.sleep(0.02)
            else:
                return

    def _prepare_database(self) -> None:
        with self.connect("postgres") as connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [NAME]).fetchone() is None:
                connection.execute(f"CREATE DATABASE {NAME}")
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone() is None:
                connection.execute(f"CREATE ROLE {APP_ROLE} LOGIN")
        with self.connect() as connection:
            connection.execute("SET client_min_messages = warning")
            connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")

    def _ping_redis(self) -> None:
        # The library takes longer to load than Redis to start.
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{self.sockets}/redis.sock")
            client.sendall(b"PING\r\n")
            if not client.recv(16).startswith(b"+PONG"):
                raise ConnectionError("no answer yet")

    def _log(self, name: Name) -> Path:
        return self.home / f"{name}.log"


def database_url(home: Path, name: str = NAME, user: str = NAME) -> str:
    """Where a database of this home is, once its server runs."""
    return f"postgresql+psycopg://{user}@/{name}?host={socket_folder(home)}&port={PORT}"


def redis_url(home: Path) -> str:
    """Where the Redis of this home is, once it runs."""
    return f"unix://{socket_folder(home)}/redis.sock"


def socket_folder(home: Path) -> Path:
    """Where the sockets of a home lie: a short path, for one longer than some hundred bytes is refused."""
    name = hashlib.sha256(f"{os.getuid()}:{home.resolve()}".encode()).hexdigest()[:12]
    return Path("/tmp") / f"{NAME}-{name}"  # noqa: S108 - made private, and refused when it is another's


def client_programs() -> Path:
    """The folder of the newest `pg_dump`, `pg_restore` and `psql`: an old one does not read a new server."""
    folders = [folder for folder in _candidates() if all((folder / name).exists() for name in CLIENT_PROGRAMS)]
    if not folders:
        raise CannotStart(f"{', '.join(CLIENT_PROGRAMS)} are not installed. Debian: apt-get install postgresql-client")
    return max(folders, key=_version)


def _version(folder: Path) -> int:
    command: list[str | Path] = [folder / "pg_dump", "--version"]
    output = subprocess.run(
        command, env=child_environment.variables(), capture_output=True, text=True, check=False
    ).stdout
    number = re.search(r"\d+", output)
    return int(number[0]) if number else 0


def postgres_binaries(version: str | None = None) -> Path:
    """The folder of the newest PostgreSQL that has PostGIS, or of the version that made the data."""
    folders: dict[str, Path] = {}
    for folder in _candidates():
        if (folder / "initdb").exists() and (number := _version_with_postgis(folder)):
            folders.setdefault(number, folder)
    if not folders:
        raise CannotStart(f"PostgreSQL with PostGIS is not installed. {PACKAGES}")
    if version is None:
        return folders[max(folders, key=int)]
    if version not in folders:
        raise CannotStart(
            f"The database was created by PostgreSQL {version}, which is no longer installed with "
            "PostGIS. Install it again, or move the home folder away to start over."
        )
    return folders[version]


def _candidates() -> list[Path]:
    in_path = [Path(program).resolve().parent for program in map(shutil.which, ("postgres", "pg_dump")) if program]
    return in_path + [folder for pattern in BINARIES for folder in Path("/").glob(pattern)]


def _version_with_postgis(folder: Path) -> str | None:
    """The major version of a PostgreSQL, if PostGIS is there too: the server alone proves nothing."""
    try:
        process = subprocess.run(
            [folder / "pg_config", "--sharedir", "--version"],
            env=child_environment.variables(),
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    share, version = process.stdout.splitlines()
    number = re.search(r"\d+", version)
    return number[0] if number and Path(share, "extension", "postgis.control").exists() else None


def _make_private(folder: Path, user: str | None) -> None:
    """Make a folder that one user alone may enter, in a place where others might have been first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    owners = {os.getuid(), *([pwd.getpwnam(user).pw_uid] if user else [])}
    if folder.is_symlink() or not folder.is_dir() or folder.stat().st_uid not in owners:
        raise CannotStart(f"{folder} belongs to another user. Remove it, then try again.")
    if user:
        shutil.chown(folder, user, user)
    folder.chmod(0o700)


def _postgres_folder(home: Path, user: str | None) -> Path:
    """Where PostgreSQL keeps its files: in the home, or behind a link where its user cannot reach the home."""
    folder = home / "postgres"
    if folder.is_symlink() and not folder.exists():
        raise CannotStart(
            f"{folder} points to {folder.readlink()}, which does not exist. Remove the link to start over."
        )
    if not folder.exists():
        folder.mkdir(mode=0o700)
        if user:
            shutil.chown(folder, user, user)
            if _run_as(user, ["/bin/sh", "-c", 'cd "$1"', "sh", folder]).returncode:
                folder.rmdir()
                elsewhere = tempfile.mkdtemp(prefix=f"{NAME}-", dir="/var/tmp")
                shutil.chown(elsewhere, user, user)
                folder.symlink_to(elsewhere)
    return folder.resolve()


def _run_as(user: str | None, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=child_environment.variables(),
        cwd="/",
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
