"""The rows of a table as lines of a machine: read by settled columns, written for a COPY.

A line has a value for each column of the machine, by its position. What the table does not have is null.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from app.errors import Unreadable, quoted
from app.formats.tables.columns import headers
from app.formats.tables.columns.profiles import profiles
from app.formats.tables.columns.values import Unfitting, ValueReader
from app.formats.tables.reading import PIECE_ROWS, pieces
from app.formats.tables.sources.opening import opened
from app.formats.tables.sources.source import Options
from app.formats.tables.splits import Divider, Split
from app.tabular.choices import LinePurpose
from app.tabular.datatypes import Datatype, Role, TableFormat

# A column whose values do not fit in more cases than these was read in a wrong way, and not only dirty.
UNFITTING_SHARE_MAX = 0.2
REMEMBERED = 20_000
LINE_COLUMNS = "machine_id, is_for_learning, is_for_evaluation, is_for_solving, has_outputs, values"


class Fitting:
    """Counts which values fit their columns: one that was read in a wrong way is refused, and not only dirty."""

    def __init__(self) -> None:
        self.unfitting: Counter[str] = Counter()
        self._values: Counter[str] = Counter()
        self._examples: dict[str, tuple[str, str]] = {}

    def note(self, name: str, values: int) -> None:
        """So many values fit."""
        self._values[name] += values

    def miss(self, name: str, text: str, unfitting: Unfitting) -> None:
        """A value that does not fit counts as missing."""
        self.unfitting[name] += 1
        self._examples.setdefault(name, (text, str(unfitting)))

    def check(self) -> None:
        """Unreadable if a column was read in a wrong way."""
        for name, count in self.unfitting.items():
            total = count + self._values[name]
            if count > UNFITTING_SHARE_MAX * total:
                text, expected = self._examples[name]
                raise Unreadable(
                    f"In the column {quoted(name)}, {count:,} of {total:,} values do not fit its format. "
                    f"{quoted(text)} is not {expected}. Correct the datatype or the format of the column."
                )


class Memory:
    """Reads the values of a column; equal texts are read once."""

    def __init__(self, reader: ValueReader, fitting: Fitting) -> None:
        self._reader, self._fitting = reader, fitting
        self._known: dict[str, Any] = {}

    def values(self, texts: Sequence[str]) -> list[Any]:
        """The values as lines keep them; what does not fit is counted, and missing."""
        if len(self._known) > REMEMBERED:
            self._known.clear()
        known = self._known
        values = [known[text] if text in known else self._fresh(text) for text in texts]
        self._fitting.note(self._reader.name, len(values) - values.count(None))
        return values

    def _fresh(self, text: str) -> Any:
        try:
            value = self._reader.of_text(text)
        except Unfitting as unfitting:
            return self._fitting.miss(self._reader.name, text, unfitting)
        self._known[text] = without_nul(value)
        return self._known[text]


class Kept(NamedTuple):
    """A column of a machine: how it is read, and what it is for."""

    reader: ValueReader
    role: Role

    @classmethod
    def of(cls, written: dict[str, Any], *, is_typed: bool) -> "Kept":
        """As it is stored; whether the cells come from a format that has numbers."""
        return cls(ValueReader.of(written)._replace(is_typed=is_typed), Role(written["role"]))


def write(
    path: str,
    options: dict[str, Any],
    columns: list[dict[str, Any]],
    split: dict[str, Any] | None,
    purpose: str | None,
    machine_id: int,
    target: str,
) -> dict[str, Any]:
    """Called in a child: writes the lines of a table for a COPY, counts them, and says what did not fit.

    Without a purpose, lines with outputs are divided by `split`, and those without are to be solved.
    """
    rows, names, is_typed = rows_of(Path(path), options)
    kept = [Kept.of(each, is_typed=is_typed) for each in columns]
    taker = _Taker(kept, names)
    divider = Divider(Split.of(split)) if split else None
    column_profiles = profiles([each.reader.datatype for each in kept])
    between = Path(f"{target}.values")
    with between.open("wb") as file:
        for piece in pieces(rows):
            values = taker.values(piece)
            for profile, of_column in zip(column_profiles, values, strict=True):
                profile.take(of_column)
            for line in zip(*values, strict=True):
                has_outputs = taker.has_outputs(line)
                if divider and has_outputs:
                    divider.take(line)
                file.write((b"t\t" if has_outputs else b"f\t") + escaped(line) + b"\n")
    chosen = LinePurpose(purpose) if purpose else None
    taker.check(chosen)
    counts = _assign(between, Path(target), machine_id, chosen, divider)
    between.unlink()
    return {
        "counts": counts,
        "unfitting": dict(taker.fitting.unfitting),
        "profiles": [each.figures() for each in column_profiles],
    }


def rows_of(path: Path, options: dict[str, Any]) -> tuple[Iterator[list[str]], list[str], bool]:
    """The rows below the header, the names of the columns, and whether the format has numbers."""
    chosen = Options(**options)
    source = opened(path, chosen)
    rows = source.rows()
    first = list(islice(rows, headers.ROWS_LOOKED_AT))
    head = headers.detect(first, source.names, chosen)

    def below() -> Iterator[list[str]]:
        yield from first[head.rows :]
        yield from rows

    return below(), head.names, source.format is not TableFormat.CSV


def escaped(line: Sequence[Any]) -> bytes:
    """Values as COPY takes them."""
    return orjson.dumps(line).replace(b"\\", b"\\\\")


def _assign(
    between: Path, target: Path, machine_id: int, purpose: LinePurpose | None, divider: Divider | None
) -> dict[str, int]:
    """Writes each line with what it is for; how many there are for each purpose."""
    counts = dict.fromkeys((each.value for each in LinePurpose), 0)
    flags = iter(divider.evaluated()) if divider else iter(())
    with between.open("rb") as lines, target.open("wb") as file:
        for line in lines:
            chosen = purpose or _divided(line, flags)
            counts[chosen.value] += 1
            _write(file, machine_id, chosen, line)
    return counts


def _divided(line: bytes, flags: Iterator[bool]) -> LinePurpose:
    if not line.startswith(b"t"):
        return LinePurpose.SOLVING
    return LinePurpose.EVALUATION if next(flags) else LinePurpose.LEARNING


def _write(file: IO[bytes], machine_id: int, purpose: LinePurpose, line: bytes) -> None:
    marks = "\t".join("t" if each is purpose else "f" for each in LinePurpose)
    file.write(f"{machine_id}\t{marks}\t".encode() + line)


class _Taker:
    """Turns rows into lines."""

    def __init__(self, columns: Sequence[Kept], names: Sequence[str]) -> None:
        place = {name: position for position, name in enumerate(names)}
        for each in columns:
            if each.role is Role.INPUT and each.reader.name not in place:
                raise Unreadable(
                    f"This table lacks the input column {quoted(each.reader.name)}. A line needs all inputs."
                )
        outputs = [each.reader.name for each in columns if each.role is Role.OUTPUT]
        lacking = [name for name in outputs if name not in place]
        if lacking and len(lacking) < len(outputs):
            raise Unreadable(f"This table lacks the output column {quoted(lacking[0])}. Give all outputs, or none.")
        self.lines = 0
        self._without = 0
        self.fitting = Fitting()
        self._columns = [(Memory(each.reader, self.fitting), place.get(each.reader.name)) for each in columns]
        self._outputs = [at for at, each in enumerate(columns) if each.role is Role.OUTPUT]

    def values(self, rows: Sequence[Sequence[str]]) -> list[list[Any]]:
        """The values of rows, column by column in the order of the machine's."""
        self.lines += len(rows)
        texts = list(zip(*rows, strict=True))
        return [[None] * len(rows) if at is None else column.values(texts[at]) for column, at in self._columns]

    def has_outputs(self, line: Sequence[Any]) -> bool:
        """Whether a line says an answer."""
        if any(line[at] is not None for at in self._outputs):
            return True
        self._without += 1
        return False

    def check(self, purpose: LinePurpose | None) -> None:
        """Unreadable if a column was read in a wrong way, or there is nothing, or no answer where one is needed."""
        if not self.lines:
            raise Unreadable("This table has no rows below its header.")
        if self._without and purpose in {LinePurpose.LEARNING, LinePurpose.EVALUATION}:
            raise Unreadable(
                f"{self._without:,} of {self.lines:,} rows have no outputs. Lines for {purpose.value} need them."
            )
        self.fitting.check()


def without_nul(value: Any) -> Any:
    """The value without NUL characters, which PostgreSQL keeps in no text."""
    if isinstance(value, str):
        return value.replace("\0", "") if "\0" in value else value
    if isinstance(value, dict):
        return {without_nul(key): without_nul(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_nul(each) for each in value]
    return value


def profile(path: str, datatypes: list[str]) -> list[dict[str, Any]]:
    """Called in a child: what the values of lines look like, a JSON list of values each."""
    column_profiles = profiles([Datatype(each) for each in datatypes])
    with Path(path).open("rb") as file:
        while some := list(islice(file, PIECE_ROWS)):
            for each, values in zip(column_profiles, zip(*map(orjson.loads, some), strict=True), strict=True):
                each.take(values)
    return [each.figures() for each in column_profiles]
