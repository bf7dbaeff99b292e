"""Files and folders that only the user may read who runs this: everything that is written below the home is one."""

import os
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

FILE_MODE, FOLDER_MODE = 0o600, 0o700
UMASK = 0o077
# PostgreSQL refuses to run as root. Its other user has to get through the home to its own folder, and sees no more.
PASSABLE_MODE = 0o711
POSTGRES = "postgres"


def keep_private() -> None:
    """Have this process and those that it starts create nothing for others, also where a library creates it."""
    os.umask(UMASK)


def folder(path: Path) -> Path:
    """Make a folder, and what it lacks above it."""
    for missing in [each for each in (path, *path.parents) if not each.exists()][::-1]:
        missing.mkdir(mode=FOLDER_MODE, exist_ok=True)
    return path


def home(path: Path) -> Path:
    """Make a home, or take from others what they may do in it."""
    if not path.exists():
        folder(path).chmod(_home_mode())
    _restrict(path, _home_mode())
    return path


def write(path: Path, content: str | bytes) -> None:
    """Write a file in place of what is there."""
    with opened(path, "wb") as file:
        path.chmod(FILE_MODE)
        file.write(content.encode() if isinstance(content, str) else content)


def opened(path: Path, mode: str) -> IO[Any]:
    """An open file; if it is created, then as a private one."""
    return open(path, mode, opener=opener)


def opener(path: str, flags: int) -> int:
    """For `open`: what it creates is private."""
    return os.open(path, flags, FILE_MODE)


def tighten(path: Path) -> None:
    """Restrict what an older version has left in a home: PostgreSQL's folder apart, which is restricted by itself.

    A folder is restricted after what is in it. So one that is restricted already need not be looked into again.
    """
    if not path.is_dir():
        return
    for entry in os.scandir(path):
        if entry.name != POSTGRES:
            _tighten(entry)
    _restrict(path, _home_mode())


def _tighten(entry: "os.DirEntry[str]") -> None:
    with suppress(FileNotFoundError, PermissionError):
        if entry.is_symlink():
            return
        mode = entry.stat().st_mode
        if entry.is_dir():
            if mode & UMASK:
                for inner in os.scandir(entry):
                    _tighten(inner)
            _restrict(Path(entry.path), FOLDER_MODE)
        elif entry.is_file():
            _restrict(Path(entry.path), FOLDER_MODE)


def _restrict(path: Path, allowed: int) -> None:
    """Take from a file's mode what is not allowed."""
    mode = path.stat().st_mode & 0o7777
    if mode & ~allowed:
        path.chmod(mode & allowed)


def _home_mode() -> int:
    return PASSABLE_MODE if os.getuid() == 0 else FOLDER_MODE
