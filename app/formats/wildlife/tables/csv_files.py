"""CSV files, read row by row: packed or not, within bounds, and with the line each row began on."""

import csv
import io
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

from app.errors import Unreadable, quoted
from app.formats.harmless import as_it_was
from app.formats.wildlife import streams
from app.formats.wildlife.problems import Problems
from app.settings import settings

COLUMNS_MAX = 500


class Row(NamedTuple):
    """One row of a table, by column; empty texts are absent."""

    line: int
    values: dict[str, str]


class Table:
    """A CSV file with a header. Wrong rows are named and left out."""

    def __init__(self, file: IO[bytes], name: str, problems: Problems) -> None:
        self.name = name
        self._problems = problems
        csv.field_size_limit(settings.parser_token_bytes_max)
        text = io.TextIOWrapper(streams.unpacked(file), encoding="utf-8-sig", newline="")
        self._reader = csv.reader(_lines(text, name), strict=True)
        self.columns = self._header()

    def _header(self) -> list[str]:
        columns = [column.strip() for column in _next(self._reader, self.name) or []]
        if not any(columns):
            raise Unreadable(f"{self.name} has no header. Its first line must name the columns.")
        if len(columns) > COLUMNS_MAX:
            raise Unreadable(f"{self.name} has more than {COLUMNS_MAX} columns.")
        twice = {column for column in columns if columns.count(column) > 1}
        if twice:
            raise Unreadable(f"{self.name} has two columns named {quoted(min(twice))}.")
        return columns

    def require(self, columns: Sequence[str]) -> None:
        """Unreadable if the table lacks one of these columns."""
        missing = [column for column in columns if column not in self.columns]
        if missing:
            raise Unreadable(f"{self.name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}.")

    def rows(self) -> Iterator[Row]:
        """All rows with as many fields as the header; each of the others is a problem."""
        width = len(self.columns)
        line = self._reader.line_num + 1
        while (fields := _next(self._reader, self.name)) is not None:
            begun, line = line, self._reader.line_num + 1
            if not fields:
                continue
            if len(fields) != width:
                message = f"This row has {len(fields)} fields; the header has {width}."
                self._problems.add(self.name, begun, None, message)
                continue
            yield Row(begun, self._values(begun, fields))

    def _values(self, line: int, fields: list[str]) -> dict[str, str]:
        values = {}
        for column, field in zip(self.columns, fields, strict=True):
            value = as_it_was(field.strip())
            if "\0" in value:
                value = value.replace("\0", "").strip()
                self._problems.warn(self.name, line, column, "NUL bytes in this value were removed.")
            if value:
                values[column] = value
        return values


def _next(reader: Iterator[list[str]], name: str) -> list[str] | None:
    try:
        return next(reader, None)
    except UnicodeDecodeError:
        raise Unreadable(f"{name} is not UTF-8. Save it as CSV UTF-8.") from None
    except csv.Error as error:
        line = getattr(reader, "line_num", 0)
        raise Unreadable(f"{name} is not CSV: {error} near line {line}.") from None
    except (EOFError, OSError, zlib.error):
        raise Unreadable(f"{name} is packed, but broken or cut off.") from None


def _lines(text: io.TextIOWrapper, name: str) -> Iterator[str]:
    most = settings.parser_token_bytes_max
    while line := text.readline(most + 1):
        if len(line) > most:
            raise Unreadable(f"{name} has a line of more than {most:,} characters.")
        yield line
