"""The rows of a table as lines of a machine: read by settled columns, written for a COPY."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from app.errors import Unreadable, quoted
from app.formats.tables import headers
from app.formats.tables.opening import opened
from app.formats.tables.reading import pieces
from app.formats.tables.sources import Options
from app.formats.tables.values import Reader, Unfitting

# A column whose values do not fit in more cases than these was read in a wrong way, and not only dirty.
UNFITTING_SHARE_MAX = 0.2
LEARNING_SHARE = 0.8
LEARNING, SOLVING, EVALUATION = "LEARNING", "SOLVING", "EVALUATION"


class Plan(NamedTuple):
    """What lines are made of: how the file is read, the columns of the machine, and what the lines are for."""

    options: dict[str, Any]
    inputs: Sequence[dict[str, Any]]
    outputs: Sequence[dict[str, Any]]
    # LEARNING, SOLVING or EVALUATION; None splits them for learning and evaluation.
    purpose: str | None
    seed: int


class Split:
    """Which purpose each line has."""

    def __init__(self, purpose: str | None, seed: int) -> None:
        self._purpose = purpose
        self._random = random.Random(seed)  # noqa: S311 -- a split is no secret

    def next(self) -> str:
        """The purpose of the next line."""
        if self._purpose is not None:
            return self._purpose
        return LEARNING if self._random.random() < LEARNING_SHARE else EVALUATION


def write(
    path: str,
    options: dict[str, Any],
    inputs: list[dict[str, Any]],
    outputs: list[dict[str, Any]],
    purpose: str | None,
    seed: int,
    target: str,
) -> dict[str, Any]:
    """Called in a child: writes the lines of a table to a file, a JSON list each, and says what did not fit."""
    plan = Plan(options, inputs, outputs, purpose, seed)
    rows, names = _rows(Path(path), plan)
    writer = _Writer(plan, names)
    with Path(target).open("wb") as file:
        for piece in pieces(rows):
            writer.write(file, piece)
    writer.check()
    return {"lines": writer.lines, "unfitting": dict(writer.unfitting), "has_outputs": writer.has_outputs}


def _rows(path: Path, plan: Plan) -> tuple[Iterator[list[str]], list[str]]:
    chosen = Options(**plan.options)
    source = opened(path, chosen)
    rows = source.rows()
    first = list(islice(rows, headers.ROWS_LOOKED_AT))
    head = headers.detect(first, source.names, chosen)

    def below() -> Iterator[list[str]]:
        yield from first[head.rows :]
        yield from rows

    return below(), head.names


class _Writer:
    """Turns rows into lines."""

    def __init__(self, plan: Plan, names: Sequence[str]) -> None:
        at = {name: position for position, name in enumerate(names)}
        missing = [each["name"] for each in plan.inputs if each["name"] not in at]
        if missing:
            raise Unreadable(f"This table lacks the input column {quoted(missing[0])}. A line needs all inputs.")
        present = [each for each in plan.outputs if each["name"] in at]
        if present and len(present) < len(plan.outputs):
            lacking = next(each["name"] for each in plan.outputs if each["name"] not in at)
            raise Unreadable(f"This table lacks the output column {quoted(lacking)}. Give all outputs, or none.")
        self.has_outputs = bool(present)
        self.lines = 0
        self.unfitting: Counter[str] = Counter()
        self._values: Counter[str] = Counter()
        self._examples: dict[str, tuple[str, str]] = {}
        self._inputs = [(Reader.of(each), at[each["name"]]) for each in plan.inputs]
        self._outputs = [(Reader.of(each), at[each["name"]]) for each in present]
        self._split = Split(plan.purpose, plan.seed)

    def write(self, file: IO[bytes], rows: Sequence[Sequence[str]]) -> None:
        """The next rows."""
        for row in rows:
            given = {reader.name: self._value(reader, row[at]) for reader, at in self._inputs}
            wanted = {reader.name: self._value(reader, row[at]) for reader, at in self._outputs}
            outputs = wanted if any(value is not None for value in wanted.values()) else None
            file.write(orjson.dumps([self._split.next(), given, outputs], option=orjson.OPT_APPEND_NEWLINE))
        self.lines += len(rows)

    def _value(self, reader: Reader, text: str) -> Any:
        try:
            value = reader.of_text(text)
        except Unfitting as unfitting:
            self.unfitting[reader.name] += 1
            self._examples.setdefault(reader.name, (text, str(unfitting)))
            return None
        if value is not None:
            self._values[reader.name] += 1
        return value.replace("\0", "") if isinstance(value, str) and "\0" in value else value

    def check(self) -> None:
        """Unreadable if a column was read in a wrong way, or there is nothing."""
        if not self.lines:
            raise Unreadable("This table has no rows below its header.")
        for name, count in self.unfitting.items():
            total = count + self._values[name]
            if count > UNFITTING_SHARE_MAX * total:
                text, expected = self._examples[name]
                raise Unreadable(
                    f"In the column {quoted(name)}, {count:,} of {total:,} values do not fit its format. "
                    f"{quoted(text)} is not {expected}. Correct the datatype or the format of the column."
                )
