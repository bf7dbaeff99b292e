"""Files as people have them: packed or not, and text in UTF-8 or UTF-16, read as plain UTF-8."""

import bz2
import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import Unreadable
from app.parsing.bounds import Readable
from app.settings import settings

HEAD_BYTES = 1_024
CHUNK_BYTES = 65_536
# UTF-32 first: its mark begins as that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class _Unpacked:
    """What a packed file holds, counted: its size may be a thousand times that of the file."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._left = settings.label_file_unpacked_bytes_max

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        try:
            piece = self._file.read(size)
        except (OSError, EOFError, zlib.error):
            raise Unreadable("This packed file is broken or cut off.") from None
        self._left -= len(piece)
        if self._left < 0:
            most = settings.label_file_unpacked_bytes_max
            raise Unreadable(f"This file unpacks to more than {most:,} bytes. Send a smaller area.")
        return piece


@contextmanager
def opened(path: Path) -> Iterator[Readable]:
    """A file's content, unpacked if it is packed by gzip or bzip2."""
    with path.open("rb") as file:
        head = file.read(3)
        file.seek(0)
        if head.startswith(b"\x1f\x8b"):
            yield _Unpacked(gzip.GzipFile(fileobj=file))
        elif head == b"BZh":
            yield _Unpacked(bz2.BZ2File(file))
        else:
            yield file


def head(path: Path) -> bytes:
    """How the content begins."""
    with opened(path) as file:
        return file.read(HEAD_BYTES)


class Utf8:
    """A text in UTF-8 or UTF-16 as UTF-8 without a mark; what separates texts of a sequence becomes a line end."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        first = file.read(CHUNK_BYTES)
        mark, encoding = next(((mark, name) for mark, name in MARKS if first.startswith(mark)), (b"", _guessed(first)))
        self._rest = first[len(mark) :]
        self._decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)("strict")

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        """The next piece; a piece may be larger than asked for, since a character may take more bytes."""
        piece = b""
        if self._rest:
            piece, self._rest = self._rest[:size], self._rest[size:]
        elif size:
            piece = self._file.read(size)
        if self._decoder is not None and size:
            piece = self._decoded(piece, size)
        return piece.replace(b"\x1e", b"\n")

    def _decoded(self, piece: bytes, size: int) -> bytes:
        assert self._decoder is not None
        try:
            while True:
                text = self._decoder.decode(piece, final=not piece)
                if text or not piece:
                    return text.encode()
                # Half a character: the end of the file is not reached yet.
                piece = self._rest or self._file.read(size)
                self._rest = b""
        except UnicodeError:
            raise Unreadable("This is not text in UTF-8 or UTF-16. Save it as UTF-8.") from None


def _guessed(first: bytes) -> str:
    """UTF-16 without a mark: JSON begins with plain characters, of which every other byte is zero."""
    if len(first) < 4 or (first[0] and first[1]):
        return "utf-8"
    if not first[1] and first[0]:
        return "utf-16-le" if first[2] or not first[3] else "utf-8"
    return "utf-16-be" if not first[0] and first[1] else "utf-8"


def is_pbf(start: bytes) -> bool:
    """Whether a file begins as OSM PBF does: with the length of a header of that name."""
    return b"OSMHeader" in start[:64] and start.startswith(b"\0\0")


def is_overpass_json(start: bytes) -> bool:
    """Whether a file begins as the JSON of Overpass does."""
    return start.lstrip().startswith(b"{") and (b'"osm3s"' in start or b'"elements"' in start)
