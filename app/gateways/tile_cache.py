"""Tiles kept on disk for all jobs, named after their address; the longest unused go first."""

import os
import tempfile
from hashlib import sha256
from pathlib import Path

from app import private_files
from app.settings import settings


def read(url: str) -> bytes | None:
    """The tile kept for an address."""
    path = _place(url)
    try:
        content = path.read_bytes()
        os.utime(path)
    except FileNotFoundError:
        return None
    return content


def keep(url: str, content: bytes) -> None:
    """Keep a tile for the next job."""
    write(_place(url), content)


def write(path: Path, content: bytes) -> None:
    """Write a file so that others see all of it or none."""
    private_files.folder(path.parent)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)


def trim() -> None:
    """Forget the tiles unused for longest, until the rest fits."""
    files = []
    for entry in _folder().glob("*/*.png"):
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
    return _folder() / name[:2] / f"{name}.png"
