"""Whether files can be kept now: tried now and then with a small one, and remembered for a while."""

import time
from uuid import uuid4

from app.gateways import storage

FOLDER = "readiness"
# More than a disk keeps beside a file's name.
CONTENT = bytes(65_536)
REMEMBERED_S = 10.0


class Probe:
    """One process's knowledge of the storage."""

    def __init__(self) -> None:
        self._key = f"{FOLDER}/{uuid4().hex}"
        self._well_until = 0.0

    async def check(self) -> None:
        """Pass if a file could be written lately; a storage that failed is tried again at once."""
        if time.monotonic() < self._well_until:
            return
        await storage.put(self._key, CONTENT, is_small=True)
        await storage.delete_all([self._key])
        self._well_until = time.monotonic() + REMEMBERED_S
