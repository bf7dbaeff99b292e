"""Global ids: opaque to clients, a type's name and a key to us."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import strawberry

from app.errors import NotFound
from app.models import Record


def encode(row: Record) -> strawberry.ID:
    """The id of a row; a table's class has the name of the type that shows it."""
    text = f"{type(row).__name__}:{row.id}"
    return strawberry.ID(urlsafe_b64encode(text.encode()).decode().rstrip("="))


def shown(name: str, key: str) -> str:
    """Python text for the id of a row of this type, where `key` stands for its key."""
    return f"b2a_base64(b'{name}:%d' % {key}, newline=False).rstrip(b'=').decode()"


def decode(id: str) -> tuple[str, int]:
    """The type's name and the key; NotFound for anything we did not make."""
    try:
        name, _, key = urlsafe_b64decode(id + "=" * (-len(id) % 4)).decode("ascii").partition(":")
        number = int(key)
    except ValueError:
        raise NotFound(f"There is nothing with the id {id[:40]!r}.") from None
    if not 0 < number < 2**63 or str(number) != key:
        raise NotFound(f"There is nothing with the id {id[:40]!r}.")
    return name, number


def key(id: str, model: type[Record]) -> int:
    """The key within a table; an id of another type names nothing here."""
    name, number = decode(id)
    if name != model.__name__:
        raise NotFound(f"There is no {model.__name__} with the id {id[:40]!r}.")
    return number
