"""Outcomes of mutations stored under their idempotency keys: row ids and plain values, and back."""

from collections.abc import Awaitable, Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from inspect import isclass
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from app.errors import NotFound
from app.models.base import Record

LoadOne = Callable[[type[Record], int], Awaitable[Record | None]]
PLAIN = (str, int, float, bool, NoneType)


class Gone(NotFound):
    """A row of a stored answer that is now deleted or hidden."""

    def __init__(self) -> None:
        super().__init__(
            "This request was already carried out. Its result was deleted, or is no longer visible to you."
        )


class Outcome(NamedTuple):
    """One type of answer: how it is stored, and how it is rebuilt as the viewer may see it now."""

    store: Callable[[Any], Any]
    restore: Callable[[Any, LoadOne], Awaitable[Any]]


def outcome_of(resolver: Callable[..., Any]) -> Outcome:
    """How to store what a resolver returns, by its annotation."""
    return _of(get_type_hints(resolver)["return"])


def _of(kind: Any) -> Outcome:
    origin, of = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        [only] = [each for each in of if each is not NoneType]
        return _optional(_of(only))
    if origin is list:
        return _list(_of(of[0]))
    if kind is Any or origin is dict:  # plain JSON
        return _plain(lambda value: value, lambda value: value)
    kind = getattr(kind, "__supertype__", kind)
    if isclass(kind) and issubclass(kind, Record):
        return _row(kind)
    if is_dataclass(kind):
        return _compound(kind)
    return _value(kind)


def _value(kind: Any) -> Outcome:
    if isclass(kind) and issubclass(kind, Enum):
        return _plain(lambda value: value.value, kind)
    if kind is datetime:
        return _plain(datetime.isoformat, datetime.fromisoformat)
    if kind in PLAIN:
        return _plain(lambda value: value, lambda value: value)
    raise TypeError(f"{kind} cannot be stored: declare the mutation `keyed=False`, or add a codec here.")


def _row(model: type[Record]) -> Outcome:
    async def rebuild(stored: Any, load: LoadOne) -> Any:
        row = await load(model, stored)
        if row is None:
            raise Gone
        return row

    return Outcome(lambda row: row.id, rebuild)


def _plain(store: Callable[[Any], Any], restore: Callable[[Any], Any]) -> Outcome:
    async def rebuild(value: Any, _: LoadOne) -> Any:
        return restore(value)

    return Outcome(store, rebuild)


def _optional(some: Outcome) -> Outcome:
    async def rebuild(stored: Any, load: LoadOne) -> Any:
        try:
            return None if stored is None else await some.restore(stored, load)
        except Gone:
            return None

    return Outcome(lambda value: None if value is None else some.store(value), rebuild)


def _list(each: Outcome) -> Outcome:
    async def rebuild(stored: Any, load: LoadOne) -> Any:
        items = []
        for one in stored:
            try:
                items.append(await each.restore(one, load))
            except Gone:
                continue
        return items

    return Outcome(lambda values: [each.store(value) for value in values], rebuild)


def _compound(kind: Any) -> Outcome:
    hints = get_type_hints(kind)
    parts = {field.name: _of(hints[field.name]) for field in fields(kind)}

    async def rebuild(stored: Any, load: LoadOne) -> Any:
        return kind(**{name: await part.restore(stored[name], load) for name, part in parts.items()})

    return Outcome(lambda value: {name: part.store(getattr(value, name)) for name, part in parts.items()}, rebuild)
