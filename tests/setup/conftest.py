"""Homes for private servers."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def new_home() -> Iterator[Callable[[], Path]]:
    """Makes homes whose servers may run as another user: for root they do, and have to get through.

    Not below pytest's own folder: another run of pytest that begins meanwhile closes that to all other users.
    """
    homes: list[Path] = []

    def new_home() -> Path:
        homes.append(Path(tempfile.mkdtemp(prefix="fieldgraph-home-")))
        homes[-1].chmod(0o711)
        return homes[-1]

    yield new_home
    for home in homes:
        shutil.rmtree(home, ignore_errors=True)
