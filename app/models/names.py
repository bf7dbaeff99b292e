"""Columns of names. Whoever writes one, it is kept in its normal form; what no name may be is refused by its field."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ARRAY, String, event
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.orm import ColumnProperty
from sqlalchemy.types import TypeDecorator

from app import checks
from app.identifiers import cleaned, is_blank

Rule = Callable[..., str]


class Name(TypeDecorator[str]):
    """A column for the name of a thing, at most so many characters long; a list of names is an ARRAY of these.

    A value that is set is checked by `rule`. Statements write and compare the normal form.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int, rule: Rule = checks.name) -> None:
        super().__init__(length)
        self.length = length
        self.rule = rule

    @property
    def python_type(self) -> type[str]:
        """What cursors know their values by."""
        return str

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The name as the database keeps it."""
        del dialect
        return None if value is None else cleaned(value)


def check_on_set(base: type[Any]) -> None:
    """From now on, names that are given to rows of `base` are checked and brought into their normal form."""

    @event.listens_for(base, "attribute_instrument", propagate=True)
    def instrumented(model: type[Any], key: str, attribute: Any) -> None:
        del model
        if isinstance(attribute.property, ColumnProperty) and (check := _check_of(attribute.property, key)):
            event.listen(attribute, "set", lambda _, value, *__: check(value), retval=True, propagate=True)


def _check_of(held: ColumnProperty[Any], key: str) -> Callable[[Any], Any] | None:
    column, field = held.columns[0], checks.camel_case(key)
    if isinstance(column.type, Name):
        kind, may_be_null = column.type, bool(column.nullable)
        return lambda value: _one(kind, field, value, may_be_null=may_be_null)
    if isinstance(column.type, ARRAY) and isinstance(column.type.item_type, Name):
        most = column.type.item_type.length
        return lambda values: checks.names(field, values, length_max=most) if isinstance(values, list) else values
    return None


def _one(kind: Name, field: str, value: Any, *, may_be_null: bool) -> Any:
    if not isinstance(value, str):  # null, or an expression of the database's
        return value
    if may_be_null and is_blank(value):
        return None
    return kind.rule(field, value, length_max=kind.length)
