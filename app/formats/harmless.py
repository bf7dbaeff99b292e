"""Cells of the tables that we write: a spreadsheet takes none of them for a formula.

A text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return gets an apostrophe before it; numbers stay. What
has apostrophes before such a sign gets one more, so that reading a table again gives the same texts.
"""

import csv
import re
from collections.abc import Iterable
from io import StringIO
from typing import Any

DANGEROUS = re.compile(r"'*[=+\-@\t\r]")
MADE_HARMLESS = re.compile(r"'+[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?\Z", re.ASCII)
# A line that has such a cell, and perhaps one that has not.
SUSPECT = re.compile(rb"""(?:^|,)"?'*[=+\-@\t\r]""")


def harmless(value: Any) -> Any:
    """A cell as a table that is opened in a spreadsheet may have it."""
    if isinstance(value, str) and DANGEROUS.match(value) and not NUMBER.match(value):
        return f"'{value}"
    return value


def as_it_was(text: str) -> str:
    """A cell of a table that we wrote."""
    return text[1:] if text[:1] == "'" and MADE_HARMLESS.match(text) else text


def line(cells: Iterable[Any]) -> str:
    """A line of CSV whose cells are harmless."""
    file = StringIO()
    # Only what is in the end of a line is quoted: a carriage return must be, too.
    csv.writer(file, lineterminator="\r\n").writerow([harmless(cell) for cell in cells])
    return file.getvalue().removesuffix("\r\n") + "\n"


def harmless_line(written: bytes) -> bytes:
    """A line of CSV that something else wrote."""
    if not SUSPECT.search(written):
        return written
    [cells] = csv.reader(StringIO(written.decode(), newline=""))
    return line(cells).encode()
