"""Where the rows of a table come from: each format is a source, whose rows are lists of texts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from app.errors import Unreadable
from app.settings import settings
from app.tabular.datatypes import TableFormat

Texts = list[str]


class Source(Protocol):
    """A table whose rows can be read again and again, from the first."""

    format: TableFormat
    encoding: str | None
    separator: str | None
    sheet: str | None
    sheets: list[str]
    # The names of the columns, where the format has them beside the rows.
    names: Texts | None
    # The columns that have numbers in cells of text.
    text_numbers: set[int]
    # What a person should know of the file as a whole.
    notes: list[str]

    def rows(self) -> Iterator[Texts]:
        """The rows that are not blank."""


@dataclass(frozen=True)
class Options:
    """What somebody says about a table, where they know better than we can see."""

    encoding: str | None = None
    separator: str | None = None
    header: bool | None = None
    description_row: bool | None = None
    decimal: str | None = None
    date_order: str | None = None
    sheet: str | None = None
    outputs: list[str] = field(default_factory=list)
    # The order that their account writes dates in: it decides where the values leave a doubt.
    date_order_usual: str = "DMY"


class Bounded:
    """Counts the cells of a table while it is read."""

    def __init__(self) -> None:
        self._cells = 0

    def take(self, row: Texts) -> None:
        """Unreadable if the table is too large."""
        self._cells += len(row)
        if self._cells > settings.machine_table_cells_max:
            raise Unreadable(f"A table may have at most {settings.machine_table_cells_max:,} cells.")


def check_width(width: int) -> None:
    """Unreadable if a table has too many columns."""
    most = settings.machine_table_columns_max
    if width > most:
        raise Unreadable(f"A table may have at most {most:,} columns; this has {width:,}.")


def head_of(path: Path) -> bytes:
    """The first bytes, by which a file is known."""
    with path.open("rb") as file:
        return file.read(512)
