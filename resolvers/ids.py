"""Global ids: opaque to clients; a type's name and a key internally."""

from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Sequence
from functools import cache, lru_cache

import strawberry

from app.errors import NotFound, quoted
from app.models.base import Record

REMEMBERED_MAX = 10_000
LENGTH_MAX = 100


class GlobalIds(dict[int, str]):
    """The ids of one type's rows by key; recent ones are cached."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name.encode()

    def __missing__(self, key: int) -> str:
        if len(self) >= REMEMBERED_MAX:
            self.clear()
        id = self[key] = _written(self._name, key)
        return id


def _written(name: bytes, key: int) -> str:
    # Neither + nor / can come of names and digits, so that plain base64 is as fit for URLs, and faster.
    return b2a_base64(b"%b:%d" % (name, key), newline=False).rstrip(b"=").decode()


@cache
def global_ids(name: str) -> GlobalIds:
    """The ids of a type's rows."""
    return GlobalIds(name)


def encode(row: Record) -> strawberry.ID:
    """The id of a row; a table's class has the name of the type that shows it."""
    return encode_key(type(row), row.id)


def encode_key(model: type[Record], key: int) -> strawberry.ID:
    """The id of a row that may no longer exist."""
    return strawberry.ID(global_ids(model.__name__)[key])


def decode(id: str) -> tuple[str, int]:
    """The type's name and the key; NotFound for anything that is not an id of ours."""
    if len(id) > LENGTH_MAX:
        raise nothing_with(id)
    return _decoded(id)


@lru_cache(maxsize=REMEMBERED_MAX)
def _decoded(id: str) -> tuple[str, int]:
    try:
        name, _, key = urlsafe_b64decode(id + "=" * (-len(id) % 4)).decode("ascii").partition(":")
        number = int(key)
    except ValueError:
        raise nothing_with(id) from None
    # An id is written in one way only, so that equal ids are equal texts.
    if not 0 < number < 2**63 or _written(name.encode(), number) != id:
        raise nothing_with(id)
    return name, number


def key(id: str, model: type[Record]) -> int:
    """The key within a table; an id of another type is not found."""
    name, number = decode(id)
    if name != model.__name__:
        raise nothing_with(id, model.__name__)
    return number


def key_of_any(id: str, models: Sequence[type[Record]], base: type[Record]) -> int:
    """The key within a table whose rows are shown by several types; an id of another type is not found."""
    name, number = decode(id)
    if name not in {model.__name__ for model in models}:
        raise nothing_with(id, base.__name__)
    return number


def nothing_with(id: str, kind: str = "") -> NotFound:
    """The error for an id that is not found, or not of this kind."""
    return NotFound(f"There is {f'no {kind}' if kind else 'nothing'} with the id {quoted(id)}.")
