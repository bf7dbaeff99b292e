"""Tables in text files: values apart by a comma, a semicolon, a tab or a pipe."""

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from app.errors import Unreadable
from app.formats.tables.notation import encodings
from app.formats.tables.sources.source import Bounded, Options, Texts, check_width
from app.settings import settings
from app.tabular.datatypes import TableFormat

SEPARATORS = (",", ";", "\t", "|")
SAMPLE_CHARACTERS = 262_144
SAMPLE_ROWS = 1_000
# How a quote is understood: by the book; as a letter; by the book where it can be.
STYLES: tuple[dict[str, Any], ...] = (
    {"strict": True},
    {"quoting": csv.QUOTE_NONE},
    {"strict": False},
)


class Dialect(NamedTuple):
    """How a file of separated values is written."""

    separator: str
    style: int
    width: int


class Separated:
    """A file of separated values."""

    format = TableFormat.CSV
    sheet: str | None = None
    names: Texts | None = None

    def __init__(self, path: Path, options: Options) -> None:
        self.sheets: list[str] = []
        self.notes: list[str] = []
        self.text_numbers: set[int] = set()
        self._path = path
        csv.field_size_limit(settings.parser_token_bytes_max)
        encoding = options.encoding
        self._encoding = encodings.resolved(path, encoding) if encoding else encodings.detect(path)
        self.encoding: str | None = encodings.NAMES.get(self._encoding, self._encoding)
        dialect = self._dialect(options.separator)
        self.separator: str | None = dialect.separator
        self._style, self._width = self._best_style(dialect)
        check_width(self._width)

    def rows(self) -> Iterator[Texts]:
        """The rows that are not blank, all of one width."""
        width, bounded = self._width, Bounded()
        for row in self._read(self._style):
            if len(row) != width:
                row = [*row[:width], *[""] * (width - len(row))]  # noqa: PLW2901 -- the same row, made even
            bounded.take(row)
            yield row

    def _dialect(self, separator: str | None) -> Dialect:
        """The separator that makes the first rows the most even and the widest."""
        with self._path.open(encoding=self._encoding, newline="") as file:
            sample = _decoded(file.read, SAMPLE_CHARACTERS)
        if not sample.strip():
            raise Unreadable("This file is empty.")
        lines = sample.splitlines(keepends=True)
        if len(sample) == SAMPLE_CHARACTERS and len(lines) > 1:
            lines.pop()
        tried = [_tried(lines, each) for each in ([separator] if separator else SEPARATORS)]
        _, dialect = max(tried, key=lambda each: (each[1].width > 1, round(each[0], 2), each[1].width))
        if dialect.width < 2:
            raise Unreadable(
                "This table has one column, or its values are apart by an unknown sign. A machine needs at least two "
                "columns: what is known, and what is to be learned. Use commas, semicolons, tabs or pipes."
            )
        return dialect

    def _best_style(self, dialect: Dialect) -> tuple[int, int]:
        """The style of quotes with the fewest uneven rows, by the whole file, and the width it makes."""
        self.separator = dialect.separator
        best: tuple[float, int, int] | None = None
        for style in range(len(STYLES)):
            try:
                widths = Counter(len(row) for row in self._read(style))
            except csv.Error as error:
                if "field limit" in str(error) and style == len(STYLES) - 1 and best is None:
                    raise _long_cell() from None
                continue
            if not widths:
                continue
            width, count = max(widths.items(), key=lambda each: (each[1], each[0]))
            uneven = (widths.total() - count) / widths.total()
            if best is None or uneven < best[0]:
                best = uneven, style, width
                self._say_uneven(widths, width)
            if uneven == 0:
                break
        if best is None:
            raise _long_cell()
        return best[1:]

    def _say_uneven(self, widths: Counter[int], width: int) -> None:
        self.notes.clear()
        short = sum(count for each, count in widths.items() if each < width)
        long = sum(count for each, count in widths.items() if each > width)
        if short:
            self.notes.append(f"{short:,} rows have fewer than {width} values; what they lack is missing.")
        if long:
            self.notes.append(f"{long:,} rows have more than {width} values; the values beyond are left out.")

    def _read(self, style: int) -> Iterator[Texts]:
        with self._path.open(encoding=self._encoding, newline="") as file:
            reader = csv.reader(_lines(file), delimiter=self.separator or ",", **STYLES[style])
            for row in reader:
                if any(row) and (len(row) > 1 or row[0].strip()):
                    yield row


def _lines(file: Any) -> Iterator[str]:
    """The lines of a file, without NUL and none too long."""
    most = settings.parser_token_bytes_max * 8
    while line := _decoded(file.readline, most + 1):
        if len(line) > most:
            raise Unreadable(f"A line in this file has more than {most:,} characters.")
        yield line.replace("\0", "") if "\0" in line else line


def _decoded(read: Any, size: int) -> str:
    try:
        return str(read(size))
    except UnicodeError:
        raise Unreadable("This text is not in the encoding that was given or found. Save it in UTF-8.") from None


def _tried(lines: list[str], separator: str) -> tuple[float, Dialect]:
    """How even the rows are that a separator makes."""
    best = (0.0, Dialect(separator, 0, 1))
    for style in range(len(STYLES)):
        try:
            rows = [
                len(row)
                for row in islice(csv.reader(iter(lines), delimiter=separator, **STYLES[style]), SAMPLE_ROWS)
                if row
            ]
        except csv.Error:
            continue
        if not rows:
            continue
        width, count = max(Counter(rows).items(), key=lambda each: (each[1], each[0]))
        if (count / len(rows), width) > (best[0], best[1].width):
            best = count / len(rows), Dialect(separator, style, width)
    return best


def _long_cell() -> Unreadable:
    most = settings.parser_token_bytes_max
    return Unreadable(f"A value in this table has more than {most:,} characters.")
