"""Statements made once with SQLAlchemy Core and run many times: their text, and what is bound to it.

A statement holds for a *kind* of viewer: their rights (`is_staff`, signed in or not) are compiled in, and the ids that
say who it is are bound when it runs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from psycopg.adapt import PyFormat, Transformer
from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.types import TypeEngine

from app.errors import Unplanned
from app.models.base import Record
from app.models.choices import Scope
from app.pagination import CursorPosition, Span, parents, window
from app.policies import AnyViewer, SQLId, SQLViewer, Viewer, visible

DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]

KEYS = bindparam("keys", "keys", type_=ARRAY(BigInteger))
LIMIT = bindparam("limit", "limit", type_=Integer)
VIEWER_IDS = ("user_id", "session_id", "key_id")
PLACES = ("after", "before")
RUN_TIME = {
    "keys",
    "limit",
    *(f"{end}_{part}" for end in PLACES for part in ("id", "value")),
    *(f"viewer_{name}" for name in VIEWER_IDS),
}

VIEWERS_MAX = 1_000

Bound = Mapping[str, bytes | None]


@dataclass(frozen=True)
class Statement:
    """A prepared text, and for each of its parameters the value or the name under which it is given at run time."""

    sql: bytes
    parameters: tuple[bytes | str | None, ...]

    def bind(self, values: Bound) -> list[bytes | None]:
        """The parameters of one run."""
        return [values[value] if isinstance(value, str) else value for value in self.parameters]


class ViewerKind:
    """Viewers whom the same statements serve; there is one object for each kind."""

    def __init__(self, viewer: SQLViewer) -> None:
        self.viewer = viewer
        """Any of them: with their rights, and bound parameters in place of ids."""


_kinds: dict[tuple[Any, ...], ViewerKind] = {}


def kind_of(viewer: Viewer) -> tuple[ViewerKind, Bound]:
    """A viewer's kind, and what their statements bind: their ids by the names of their parameters."""
    return _kind_of(viewer, viewer.scopes, viewer.is_super_admin)


@lru_cache(maxsize=VIEWERS_MAX)
def _kind_of(viewer: Viewer, scopes: frozenset[Scope], is_super_admin: bool) -> tuple[ViewerKind, Bound]:
    # Viewers are equal whatever their scopes are, and super admins or not: so both are part of the key.
    ids = {name: id for name in VIEWER_IDS if (id := getattr(viewer, name)) is not None}
    key = (viewer.is_staff, is_super_admin, scopes, *ids)
    if key not in _kinds:
        user_id, session_id, key_id = (_viewer_id(name) if name in ids else None for name in VIEWER_IDS)
        _kinds[key] = ViewerKind(SQLViewer(user_id, viewer.is_staff, session_id, key_id, scopes, is_super_admin))
    return _kinds[key], {f"viewer_{name}": b"%d" % id for name, id in ids.items()}


def _viewer_id(name: str) -> SQLId:
    parameter = f"viewer_{name}"
    return SQLId(bindparam(parameter, parameter, type_=BigInteger))


def compiled(statement: Select[Any]) -> Statement:
    """The text of a statement and its parameters."""
    text = statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
    binds: dict[str, BindParameter[Any]] = {}
    for bind, name in text.bind_names.items():
        binds[name] = bind
        if bind.expanding:
            binds |= {f"{name}_{number + 1}": bind for number in range(len(bind.value or ()))}
    return Statement(
        str(text).encode(),
        tuple(_parameter(name, text.params[name], binds[name].type) for name in text.positiontup or ()),
    )


def _parameter(name: str, value: Any, kind: TypeEngine[Any]) -> bytes | str | None:
    if name in RUN_TIME:
        return name
    processed = kind.dialect_impl(DIALECT).bind_processor(DIALECT)
    return dumped(processed(value) if processed else value)


def dumped(value: Any) -> bytes | None:
    """A value as PostgreSQL reads it in a text."""
    [text] = Transformer().dump_sequence([value], [PyFormat.TEXT])
    return None if text is None else bytes(text)


def keys(ids: Iterable[int]) -> bytes:
    """Keys as an array."""
    return b"{%s}" % ",".join(map(str, ids)).encode()


