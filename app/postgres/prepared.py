"""Statements made once with SQLAlchemy Core and run many times by a reader: their text, and what is bound to it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from psycopg.adapt import PyFormat, Transformer
from sqlalchemy import ARRAY, BigInteger, BindParameter, SelectBase, bindparam
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.types import TypeEngine

DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]

Bound = Mapping[str, bytes | None]


class _Name(str):
    """Stands in a statement for the value that is given under this name when it runs."""

    __slots__ = ()


def parameter(name: str, kind: TypeEngine[Any]) -> BindParameter[Any]:
    """A parameter whose value is given when the statement runs."""
    return bindparam(name, _Name(name), type_=kind)


KEYS = parameter("keys", ARRAY(BigInteger()))


@dataclass(frozen=True)
class Statement:
    """A prepared text, and for each of its parameters the value or the name under which it is given at run time."""

    sql: bytes
    parameters: tuple[bytes | str | None, ...]

    def bind(self, values: Bound) -> list[bytes | None]:
        """The parameters of one run."""
        return [values[value] if isinstance(value, str) else value for value in self.parameters]


def compiled(statement: SelectBase) -> Statement:
    """The text of a statement and its parameters."""
    text = statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
    binds: dict[str, BindParameter[Any]] = {}
    for bind, name in text.bind_names.items():
        binds[name] = bind
        if bind.expanding:
            binds |= {f"{name}_{number + 1}": bind for number in range(len(bind.value or ()))}
    return Statement(
        str(text).encode(), tuple(_parameter(text.params[name], binds[name].type) for name in text.positiontup or ())
    )


def _parameter(value: Any, kind: TypeEngine[Any]) -> bytes | str | None:
    if isinstance(value, _Name):
        return str(value)
    processed = kind.dialect_impl(DIALECT).bind_processor(DIALECT)
    return dumped(processed(value) if processed else value)


def dumped(value: Any) -> bytes | None:
    """A value as PostgreSQL reads it in a text."""
    if isinstance(value, bytes):
        return rb"\x" + value.hex().encode()  # psycopg would escape them for the server it last connected to
    [text] = Transformer().dump_sequence([value], [PyFormat.TEXT])
    return None if text is None else bytes(text)


def key_array(ids: Iterable[int]) -> bytes:
    """Keys as an array."""
    return b"{%b}" % orjson.dumps([*ids])[1:-1]
