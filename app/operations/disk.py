"""The disks of this machine: new work is refused before one of them is full, because a full one stops everybody."""

import shutil
import tempfile
from pathlib import Path

import structlog

from app.errors import Unavailable
from app.settings import settings

log = structlog.get_logger()


def places() -> list[Path]:
    """Where files are written: the home, temporary files, and the private PostgreSQL if there is one."""
    named = (settings.home.absolute(), Path(tempfile.gettempdir()), settings.home.absolute() / "postgres")
    return [place for place in named if place.exists()]


def require_room(bytes: int = 0) -> None:
    """Passes while so many bytes would leave enough of every disk free."""
    for place in places():
        free = shutil.disk_usage(place).free
        if free - bytes < settings.disk_free_bytes_min:
            log.warning("disk nearly full", place=str(place), free_bytes=free, needed_bytes=bytes)
            raise Unavailable("There is too little disk space for more work. Try again later.")
