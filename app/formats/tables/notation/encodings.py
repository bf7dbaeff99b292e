"""The encoding of a text file, decided by all its bytes."""

import codecs
from pathlib import Path

from app.errors import Unreadable
from app.settings.units import MIB

PIECE_BYTES = MIB
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What clients read. Latin-1 means Windows-1252 in practice, as in browsers: it has letters for its control characters.
NAMES = {"utf-8-sig": "utf-8", "windows-1252": "latin-1"}
# Bytes that are control characters in Latin-1 and letters in Windows-1252.
WINDOWS = bytes(range(0x80, 0xA0))
NOT_IN_WINDOWS = bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D))


def resolved(path: Path, name: str) -> str:
    """Python's name of an encoding that clients read or give: a mark is no text, and Latin-1 may be Windows-1252."""
    if name == "utf-8":
        return "utf-8-sig"
    return _of_one_byte(path) if name == "latin-1" else name


def detect(path: Path) -> str:
    """Python's name of the encoding; Unreadable if this is no text."""
    with path.open("rb") as file:
        head = file.read(4 * 1_024)
        for mark, encoding in MARKS:
            if head.startswith(mark):
                _check(path, encoding)
                return encoding
        if b"\0" in head:
            encoding = _without_mark(head)
            _check(path, encoding)
            return encoding
        return "utf-8" if _decodes(path, "utf-8") else _of_one_byte(path)


def _without_mark(head: bytes) -> str:
    """UTF-16 in Latin letters has a NUL in every second byte."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    most = len(head) // 2
    if odd > 0.4 * most and even < 0.05 * most:
        return "utf-16-le"
    if even > 0.4 * most and odd < 0.05 * most:
        return "utf-16-be"
    raise Unreadable("This is not text. Save the table as CSV in UTF-8, or as xlsx.")


def _check(path: Path, encoding: str) -> None:
    if not _decodes(path, encoding):
        raise Unreadable(f"This begins like {encoding.upper()}, but is not. Save the table as CSV in UTF-8.")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _of_one_byte(path: Path) -> str:
    letters = set()
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            if b"\0" in piece:
                raise Unreadable("This is not text. Save the table as CSV in UTF-8, or as xlsx.")
            letters |= set(piece)
    if not letters & set(WINDOWS) or letters & set(NOT_IN_WINDOWS):
        return "latin-1"
    return "windows-1252"
