"""Folders that jobs work in: gone when the job ends, and, if its worker was killed, when another one looks."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from app.operations import disk

log = structlog.get_logger()
PREFIX = "fieldgraph-job-"


@contextmanager
def working_folder() -> Iterator[Path]:
    """An empty folder in the system's temporary one. A lock that ends with this process says that somebody uses it.

    Unavailable, so that the job waits, while a disk is nearly full.
    """
    disk.require_room()
    folder, lock = _locked_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked_folder() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        if (lock := _lock(folder)) is not None:
            return folder, lock


def _lock(folder: Path) -> int | None:
    """Holds a folder of ours that nobody holds, and that is still there once it is held."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        held = os.fstat(lock)
        if held.st_uid == os.getuid():
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(held, folder.lstat()):
                return lock
    except OSError:  # another holds it, or removed it in between
        pass
    os.close(lock)
    return None


def remove_left_folders() -> int:
    """Removes the folders of workers that were killed; answers how many."""
    removed = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = _lock(folder)
        if lock is None:
            continue
        with suppress(OSError):
            shutil.rmtree(folder)
            removed += 1
        os.close(lock)
    if removed:
        log.info("removed folders of killed workers", folders=removed)
    return removed
