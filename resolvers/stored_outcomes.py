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

    kept: Callable[[Any], Any]
    told: Callable[[Any, LoadOne], Awaitable[Any]]


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
    async def told(kept: Any, load: LoadOne) -> Any:
        row = await load(model, kept)
        if row is None:
            raise Gone
        return row

    return Outcome(lambda row: row.id, told)


def _plain(kept: Callable[[Any], Any], made: Callable[[Any], Any]) -> Outcome:
    async def told(value: Any, _: LoadOne) -> Any:
        return made(value)

    return Outcome(kept, told)


def _optional(some: Outcome) -> Outcome:
    async def told(kept: Any, load: LoadOne) -> Any:
        try:
            return None if kept is None else await some.told(kept, load)
        except Gone:
            return None

    return Outcome(lambda value: None if value is None else some.kept(value), told)


def _list(each: Outcome) -> Outcome:
    async def told(kept: Any, load: LoadOne) -> Any:
        found = []
        for one in kept:
            try:
                found.append(await each.told(one, load))
            except Gone:
                continue
        return found

    return Outcome(lambda values: [each.kept(value) for value in values], told)


def _compound(kind: Any) -> Outcome:
    hints = get_type_hints(kind)
    parts = {field.name: _of(hints[field.name]) for field in fields(kind)}

    async def told(kept: Any, load: LoadOne) -> Any:
        return kind(**{name: await part.told(kept[name], load) for name, part in parts.items()})

    return Outcome(lambda value: {name: part.kept(getattr(value, name)) for name, part in parts.items()}, told)
