"""How a table is read: the report that somebody sees, corrects, and makes a machine of."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from app.errors import Unreadable, quoted
from app.formats.tables.columns import datatypes as deciding
from app.formats.tables.columns import headers, leaks, roles
from app.formats.tables.columns.datatypes import Column
from app.formats.tables.columns.headers import Head
from app.formats.tables.columns.statistics import Statistics
from app.formats.tables.sources.opening import opened
from app.formats.tables.sources.source import Options, Source, Texts
from app.tabular.datatypes import ColumnIssue

PIECE_ROWS = 2_000
SAMPLE_ROWS_MAX = 2_000
NOT_KEPT = "\u00a0\ufeff"


class Sample:
    """Rows from all of a table, evenly apart."""

    def __init__(self) -> None:
        self.rows: list[Sequence[str]] = []
        self._every = 1
        self._count = 0

    def take(self, rows: Sequence[Sequence[str]]) -> None:
        """The next rows."""
        start = -self._count % self._every
        self.rows += rows[start :: self._every]
        self._count += len(rows)
        while len(self.rows) > SAMPLE_ROWS_MAX:
            self.rows = self.rows[::2]
            self._every *= 2


def read(path: str, options: dict[str, Any]) -> dict[str, Any]:
    """The reading of a table, called in a child."""
    chosen = Options(**options)
    source = opened(Path(path), chosen)
    rows = source.rows()
    first = list(islice(rows, headers.ROWS_LOOKED_AT))
    head = headers.detect(first, source.names, chosen)
    seen = [Statistics() for _ in head.names]
    sample = Sample()
    for piece in pieces(chain(first[head.rows :], rows)):
        for statistics, values in zip(seen, zip(*piece, strict=True), strict=True):
            statistics.take(values)
        sample.take(piece)
    if not seen[0].rows:
        raise Unreadable("This table has no rows below its header.")
    columns = _columns(head, seen, source, chosen, sample)
    return _report(source, head, columns, seen, chosen)


def pieces(rows: Iterator[Texts]) -> Iterator[list[Texts]]:
    """Rows in pieces, each cell without space around it."""
    while piece := list(islice(rows, PIECE_ROWS)):
        yield [[cell.strip() if cell.isascii() else cell.strip().strip(NOT_KEPT) for cell in row] for row in piece]


def _columns(head: Head, seen: Sequence[Statistics], source: Source, options: Options, sample: Sample) -> list[Column]:
    unknown = set(options.outputs) - set(head.names)
    if unknown:
        raise Unreadable(f"This table has no column {quoted(min(unknown))}. Name the outputs as the header does.")
    conventions = deciding.conventions_of(list(seen), options, separator=source.separator)
    columns = []
    for position, (name, description) in enumerate(zip(head.names, head.descriptions, strict=True)):
        column = Column(name, position, description=description)
        deciding.decide(column, seen[position], conventions, options)
        columns.append(column)
        _note_name(column, head, source)
    roles.assign(columns, seen, options.outputs)
    leaks.note(columns, sample.rows)
    return columns


def _note_name(column: Column, head: Head, source: Source) -> None:
    if column.position in head.nameless and head.has_header:
        column.warn(ColumnIssue.NO_NAME, "This column has no name in the header.")
    if column.position in head.repeated:
        column.warn(ColumnIssue.DUPLICATE_NAME, "Another column has the same name, so this one has a number behind it.")
    if column.decimal and column.position in source.text_numbers:
        column.warn(
            ColumnIssue.NUMBERS_AS_TEXT,
            "Some of these numbers are in cells of text. Set the datatype LABEL if they are codes.",
        )


def _report(
    source: Source, head: Head, columns: Sequence[Column], seen: Sequence[Statistics], options: Options
) -> dict[str, Any]:
    decimals = [each.decimal for each in columns if each.decimal]
    orders = [each.date_order for each in columns if each.date_order]
    return {
        "format": source.format.value,
        "encoding": source.encoding,
        "separator": source.separator,
        "header": head.has_header,
        "description_row": head.has_description_row,
        "decimal": max(decimals, key=decimals.count) if decimals else options.decimal,
        "date_order": max(orders, key=orders.count) if orders else options.date_order,
        "sheet": source.sheet,
        "sheets": source.sheets,
        "rows": seen[0].rows,
        "notes": source.notes,
        "columns": [_shown(column, statistics) for column, statistics in zip(columns, seen, strict=True)],
    }


def _shown(column: Column, seen: Statistics) -> dict[str, Any]:
    return column.written | {
        "reason": column.reason,
        "role": column.role.value,
        "description": column.description,
        "examples": list(seen.examples),
        "missing_percentage": 100 * seen.missing / seen.rows,
        "issues": [[issue.value, message] for issue, message in column.issues],
    }
