"""Files that are unpacked while they are read, with an end to what they may unpack to."""

import gzip
import io
from collections.abc import Callable
from typing import IO, Any
from zipfile import BadZipFile

from app.errors import Unreadable
from app.settings import settings

GZIP = b"\x1f\x8b"
# A file that unpacks to so little is never a bomb.
RATIO_FREE_BYTES = 1_048_576


class Piped(io.RawIOBase):
    """What a function reads, as a file; it counts."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self.count = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes."""
        piece = self._read(len(buffer))
        buffer[: len(piece)] = piece
        self.count += len(piece)
        return len(piece)


def member(file: IO[bytes]) -> IO[bytes]:
    """A member of an archive."""

    def read(size: int) -> bytes:
        try:
            piece = file.read(size)
        except (BadZipFile, EOFError):
            raise Unreadable("A file in this archive is broken.") from None
        check_size(source.count + len(piece))
        return piece

    source = Piped(read)
    return io.BufferedReader(source)


def unpacked(file: IO[bytes]) -> IO[bytes]:
    """The file itself, or what is in it if it is gzip."""
    # A file of its own: closing what reads it leaves the file to who opened it.
    buffered: io.BufferedReader = io.BufferedReader(Piped(file.read))
    if buffered.peek(2)[:2] != GZIP:
        return buffered
    packed = Piped(buffered.read)
    content = gzip.GzipFile(fileobj=io.BufferedReader(packed))

    def read(size: int) -> bytes:
        piece = content.read(size)
        total = source.count + len(piece)
        check_size(total)
        if total > RATIO_FREE_BYTES + settings.archive_ratio_max * packed.count:
            raise Unreadable(f"This is compressed more than {settings.archive_ratio_max}-fold.")
        return piece

    source = Piped(read)
    return io.BufferedReader(source)


def check_size(size: int) -> None:
    """Unreadable if this is more than a packed file may unpack to."""
    if size > settings.import_unpacked_bytes_max:
        raise Unreadable(f"This unpacks to more than {settings.import_unpacked_bytes_max:,} bytes.")
