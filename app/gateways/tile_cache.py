"""Tiles kept on disk for all jobs, named after their address; the longest unused go first.

A tile is fresh for as long as its server allows, or for a while; then the server is asked whether it has changed.
"""

import os
import tempfile
from hashlib import sha256
from pathlib import Path
from time import time
from typing import NamedTuple

import orjson

from app.security import private_files
from app.settings import settings


class Validators(NamedTuple):
    """A tile's version by its server's headers, and for how many seconds it is fresh."""

    etag: str | None = None
    last_modified: str | None = None
    age_s_max: float | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that ask whether there is a newer version."""
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in asked.items() if value is not None}


class Kept(NamedTuple):
    """A tile as it was when its server was last asked."""

    content: bytes
    validators: Validators
    asked_at: float

    @property
    def is_fresh(self) -> bool:
        """Whether it may be used without asking."""
        age_s_max = self.validators.age_s_max
        if age_s_max is None:
            # Asking costs little where the server can say that nothing has changed.
            age_s_max = 0.0 if self.validators.headers else settings.imagery_cache_age_s
        return 0 <= time() - self.asked_at < min(age_s_max, settings.imagery_cache_age_s)


def read(url: str) -> Kept | None:
    """The tile kept for an address."""
    path = _place(url)
    try:
        head, _, content = path.read_bytes().partition(b"\n")
        os.utime(path)
        etag, last_modified, age_s_max, asked_at = orjson.loads(head)
    except FileNotFoundError:
        return None
    except ValueError:  # of an earlier version, or cut off
        path.unlink(missing_ok=True)
        return None
    return Kept(content, Validators(etag, last_modified, age_s_max), asked_at)


def keep(url: str, content: bytes, validators: Validators | None = None) -> None:
    """Keep a tile for the next job."""
    head = orjson.dumps([*(validators or Validators()), time()])
    write(_place(url), head + b"\n" + content)


def forget(url: str) -> None:
    """Remove the tile of an address that has none any more."""
    _place(url).unlink(missing_ok=True)


def write(path: Path, content: bytes) -> None:
    """Write a file so that others see all of it or none."""
    private_files.folder(path.parent)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)


def trim() -> None:
    """Forget the tiles unused for longest, until the rest fits."""
    files = []
    for entry in _folder().glob("*/[!.]*"):
        try:
            status = entry.stat()
        except FileNotFoundError:  # Another job trims as well.
            continue
        files.append((status.st_mtime_ns, status.st_size, entry))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= settings.imagery_cache_bytes_max:
            break
        path.unlink(missing_ok=True)
        total -= size


def _folder() -> Path:
    return settings.home / "cache" / "imagery"


def _place(url: str) -> Path:
    name = sha256(url.encode()).hexdigest()
    return _folder() / name[:2] / f"{name}.tile"
