"""Bounds that are checked before a parser meets what they keep away from it: nesting, tokens, members, packing."""

from collections.abc import Iterator
from itertools import accumulate
from os import SEEK_END
from pathlib import PurePosixPath
from struct import Struct
from typing import IO, Protocol
from zipfile import BadZipFile, ZipFile, ZipInfo

from app.errors import Unreadable
from app.settings import settings
from app.settings.units import MIB

CHUNK_BYTES = 65_536
BRACKETS = b"[]{}"
OPENED = {b"]": b"[", b"}": b"{"}
NO_BRACKETS = bytes(sorted(set(range(256)) - set(BRACKETS)))
# One level more for each bracket that opens, as a signed byte, and one less for each that closes.
STEPS = bytes.maketrans(BRACKETS, b"\x01\xff\x01\xff")
# A member of a list at this depth is one thing: a feature of a collection, an element of a reply.
ITEM_DEPTH = 2
# Every byte that may stand in a number or a name becomes the same, all that ends one a blank.
RUNS = bytes(0x20 if byte in b" \t\r\n[]{},:" else 0x61 for byte in range(256))

# The record at the end of an archive (APPNOTE 4.3.16), and a comment behind it.
END = Struct("<4s4H2LH")
END_MARK = b"PK\x05\x06"
END_BYTES_MAX = END.size + 65_535
# What stands before it in an archive that is large (4.3.14 and 4.3.15).
LOCATOR_64 = Struct("<4sLQL")
LOCATOR_64_MARK = b"PK\x06\x07"
END_64 = Struct("<4sQ2H2L4Q")
END_64_MARK = b"PK\x06\x06"
# What the directory may take for each file: its fixed part, a name, and what packing programs add.
ENTRY_BYTES_MAX = 512


class JsonBounds:
    """Follows a JSON document piece by piece; Unreadable if it is nested too deep, or a part of it is too large.

    It only searches and counts, all of it in C: whether the document is JSON is for its parser to say.
    """

    def __init__(self) -> None:
        self._open = b""
        self._escape = b""
        self._is_in_string = False
        self._string_bytes = 0
        self._run = b""
        self._item_bytes = 0

    def check(self, piece: bytes) -> None:
        """Take the next piece."""
        text = (self._escape + piece).replace(b"\\\\", b"").replace(b'\\"', b"")
        # The first half of an escape whose second half comes with the next piece.
        self._escape = b"\\" if text.endswith(b"\\") else b""
        parts = text.split(b'"')
        if self._is_in_string:
            parts.insert(0, b"")
        self._check_strings(parts[1::2], began=self._is_in_string)
        self._is_in_string = len(parts) % 2 == 0
        outside = b" ".join(parts[::2])
        self._check_runs(outside)
        self._check_nesting(outside.translate(None, NO_BRACKETS), len(piece))

    def _check_strings(self, strings: list[bytes], *, began: bool) -> None:
        lengths = list(map(len, strings))
        if began:
            lengths[0] += self._string_bytes
        self._string_bytes = lengths[-1] if lengths else 0
        if max(lengths, default=0) > settings.parser_token_bytes_max:
            raise Unreadable(f"A string in it is longer than {settings.parser_token_bytes_max:,} bytes.")

    def _check_runs(self, outside: bytes) -> None:
        digits_max = settings.parser_number_digits_max
        runs = self._run + outside.translate(RUNS)
        if b"a" * (digits_max + 1) in runs:
            raise Unreadable(f"A number in it has more than {digits_max:,} digits.")
        self._run = runs[runs.rfind(b" ") + 1 :]

    def _check_nesting(self, brackets: bytes, size: int) -> None:
        """Takes away pairs, from the innermost outwards: as often as brackets are nested in this piece."""
        depths = accumulate(memoryview(brackets.translate(STEPS)).cast("b"))
        if len(self._open) + max(depths, default=0) > settings.parser_depth_max:
            raise _too_deep()
        while len(fewer := brackets.replace(b"[]", b"").replace(b"{}", b"")) < len(brackets):
            brackets = fewer
        closing = brackets[: len(brackets) - len(brackets.lstrip(b"]}"))]
        self._item_bytes = size if len(self._open) - len(closing) <= ITEM_DEPTH else self._item_bytes + size
        self._close(closing)
        self._open += brackets[len(closing) :]
        if self._item_bytes > settings.parser_item_bytes_max:
            raise Unreadable(f"One item in it takes more than {settings.parser_item_bytes_max // MIB} MiB.")

    def _close(self, closing: bytes) -> None:
        for each in range(len(closing)):
            if self._open[-1:] != OPENED[closing[each : each + 1]]:
                raise Unreadable("This is not JSON: its brackets do not match.")
            self._open = self._open[:-1]


