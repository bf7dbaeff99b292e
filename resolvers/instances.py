"""Rows as the objects that resolvers know, for the fields that only Python can compute."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import JSON, ColumnElement, Float, Text, cast, inspect
from sqlalchemy.orm.base import instance_state

from app.models.base import Record
from app.postgres.prepared import DIALECT

# PostgreSQL's numbers for them. Columns of numbers, and no others, ask which kind has come: an amount of money that is
# taken for a float comes out rounded.
DOUBLE_PRECISION, NUMERIC = 701, 1700


class Instances:
    """Makes the objects of a table, each of its kind, of rows that hold all columns that a session would load."""

    def __init__(self, model: type[Record]) -> None:
        mapper = inspect(model)
        self._identity = mapper.identity_key_from_primary_key
        self._keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
        loaded = [attribute for attribute in mapper.column_attrs if not attribute.deferred]
        self._names = [attribute.key for attribute in loaded]
        columns = [attribute.columns[0] for attribute in loaded]
        self.selected: list[ColumnElement[Any]] = [
            cast(column, Text) if isinstance(column.type, JSON) else column for column in columns
        ]
        self._readers = [_reader(column) for column in columns]
        self._kind = None if mapper.polymorphic_on is None else mapper.get_property_by_column(mapper.polymorphic_on).key
        kinds = mapper.polymorphic_map if self._kind else {None: mapper}
        self._new = {kind: each.class_manager.new_instance for kind, each in kinds.items()}

    @staticmethod
    @cache
    def of(model: type[Record]) -> "Instances":
        """The one for a table."""
        return Instances(model)

    def made(self, rows: Iterable[Sequence[Any]]) -> list[Any]:
        """One object each, as if a session had loaded them and closed."""
        return [self._made(row) for row in rows]

    def _made(self, row: Sequence[Any]) -> Any:
        read = zip(self._names, self._readers, row, strict=True)
        values = {name: value if reader is None else reader(value) for name, reader, value in read}
        made = self._new[values[self._kind] if self._kind else None]()
        made.__dict__.update(values)
        # A row that is kept: of one that is new, a relation that was not loaded would be empty instead of an error.
        instance_state(made).key = self._identity(tuple(values[name] for name in self._keys))
        return made


def _reader(column: ColumnElement[Any]) -> Callable[[Any], Any] | None:
    if isinstance(column.type, JSON):
        return lambda value: None if value is None else orjson.loads(value)
    kind = DOUBLE_PRECISION if isinstance(column.type, Float) else NUMERIC
    reader: Callable[[Any], Any] | None = column.type.dialect_impl(DIALECT).result_processor(DIALECT, kind)
    return reader
