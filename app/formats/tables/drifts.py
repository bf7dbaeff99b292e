"""How far the values of columns lie from those that were known, by column."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from app.formats.tables.columns.values import Unfitting, ValueReader
from app.formats.tables.lines import rows_of
from app.formats.tables.reading import pieces
from app.tabular.datatypes import Datatype, Role
from app.tabular.drift import drift
from app.tabular.inputs.cells import text_of

ROWS_MAX = 10_000
TEXTS = frozenset({Datatype.LANGUAGE, Datatype.JSON})


def between(
    columns: Sequence[dict[str, Any]], before: Sequence[Sequence[Any]], now: Sequence[Sequence[Any]]
) -> list[dict[str, Any]]:
    """The drift of each column that is used, of lines as they are kept. Texts are compared by their lengths."""
    drifts = []
    for position, column in enumerate(columns):
        datatype, cells = Datatype(column["datatype"]), [_cells(lines, position) for lines in (before, now)]
        if column["role"] == Role.IGNORE.value or all(cell is None for some in cells for cell in some):
            continue
        if datatype in TEXTS:
            cells = [[None if cell is None else float(len(text_of(cell))) for cell in some] for some in cells]
        figures = drift("FLOAT" if datatype in TEXTS else datatype.value, *cells)
        drifts.append({"column": column["name"], **vars(figures), "is_large": figures.is_large})
    return drifts


def _cells(lines: Sequence[Sequence[Any]], position: int) -> list[Any]:
    return [line[position] if position < len(line) else None for line in lines]


def of_table(path: str, options: dict[str, Any], columns: list[dict[str, Any]], before: str) -> Any:
    """Called in a child: the drift of a table, or of evenly spread rows of a long one, from lines in a JSON file."""
    rows, names, is_typed = rows_of(Path(path), options)
    place = {name: position for position, name in enumerate(names)}
    readers = [(ValueReader.of(each)._replace(is_typed=is_typed), place.get(each["name"])) for each in columns]
    kept: list[list[Any]] = []
    every = count = 1
    for piece in pieces(rows):
        for row in piece:
            count += 1
            if count % every == 0:
                kept.append([None if at is None else _value(reader, row[at]) for reader, at in readers])
        if len(kept) > ROWS_MAX:
            kept, every = kept[::2], every * 2
    return between(columns, orjson.loads(Path(before).read_bytes()), kept)


def _value(reader: ValueReader, cell: str) -> Any:
    try:
        return reader.of_text(cell)
    except Unfitting:
        return None
