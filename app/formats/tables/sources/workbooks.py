"""Workbooks: the values of one sheet. Formulas count by the values saved with them; nothing in a workbook is run."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import python_calamine

from app.errors import Unreadable, quoted
from app.formats.tables.notation import numbers
from app.formats.tables.sources import records
from app.formats.tables.sources.source import Bounded, Options, Texts, check_width
from app.parsing import bounds
from app.settings import settings
from app.tabular.datatypes import TableFormat

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = b"PK\x03\x04"
WORKBOOK = "xl/workbook.xml"
BROKEN = "This workbook is broken, encrypted, or of an unknown kind. Save it as xlsx without a password."


class Workbook:
    """One sheet of an xlsx or xls file."""

    encoding: str | None = None
    separator: str | None = None
    names: Texts | None = None

    def __init__(self, path: Path, options: Options, format: TableFormat) -> None:
        self.format = format
        self.notes: list[str] = []
        if format is TableFormat.XLSX:
            self._check(path)
        book = _opened(path)
        self.sheets = [
            each.name for each in book.sheets_metadata if each.typ == python_calamine.SheetTypeEnum.WorkSheet
        ]
        self.sheet: str | None
        self._cells, self.sheet = self._chosen(book, options.sheet)
        self._width = self._bare_width()
        check_width(self._width)
        self.text_numbers = self._text_numbers()

    def _check(self, path: Path) -> None:
        with path.open("rb") as file:
            archive = bounds.archive(file)
            entries = bounds.members(archive)
            names = {entry.filename for entry in entries}
            if WORKBOOK not in names:
                raise Unreadable("This is a ZIP archive, but no workbook. Upload the table itself, unpacked.")
            self._check_size(archive, entries)
        if any(name.endswith("vbaProject.bin") for name in names):
            self.notes.append("This workbook has macros. They are not run.")
        if any(name.startswith("xl/externalLinks/") for name in names):
            self.notes.append("This workbook has links to other files. They are not followed; the saved values count.")

    @staticmethod
    def _check_size(archive: ZipFile, entries: list[Any]) -> None:
        most = settings.machine_table_workbook_bytes_max
        total = 0
        for entry in entries:
            # Counted, not believed: what an archive says of its files may be a lie.
            for piece in bounds.unpacked(archive, entry, bytes_max=most):
                total += len(piece)
                if total > most:
                    raise Unreadable(f"This workbook unpacks to more than {most:,} bytes.")

    def _chosen(self, book: Any, name: str | None) -> tuple[list[list[Any]], str]:
        if name is not None:
            if name not in self.sheets:
                listed = ", ".join(quoted(each) for each in self.sheets[:20])
                raise Unreadable(f"This workbook has no sheet {quoted(name)}. It has {listed}.")
            return _cells(book, name), name
        best: tuple[int, str] | None = None
        for each in self.sheets:
            sheet = _sheet(book, each)
            size = sheet.height * sheet.width
            if size and (best is None or size > best[0]):
                best = size, each
        if best is None:
            raise Unreadable("This workbook has no cells.")
        return _cells(book, best[1]), best[1]

    def _bare_width(self) -> int:
        """The columns up to the last that has a value: workbooks have cells beyond that were only formatted."""
        width = 0
        for row in self._cells:
            for at in range(len(row) - 1, width - 1, -1):
                if row[at] not in {"", None}:
                    width = at + 1
                    break
        if width < 2:
            raise Unreadable("This sheet has one column. A machine needs at least two columns.")
        return width

    def _text_numbers(self) -> set[int]:
        """The columns with numbers in cells of text, beside the header: somebody may have meant them as codes."""
        return {
            at
            for row in self._cells[1:]
            for at, cell in enumerate(row)
            if isinstance(cell, str) and cell and numbers.fit(cell.strip())
        }

    def rows(self) -> Iterator[Texts]:
        """The rows that are not blank."""
        bounded = Bounded()
        for row in self._cells:
            cells = row[: self._width]
            texts = [as_text(cell) for cell in cells]
            texts += [""] * (self._width - len(texts))
            if any(texts):
                bounded.take(texts)
                yield texts


def _opened(path: Path) -> Any:
    try:
        return python_calamine.load_workbook(str(path))
    except (python_calamine.CalamineError, OSError, ValueError):
        raise Unreadable(BROKEN) from None


def _sheet(book: Any, name: str) -> Any:
    try:
        return book.get_sheet_by_name(name)
    except (python_calamine.CalamineError, OSError, ValueError):
        raise Unreadable(BROKEN) from None


def _cells(book: Any, name: str) -> list[list[Any]]:
    sheet = _sheet(book, name)
    most = settings.machine_table_cells_max
    if sheet.height * sheet.width > most:
        raise Unreadable(f"A table may have at most {most:,} cells.")
    cells: list[list[Any]] = sheet.to_python()
    return cells


def as_text(cell: Any) -> str:
    """A cell as a person would write it."""
    match cell:
        case None:
            return ""
        case bool() | float():
            return records.as_text(cell)
        case datetime():
            return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
        case date() | time():
            return cell.isoformat()
        case timedelta():
            hours, rest = divmod(int(cell.total_seconds()), 3_600)
            return f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
    return str(cell)
