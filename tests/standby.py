"""A streaming replica of the tests' PostgreSQL, for tests that read there."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from app.operations.processes import servers as private
from app.operations.processes.servers import PrivateServers
from app.security import child_environment

PORT = 5433
START_S_MAX = 60


class Standby:
    """One replica: it can pause, stop at once, start again where it was, and be promoted."""

    def __init__(self, servers: PrivateServers, folder: Path, port: int) -> None:
        self._servers = servers
        self._port = port
        self._folder = folder
        self._user = "postgres" if servers._user else None
        self._binaries = private.postgres_binaries()
        self._process: subprocess.Popen[bytes] | None = None
        copy = ("pg_basebackup", "-D", str(folder), "-X", "stream", "-R", "-c", "fast", "--no-sync")
        self._run(*copy, "-h", str(servers.sockets), "-p", str(private.PORT), "-U", private.NAME)

    def url(self, name: str = "tests") -> str:
        return f"postgresql+psycopg://{private.APP_ROLE}@/{name}?host={self._servers.sockets}&port={self._port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "The standby does not run."
        return self._process.pid

    def connect(self, name: str = "postgres") -> psycopg.Connection:
        sockets = str(self._servers.sockets)
        return psycopg.connect(host=sockets, port=self._port, user=private.NAME, dbname=name, autocommit=True)

    def start(self) -> None:
        if self._process is not None:
            return
        options = [
            f"port={self._port}",
            f"unix_socket_directories={self._servers.sockets}",
            "listen_addresses=",
            "fsync=off",
        ]
        flags = [flag for option in (*options, *private.SMALL) for flag in ("-c", option)]
        self._process = self._servers.children.start(
            [self._binaries / "postgres", "-D", self._folder, *flags],
            environment=child_environment.variables(),
            output=subprocess.DEVNULL,
            user=self._user,
            folder=Path("/"),
            stop_signal=signal.SIGINT,
        )
        deadline = time.monotonic() + START_S_MAX
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "The standby did not start."
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """At once, as in a power cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(START_S_MAX)
            self._servers.children.forget(self._process)
            self._process = None

    def pause(self) -> None:
        """Replay nothing more of what comes; what has come by now is replayed first."""
        with self._servers.connect("postgres") as primary, self.connect() as standby:
            [(position,)] = primary.execute("SELECT pg_current_wal_insert_lsn()::text")
            deadline = time.monotonic() + START_S_MAX
            while standby.execute("SELECT pg_last_wal_replay_lsn() < %s::pg_lsn", [position]).fetchone() == (True,):
                # What no commit follows is written when there is time.
                primary.execute("SELECT pg_switch_wal()")
                assert time.monotonic() < deadline, "The standby does not follow."
                time.sleep(0.02)
            standby.execute("SELECT pg_wal_replay_pause()")
            while standby.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() != ("paused",):
                time.sleep(0.01)

    def resume(self) -> None:
        with self.connect() as standby:
            standby.execute("SELECT pg_wal_replay_resume()")

    def promote(self) -> None:
        with self.connect() as standby:
            standby.execute("SELECT pg_promote()")

    def _run(self, *command: str) -> None:
        subprocess.run(
            [self._binaries / command[0], *command[1:]],
            check=True,
            capture_output=True,
            cwd="/",
            env=child_environment.variables(),
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
        )


@contextmanager
def standby_of(servers: PrivateServers, *, port: int = PORT) -> Iterator[Standby]:
    """A replica of all databases, begun; it is gone when the block ends."""
    # Beside the primary's data, where its user may write.
    folder = private._postgres_folder(servers.home, servers._user) / f"standby-{port}"
    shutil.rmtree(folder, ignore_errors=True)
    standby = Standby(servers, folder, port)
    try:
        standby.start()
        yield standby
    finally:
        standby.stop()
        shutil.rmtree(folder, ignore_errors=True)
