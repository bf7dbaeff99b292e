"""Rows as the objects that resolvers know, for the fields that only Python can compute."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import JSON, ColumnElement, Text, cast, inspect

from app.models.base import Record
from resolvers.plan.statements import DIALECT

# PostgreSQL's number for it. Columns of numbers, and no others, ask which kind has come.
DOUBLE_PRECISION = 701


class Instances:
    """Makes a table's objects of rows that hold all of its columns."""

    def __init__(self, model: type[Record]) -> None:
        mapper = inspect(model)
        self._new = mapper.class_manager.new_instance
        self._names = [attribute.key for attribute in mapper.column_attrs]
        columns = [attribute.columns[0] for attribute in mapper.column_attrs]
        self.selected: list[ColumnElement[Any]] = [
            cast(column, Text) if isinstance(column.type, JSON) else column for column in columns
        ]
        self._readers = [_reader(column) for column in columns]

    @staticmethod
    @cache
    def of(model: type[Record]) -> "Instances":
        """The one for a table."""
        return Instances(model)

    def made(self, rows: Sequence[tuple[Any, ...]]) -> list[Any]:
        """One object each, as if a session had loaded them and closed."""
        return [self._made(row) for row in rows]

    def _made(self, row: tuple[Any, ...]) -> Any:
        made = self._new()
        read = zip(self._names, self._readers, row, strict=True)
        made.__dict__.update({name: value if reader is None else reader(value) for name, reader, value in read})
        return made


def _reader(column: ColumnElement[Any]) -> Callable[[Any], Any] | None:
    if isinstance(column.type, JSON):
        return lambda value: None if value is None else orjson.loads(value)
    reader: Callable[[Any], Any] | None = column.type.dialect_impl(DIALECT).result_processor(DIALECT, DOUBLE_PRECISION)
    return reader
