"""What was compiled for one task, kept for the next: compiling the network takes most of a short one."""

import os
from pathlib import Path

from app.security import private_files
from app.settings import settings

# Measuring and predicting take less than the second that JAX thinks worth keeping, but every part begins with it.
WORTH_KEEPING_S = 0.1


def keep_compiled() -> None:
    """Has JAX, if it is not imported yet, keep what it compiles in a folder; the oldest makes way for the newest."""
    folder = private_files.folder(settings.home.resolve() / "compiled")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", str(WORTH_KEEPING_S))
    make_way(folder, settings.compiled_bytes_max)


def make_way(folder: Path, bytes_max: int) -> None:
    """Removes the oldest files of a folder until the rest fits; others may do the same meanwhile."""
    files = []
    for path in folder.glob("*"):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        files.append((status.st_mtime_ns, path, status.st_size))
    total_bytes = 0
    for _, path, size in sorted(files, reverse=True):
        total_bytes += size
        if total_bytes > bytes_max:
            path.unlink(missing_ok=True)
