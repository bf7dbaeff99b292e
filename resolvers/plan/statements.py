"""The statements of levels, made with SQLAlchemy Core."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, any_, func, literal_column, select, true
from sqlalchemy.types import TypeEngine

from app.errors import Unplanned
from app.models.base import Record
from app.pagination import CursorPosition, Span, parents, window
from app.policies import AnyViewer
from app.postgres.prepared import KEYS, Statement, compiled, dumped, parameter

LIMIT = parameter("limit", Integer())
PLACES = ("after", "before")


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
    id = parameter(f"{end}_id", BigInteger())
    return CursorPosition(id) if place.value is None else CursorPosition(id, parameter(f"{end}_value", kind))


def bound(span: Span) -> dict[str, bytes | None]:
    """What is bound for the places of a span."""
    parameter = zip(PLACES, (span.after, span.before), strict=True)
    return {
        name: value
        for end, place in parameter
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