class Readable(Protocol):
    """Bytes, piece by piece."""

    def read(self, size: int = ..., /) -> bytes:
        """The next piece."""


class JsonFile:
    """A JSON file for a parser that reads it piece by piece; each piece is checked before it is handed on."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._bounds = JsonBounds()

    def read(self, size: int = CHUNK_BYTES) -> bytes:
        """The next piece."""
        piece = self._file.read(size)
        self._bounds.check(piece)
        return piece


def check_json(content: bytes) -> None:
    """Passes if a whole JSON document is within bounds."""
    bounds = JsonBounds()
    for start in range(0, len(content), CHUNK_BYTES):
        bounds.check(content[start : start + CHUNK_BYTES])


def archive(file: IO[bytes], *, files_max: int | None = None) -> ZipFile:
    """A ZIP archive, once the record at its end says that its directory is small: to open it is to read all of that.

    The directory is read by its length, whatever the number of files beside it says; so both are bounded.
    """
    most = settings.archive_files_max if files_max is None else files_max
    count, directory_bytes = _directory(file)
    if count > 2 * most or directory_bytes > most * ENTRY_BYTES_MAX:
        raise Unreadable(f"An archive may contain at most {most:,} files; the directory of this one is larger.")
    file.seek(0)
    try:
        return ZipFile(file)
    except (BadZipFile, NotImplementedError, ValueError):
        raise Unreadable("This is not a ZIP archive, or it is broken.") from None


def _directory(file: IO[bytes]) -> tuple[int, int]:
    """How many entries the directory of a ZIP archive has, folders included, and how many bytes it takes."""
    file.seek(max(0, file.seek(0, SEEK_END) - END_BYTES_MAX))
    tail = file.read()
    at = tail.rfind(END_MARK)
    if at < 0 or len(tail) - at < END.size:
        raise Unreadable("This is not a ZIP archive, or it is cut off.")
    *_, count, directory_bytes, _, _ = END.unpack_from(tail, at)
    locator = tail[max(0, at - LOCATOR_64.size) : at]
    if locator.startswith(LOCATOR_64_MARK):
        _, _, place, _ = LOCATOR_64.unpack(locator)
        file.seek(min(place, file.seek(0, SEEK_END)))
        record = file.read(END_64.size)
        if len(record) < END_64.size or not record.startswith(END_64_MARK):
            raise Unreadable("This is not a ZIP archive, or it is broken.")
        *_, count, directory_bytes, _ = END_64.unpack(record)
    return count, directory_bytes


def members(archive: ZipFile, *, files_max: int | None = None) -> list[ZipInfo]:
    """The files of a ZIP archive, if there are not too many, and each has a proper name of its own and packing."""
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    most = settings.archive_files_max if files_max is None else files_max
    if len(files) > most:
        raise Unreadable(f"An archive may contain at most {most:,} files; this has {len(files):,}.")
    if len({entry.filename for entry in files}) < len(files):
        raise Unreadable("Two files in this archive have the same name.")
    for entry in files:
        _check_member(entry)
    return files


def unpacked(archive: ZipFile, entry: ZipInfo, *, bytes_max: int) -> Iterator[bytes]:
    """The content of a file, piece by piece and counted: what an archive says of a file's size may be a lie."""
    left = bytes_max
    with archive.open(entry) as file:
        while piece := file.read(CHUNK_BYTES):
            left -= len(piece)
            if left < 0:
                raise Unreadable(f"This archive unpacks to more than {bytes_max:,} bytes.")
            yield piece


def _check_member(entry: ZipInfo) -> None:
    name = entry.filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not name.isprintable():
        raise Unreadable("A file name in this archive leads out of it.")
    if entry.flag_bits & 1:
        raise Unreadable("This archive is encrypted. Send it without encryption.")
    if entry.file_size > settings.archive_ratio_max * max(1, entry.compress_size):
        raise Unreadable(f"A file in this archive is compressed more than {settings.archive_ratio_max}-fold.")


def _too_deep() -> Unreadable:
    return Unreadable(f"This is nested more than {settings.parser_depth_max} levels deep.")