def by_key(model: type[Record], viewer: AnyViewer, columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    """The rows with given keys, each behind its key."""
    rows = visible(model, viewer).where(model.id == any_(KEYS))
    return rows.with_only_columns(model.id.label("place"), *columns)


def per_parent(
    statement: Select[Any],
    model: type[Record],
    parent: ColumnElement[int],
    span: Span,
    columns: Sequence[ColumnElement[Any]],
) -> Select[Any]:
    """A page of rows for each of given parents, each row behind its parent's key; see `pagination.page_per_parent`."""
    owners = parents(KEYS)
    rows = window(statement.where(parent == owners.c.id), model, span, limit=LIMIT)
    page = rows.with_only_columns(*_labelled(columns)).lateral("page")
    return select(owners.c.id.label("place"), *page.c).join_from(owners, page, true())


def listed(
    statement: Select[Any],
    model: type[Record],
    span: Span,
    columns: Sequence[ColumnElement[Any]],
) -> Select[Any]:
    """A page of the rows that a query finds, each behind the place that stands for the only list there is."""
    rows = window(statement, model, span, limit=LIMIT)
    return rows.with_only_columns(literal_column("0").label("place"), *columns)


def counted_per_parent(statement: Select[Any], parent: ColumnElement[int]) -> Select[Any]:
    """How many rows point at each of given parents."""
    return _loosely(statement.where(parent == any_(KEYS)).with_only_columns(parent, func.count()).group_by(parent))


def counted(statement: Select[Any]) -> Select[Any]:
    """How many rows a query finds."""
    place: ColumnElement[int] = literal_column("0")
    return _loosely(select(place, func.count()).select_from(statement.subquery()))


def _loosely(statement: Any) -> Select[Any]:
    """The statement, whatever its columns are."""
    loose: Select[Any] = statement
    return loose


def _labelled(columns: Sequence[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    """Distinct names, which a subquery's columns must have."""
    return [column.label(f"c{number}") for number, column in enumerate(columns)]


def symbolic(span: Span, model: type[Record]) -> Span:
    """A span of the same shape with the values of its places bound at run time."""
    kind = getattr(model, span.order.column).type
    after, before = (_symbolic(each, end, kind) for each, end in zip((span.after, span.before), PLACES, strict=True))
    return span._replace(after=after, before=before)


def _symbolic(place: CursorPosition | None, end: str, kind: TypeEngine[Any]) -> CursorPosition | None:
    if place is None:
        return None
    id = bindparam(f"{end}_id", f"{end}_id", type_=BigInteger)
    return (
        CursorPosition(id)
        if place.value is None
        else CursorPosition(id, bindparam(f"{end}_value", f"{end}_value", type_=kind))
    )


def bound(span: Span) -> dict[str, bytes | None]:
    """What is bound for the places of a span."""
    given = zip(PLACES, (span.after, span.before), strict=True)
    return {
        name: value
        for end, place in given
        if place is not None
        for name, value in ((f"{end}_id", b"%d" % place.id), (f"{end}_value", dumped(place.value)))
    }


def shape(span: Span) -> tuple[Any, ...]:
    """What two spans have in common if one statement serves both."""
    places = (None if place is None else place.value is None for place in (span.after, span.before))
    return span.order, span.is_backward, *places


class Asking:
    """All that a list's resolver may read of its context: who asks."""

    __slots__ = ("viewer",)

    def __init__(self, viewer: AnyViewer) -> None:
        self.viewer = viewer

    @property
    def context(self) -> "Asking":
        """Of `info`, the context."""
        return self

    def __getattr__(self, name: str) -> Any:
        raise Unplanned(f"a list's resolver reads {name}")


def asked(resolver: Callable[..., Select[Any]], viewer: AnyViewer, arguments: dict[str, Any]) -> Select[Any]:
    """The query that a list's resolver makes of its arguments."""
    return resolver(Asking(viewer), **arguments)


def compiled_alike(make: Callable[[], Select[Any]]) -> Statement:
    """A statement that will be run again; Unplanned if its query is another each time, as one with the clock in it."""
    statement = compiled(make())
    if compiled(make()) != statement:
        raise Unplanned("a list's query is another each time")
    return statement
