"""Which Fieldgraph runs in a home: one at a time, and where a second terminal finds it."""

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from app.operations.processes.process import CannotStart
from app.security import private_files

STOPPING_S_MAX = 60
SECRET = "secret"  # noqa: S105 - the name of its file


@dataclass(frozen=True)
class Running:
    """Where the parts of a running Fieldgraph are."""

    address: str
    database_url: str
    redis_url: str
    owner_database_url: str | None = None


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[int]:
    """Hold the home for this process. Yields the descriptor to hold for as long as anything started here runs."""
    private_files.home(home)
    locks = private_files.opened(home / "lock", "a+"), private_files.opened(home / "children.lock", "a")
    with locks[0] as lock, locks[1] as children:
        if not _lock(lock.fileno(), fcntl.LOCK_EX):
            raise CannotStart(
                f"Fieldgraph is already running in {home} (process {(home / 'lock').read_text()}). "
                "Stop it with Ctrl-C there, or give this one its own home and port: "
                "FIELDGRAPH_HOME=… PORT=… make run"
            )
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        _await_last_children(children.fileno())
        try:
            yield children.fileno()
        finally:
            (home / "run.json").unlink(missing_ok=True)


def _await_last_children(lock: int) -> None:
    """A launcher that was killed leaves its guard behind, which stops the rest within some seconds."""
    deadline = time.monotonic() + STOPPING_S_MAX
    while not _lock(lock, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            raise CannotStart("Processes of an earlier Fieldgraph here do not stop. End them, then try again.")
        time.sleep(0.1)


def announce(home: Path, running: Running) -> None:
    """Tell other terminals where things are; only this user may read it."""
    _write_private(home / "run.json", json.dumps(asdict(running)))


def running(home: Path) -> Running | None:
    """What runs in this home now, if anything."""
    try:
        with (home / "lock").open() as lock:
            if _lock(lock.fileno(), fcntl.LOCK_SH):
                return None
        return Running(**json.loads((home / "run.json").read_text()))
    except FileNotFoundError:
        return None


def secret(home: Path) -> str:
    """The key that signs this home's links and cookies, made at first need."""
    file = home / SECRET
    if not file.exists():
        private_files.home(home)
        _write_private(file, secrets.token_urlsafe(48))
    return file.read_text()


def _write_private(file: Path, text: str) -> None:
    """Write beside, then rename: nobody reads half of it, and nobody else reads any of it."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    private_files.write(draft, text)
    draft.rename(file)


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
