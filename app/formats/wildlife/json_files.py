"""Large JSON files: parts of them are read, each within bounds, without the rest in memory."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import ijson

from app.errors import Unreadable, quoted
from app.formats.wildlife import streams
from app.parsing.bounds import JsonFile

FILE_BYTES = 1_048_576
MAPPING_MAX = 100_000


def items(path: Path, place: str) -> Iterator[Any]:
    """What stands at a place, such as `images.item`; Unreadable if this is not JSON."""
    try:
        with path.open("rb") as file:
            plain = _without_mark(streams.unpacked(file))
            yield from ijson.items(JsonFile(plain), place, use_float=True, buf_size=FILE_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise Unreadable("This is packed with gzip, but broken or cut off.") from None
    except UnicodeDecodeError:
        raise Unreadable("This is not JSON: its text is not UTF-8.") from None
    except (ijson.JSONError, OverflowError) as error:
        message = str(error).splitlines()[0] if str(error) else "it is broken"
        raise Unreadable(f"This is not JSON: {message}. NaN and Infinity are no JSON either.") from None


def _without_mark(file: IO[bytes]) -> IO[bytes]:
    """The file from behind the byte order mark that some editors write."""
    if cast("io.BufferedReader", file).peek(3)[:3] == b"\xef\xbb\xbf":
        file.read(3)
    return file


def one(path: Path, place: str) -> Any:
    """What stands at a place; None if nothing does."""
    return next(iter(items(path, place)), None)


def mapping(path: Path, place: str) -> dict[str, str]:
    """Texts by their names, such as categories; empty if there are none."""
    content = one(path, place)
    if content is None:
        return {}
    if not isinstance(content, dict) or len(content) > MAPPING_MAX:
        raise Unreadable(f"{place} must be an object of at most {MAPPING_MAX:,} texts.")
    wrong = next((key for key, value in content.items() if not isinstance(value, str)), None)
    if wrong is not None:
        raise Unreadable(f"{place} must have texts as its values; that of {quoted(wrong)} is none.")
    return content
