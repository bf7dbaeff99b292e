"""Whether a table has a header and a row of descriptions, and the names of its columns."""

from collections.abc import Sequence
from typing import NamedTuple

from app.formats.tables.notation import dates, missing, numbers
from app.formats.tables.sources.source import Options, Texts
from app.limits.automl import COLUMN_DESCRIPTION_LENGTH_MAX, COLUMN_NAME_LENGTH_MAX

# A value that stands in its own header makes that a row of data, if so many rows have been looked at.
ROWS_LOOKED_AT = 1_000


class Head(NamedTuple):
    """What stands above the rows."""

    names: Texts
    descriptions: list[str | None]
    has_header: bool
    has_description_row: bool
    # The positions whose name was given by us, because there was none; and those whose name another has, too.
    nameless: list[int]
    repeated: list[int]

    @property
    def rows(self) -> int:
        """How many rows it takes."""
        return self.has_header + self.has_description_row


def detect(rows: Sequence[Texts], names: Texts | None, options: Options) -> Head:
    """The head of a table, by its first rows."""
    width = len(rows[0]) if rows else len(names or [])
    if names is not None:
        return _named(names, [None] * width, has_header=False, has_description_row=False)
    has_header = _has_header(rows) if options.header is None else options.header
    if not has_header:
        return _named([""] * width, [None] * width, has_header=False, has_description_row=False)
    described = _is_described(rows[1:]) if options.description_row is None else options.description_row
    if described and len(rows) > 1:
        descriptions = [each.strip()[:COLUMN_DESCRIPTION_LENGTH_MAX] or None for each in rows[1]]
        return _named(rows[0], descriptions, has_header=True, has_description_row=True)
    return _named(rows[0], [None] * width, has_header=True, has_description_row=False)


def _is_typed(text: str) -> bool:
    """Whether this is a number, a date or a time, which no header is."""
    text = text.strip()
    return bool(text) and bool(
        numbers.fit(text) & numbers.BOTH or dates.orders(text) or dates.clock(text) or dates.moment_orders(text)
    )


def _has_header(rows: Sequence[Texts]) -> bool:
    first, rest = rows[0], rows[1:]
    if any(_is_typed(cell) or cell.strip() in {"?", "NA", "N/A"} for cell in first):
        return False
    # A value that stands again below it is a value there, too.
    return not any(cell.strip() and any(row[at] == cell for row in rest) for at, cell in enumerate(first))


def _is_described(rows: Sequence[Texts]) -> bool:
    """Whether the first of the rows says in words what the columns are: below one of its words all is numbers."""
    if len(rows) < 2 or any(_is_typed(cell) for cell in rows[0]):
        return False
    for at, cell in enumerate(rows[0]):
        if missing.is_missing_among_numbers(cell.strip()):
            continue
        below = [row[at].strip() for row in rows[1:]]
        present = [each for each in below if not missing.is_missing_among_numbers(each)]
        if present and all(map(_is_typed, present)):
            return True
    return False


def _named(header: Texts, descriptions: list[str | None], *, has_header: bool, has_description_row: bool) -> Head:
    """Names are data: they are kept as they are, each once."""
    taken = {each.strip()[:COLUMN_NAME_LENGTH_MAX] for each in header}
    names: Texts = []
    nameless, repeated, used = [], [], set[str]()
    for at, each in enumerate(header):
        name = each.replace("\0", "").strip()[:COLUMN_NAME_LENGTH_MAX]
        if not name:
            nameless.append(at)
            name = _free(f"Column_{at + 1}", taken | used) if f"Column_{at + 1}" in taken else f"Column_{at + 1}"
        elif name in used:
            repeated.append(at)
            name = _free(name, taken | used)
        used.add(name)
        names.append(name)
    return Head(names, descriptions, has_header, has_description_row, nameless, repeated)


def _free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name[: COLUMN_NAME_LENGTH_MAX - 8]}_{number}" in taken:
        number += 1
    return f"{name[: COLUMN_NAME_LENGTH_MAX - 8]}_{number}"
