"""Rows of a Camtrap DP table: every field is checked by its rules, and each fault is named."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.errors import quoted
from app.formats.wildlife.camtrap_dp.fields import BOX, Field, Kind, TableRules
from app.formats.wildlife.problems import Problems
from app.formats.wildlife.tables import values
from app.formats.wildlife.tables.csv_files import Row, Table

NULLS = frozenset({"NA", "NaN", "nan", "NULL", "null", "None"})
PRIVATE_PATH = "This path leads out of the package. It must not start with . / or ~, nor contain two dots in a row."


class Checked(NamedTuple):
    """A row with its values; None if a field of it is wrong."""

    line: int
    values: dict[str, Any] | None


class Rows:
    """Reads a table by its rules."""

    def __init__(self, rules: TableRules, table: Table, problems: Problems, zone: ZoneInfo | None) -> None:
        self.file = table.name
        self._rules = rules
        self._table = table
        self._problems = problems
        self._zone = zone
        self._check_columns()

    def _check_columns(self) -> None:
        self._table.require(self._rules.required)
        known = set(self._rules.columns)
        for column in self._table.columns:
            if column not in known:
                self._problems.warn(self.file, 1, column, "This column is not part of Camtrap DP; it is ignored.")
        present = [column for column in self._table.columns if column in known]
        if present != [column for column in self._rules.columns if column in set(present)]:
            self._problems.warn(self.file, 1, None, "The columns are not in the order of the standard.")

    def __iter__(self) -> Iterator[Checked]:
        for row in self._table.rows():
            yield Checked(row.line, self._values(row))

    def _values(self, row: Row) -> dict[str, Any] | None:
        before = self._problems.errors
        row_values: dict[str, Any] = {}
        for field in self._rules.fields:
            text = row.values.get(field.name)
            if text in NULLS:
                message = f"{quoted(text or '')} was read as no value. Leave the field empty."
                self._problems.warn(self.file, row.line, field.name, message)
                text = None
            if text is not None:
                row_values[field.name] = self._value(row.line, field, text)
            elif field.required:
                self._problems.add(self.file, row.line, field.name, "This field is required.")
        return row_values if self._problems.errors == before else None

    def _value(self, line: int, field: Field, text: str) -> Any:
        try:
            value, odd = _read(field.kind, text, self._zone)
            _check(field, value)
        except values.Odd as error:
            self._problems.add(self.file, line, field.name, f"{error} This is {quoted(text)}.")
            return None
        if odd:
            self._problems.warn(self.file, line, field.name, odd)
        return value


def _read(kind: Kind, text: str, zone: ZoneInfo | None) -> tuple[Any, str | None]:
    match kind:
        case Kind.NUMBER:
            return values.number(text), None
        case Kind.INTEGER:
            return values.integer(text)
        case Kind.BOOLEAN:
            return values.boolean(text)
        case Kind.TIME:
            return values.moment(text, zone)
        case Kind.JSON:
            return _json(text)
    return text, None


def _json(text: str) -> tuple[dict[str, Any] | None, str | None]:
    try:
        return values.json_object(text), None
    except values.Odd as error:
        return None, f"{error} The value is ignored."


def _check(field: Field, value: Any) -> None:
    if field.choices and value not in field.choices:
        raise values.Odd(f"This must be one of {', '.join(field.choices)}.")
    if field.pattern is not None and not field.pattern.match(value):
        raise values.Odd(PRIVATE_PATH if field.name == "filePath" else "This is not image/…, video/… or audio/….")
    if field.least is not None and value < field.least:
        raise values.Odd(f"This must be {'more than 0' if field.name in BOX[2:] else f'at least {field.least:g}'}.")
    if field.most is not None and value > field.most:
        raise values.Odd(f"This must be at most {field.most:g}.")


def iso(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as plain values: times as ISO 8601 with their offsets as written."""
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}
