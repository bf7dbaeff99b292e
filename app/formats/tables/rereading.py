"""Lines of a machine whose columns were corrected: each value is written as the table had it, and read anew.

A line is what COPY writes of it: its id, what it is for, whether it has outputs, and its values.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from app.formats.tables.columns.profiles import profiles
from app.formats.tables.columns.values import ValueReader
from app.formats.tables.lines import Fitting, Kept, Memory, escaped
from app.formats.tables.reading import PIECE_ROWS
from app.formats.tables.sources.records import as_text
from app.formats.tables.splits import Divider, Split
from app.tabular.choices import LinePurpose
from app.tabular.datatypes import Datatype, Role

DATED = frozenset({Datatype.DATE, Datatype.DATETIME})


class Line(NamedTuple):
    """A line, and what it is for; nothing yet if that is to be divided."""

    id: bytes
    purpose: LinePurpose | None
    has_outputs: bool
    values: list[Any]


def reread(
    path: str, before: list[dict[str, Any]], after: list[dict[str, Any]], split: dict[str, Any], target: str
) -> dict[str, Any]:
    """Called in a child: writes all lines with their values read anew; what these look like, and what did not fit."""
    kept = [Kept.of(each, is_typed=False) for each in after]
    fitting = Fitting()
    readers = [_rereader(ValueReader.of(old), new.reader, fitting) for old, new in zip(before, kept, strict=True)]
    outputs = [at for at, each in enumerate(kept) if each.role is Role.OUTPUT]
    divider = Divider(Split.of(split))
    column_profiles = profiles([each.reader.datatype for each in kept])
    between = Path(f"{target}.values")
    with Path(path).open("rb") as rows, between.open("wb") as file:
        while some := list(islice(rows, PIECE_ROWS)):
            heads, cells = zip(*map(_parts, some), strict=True)
            read = [reader(values) for reader, values in zip(readers, zip(*cells, strict=True), strict=True)]
            for profile, values in zip(column_profiles, read, strict=True):
                profile.take(values)
            lines = [_line(head, values, outputs) for head, *values in zip(heads, *read, strict=True)]
            for line in lines:
                if line.purpose is None:
                    divider.take(line.values)
                file.write(_written(line))
    fitting.check()
    _divide(between, Path(target), iter(divider.evaluated()))
    between.unlink()
    return {"profiles": [each.figures() for each in column_profiles], "unfitting": dict(fitting.unfitting)}


def _parts(row: bytes) -> tuple[list[bytes], list[Any]]:
    """The head of a line, and its values."""
    *head, values = row.rstrip(b"\n").split(b"\t")
    return head, orjson.loads(values.replace(b"\\\\", b"\\"))


def _line(head: list[bytes], values: list[Any], outputs: Sequence[int]) -> Line:
    id, *flags, had_outputs = head
    has_outputs = any(values[at] is not None for at in outputs)
    purpose: LinePurpose | None = next(each for each, flag in zip(LinePurpose, flags, strict=True) if flag == b"t")
    if not has_outputs:
        purpose = LinePurpose.SOLVING
    elif purpose is LinePurpose.SOLVING and had_outputs == b"f":
        # It had nothing to teach, and now it has.
        purpose = None
    return Line(id, purpose, has_outputs, values)


def _rereader(old: ValueReader, new: ValueReader, fitting: Fitting) -> Callable[[Sequence[Any]], Sequence[Any]]:
    if (old.datatype, old.decimal, old.order) == (new.datatype, new.decimal, new.order):
        return lambda values: values
    memory = Memory(new, fitting)
    return lambda values: memory.values([as_written(value, old) for value in values])


def as_written(value: Any, old: ValueReader) -> str:
    """A value as a table of the former format has it."""
    if old.datatype is Datatype.FLOAT and isinstance(value, float | int):
        return as_text(value).replace(".", old.decimal)
    if old.datatype in DATED and isinstance(value, str) and old.order.name != "YMD":
        day, _, clock = value.partition("T")
        parts = dict(zip("YMD", day.split("-"), strict=True))
        return "/".join(parts[each] for each in old.order.name or "YMD") + (f" {clock}" if clock else "")
    return as_text(value)


def _written(line: Line) -> bytes:
    flags = "\t".join("t" if each is line.purpose else "f" for each in LinePurpose)
    start = b"%b\t%b\t%b\t" % (line.id, flags.encode(), b"t" if line.has_outputs else b"f")
    return start + escaped(line.values) + b"\n"


def _divide(between: Path, target: Path, evaluated: Iterator[bool]) -> None:
    """Writes the lines, those that had no purpose with the one that the split gives them."""
    none = b"\tf\tf\tf\t"
    with between.open("rb") as lines, target.open("wb") as file:
        for line in lines:
            id, _, rest = line.partition(b"\t")
            if rest.startswith(none[1:]):
                split = b"\tf\tt\tf\t" if next(evaluated) else b"\tt\tf\tf\t"
                file.write(id + split + rest[len(none) - 1 :])
            else:
                file.write(line)
