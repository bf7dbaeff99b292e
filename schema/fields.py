"""How fields get their values; everything else is a plain column (see `Row`).

A resolver's docstring describes its field: the first paragraph, then one line `name: description.` per argument.
"""

import re
from collections.abc import Awaitable, Callable
from inspect import cleandoc
from typing import Any, Generic, TypeVar

import strawberry
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField

from app.models.choices import Scope
from app.models.kinds import RateLimit
from app.pagination import AgeOrder, Order, Page, PageArgs, cursors, page
from app.policies import AnyViewer
from app.services.system.requests import rate_limits
from app.settings import settings
from resolvers.context import Info
from resolvers.enums import show_enum, summary
from resolvers.plan.declared import METADATA, Computed, Listing, Many, One, Paced, Paged, Prefetch
from resolvers.stored_outcomes import outcome_of
from schema.descriptions import filled
from schema.field_extensions import Input, Limited, NamedResult, Once, Scoped
from schema.metadata import CLAIMS_FIRST, NEEDS_KEY, NEEDS_READ, ONCE_PER_OPERATION, REQUEST_BYTES_MAX
from schema.sizes import in_words

T = TypeVar("T")
Count = Callable[[], Awaitable[int]]
# A line, and those that continue it, further in.
ARGUMENT_LINE = re.compile(r"^(\w+): (.+(?:\n +.+)*)$", re.MULTILINE)


@strawberry.type(description="An edge of a list: one row with its cursor.")
class Edge(Generic[T]):
    """A cursor and its row."""

    cursor: str = strawberry.field(description="The row's cursor, for use as `after` or `before`.")
    node: T = strawberry.field(description="The row.")


@strawberry.type(description="Information about a page.")
class PageInfo:
    """As Relay defines it."""

    has_next_page: bool = strawberry.field(description="Whether more rows follow this page.")
    has_previous_page: bool = strawberry.field(description="Whether rows precede this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first row, for use as `before`.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last row, for use as `after`.")


async def _total_count(root: strawberry.Parent[Any]) -> int:
    total: int = await root.count()
    return total


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    """As Relay defines it, with `nodes` for clients that need no cursors."""

    edges: list[Edge[T]] = strawberry.field(description="The rows with their cursors.")
    nodes: list[T] = strawberry.field(description="The rows without cursors.")
    page_info: PageInfo = strawberry.field(description="Information about this page.")
    total_count: int = strawberry.field(
        resolver=_total_count, description="The number of rows in the whole list; counted only if requested."
    )
    count: strawberry.Private[Count]

    @classmethod
    def of(cls, page: Page[Any], args: PageArgs, count: Count) -> "Connection[Any]":
        """The page as clients see it."""
        place = cursors(args.order, args.list)
        edges = [Edge(cursor=place(row.id, args.order.value_of(row)), node=row) for row in page.rows]
        return Connection(
            edges=edges,
            nodes=list(page.rows),
            page_info=PageInfo(
                has_next_page=page.has_next,
                has_previous_page=page.has_previous,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
            count=count,
        )


def one(relationship: InstrumentedAttribute[Any], *, needs_read: bool = False) -> Any:
    """The row at the other end of a foreign key.

    One that is never null, and hidden from strangers, `needs_read`: an API key without READ may not ask for it.
    """
    declared = One(relationship)

    metadata = _metadata(declared, needs_read=needs_read)

    async def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
        id = getattr(root, declared.key)
        row = None if id is None else await info.context.load.one(declared.model, id)
        if row is None and not isinstance(info.return_type, StrawberryOptional):
            # It is there for whoever sees this row; hidden it can only be from a key that may not read.
            info.context.permit_reading()
        return row

    return strawberry.field(resolver=resolve, description=relationship.property.doc, metadata=metadata)


def many(
    relationship: InstrumentedAttribute[Any], *, order: type[Order] = AgeOrder, size_max: int | None = None
) -> Any:
    """A page of the rows that point at this one."""
    declared = Many(order, size_max or settings.page_size_max, relationship)
    return strawberry.field(
        resolver=_nothing,
        description=relationship.property.doc,
        extensions=[NestedPages(declared)],
        metadata={METADATA: declared},
    )


def connection(
    resolver: Callable[..., Any],
    *,
    order: type[Order] = AgeOrder,
    size_max: int | None = None,
    is_paced: bool = False,
) -> Any:
    """A page of the rows that a resolver's query returns; one that `is_paced` counts how often it is asked."""
    declared = (Paced if is_paced else Listing)(order, size_max or settings.page_size_max, resolver)
    return _described(
        resolver, strawberry.field(resolver=resolver, extensions=[Pages(declared)], metadata={METADATA: declared})
    )


def computed(expression: Callable[[AnyViewer], ColumnElement[Any]], *, needs_read: bool = False) -> Any:
    """An SQL expression over the row's columns that depends on the viewer; read together with the row.

    One that is never null, of a row hidden from strangers, `needs_read`.
    """

    async def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
        return await info.context.load.computed(type(root), expression, root.id)

    metadata = _metadata(Computed(expression), needs_read=needs_read)
    return _described(expression, strawberry.field(resolver=resolve, metadata=metadata))


def field(
    resolver: Callable[..., Any],
    *,
    prefetch: Callable[[AnyViewer], ColumnElement[Any]] | None = None,
    needs_read: bool = False,
) -> Any:
    """Any other field: the resolver's return value.

    `prefetch` is an SQL expression over the row's columns that the resolver asks `load.prefetched` for: a plan reads it
    with the row. One that is never null, of a row hidden from strangers, `needs_read`.
    """
    metadata = _metadata(Prefetch(prefetch) if prefetch else None, needs_read=needs_read)
    return _described(resolver, strawberry.field(resolver=resolver, metadata=metadata))


def _metadata(declared: Any, *, needs_read: bool) -> dict[Any, Any]:
    return ({METADATA: declared} if declared else {}) | ({NEEDS_READ: True} if needs_read else {})


def mutation(
    resolver: Callable[..., Any],
    *,
    scope: Scope | None = Scope.WRITE,
    rate_limit: RateLimit | None = None,
    keyed: bool = True,
    needs_key: bool | Callable[[], bool] = False,
    claims_first: bool = False,
    once_per_operation: bool = False,
    request_bytes_max: int | None = None,
) -> Any:
    """A mutation: its arguments become one input object, its problems become data.

    `scope` is the scope an API key needs: TRAIN for long-running work, ADMIN for staff-only mutations, None for
    mutations that API keys cannot call at all because they create, reveal, close or end access to an account.
    `rate_limit` counts it; whatever starts a job or accepts a file has one. A mutation that returns a secret is
    not `keyed`: its outcome is not stored, and an idempotency key is refused. A mutation that moves money `needs_key`:
    a request without an idempotency key is refused, since its repetition would move it twice; of work that may cost
    nothing, only while it has a price. A mutation whose resolver does nothing before its transaction may be one that
    `claims_first`: its outcome is looked for in that, and not before it, too. A mutation that checks a secret or sends
    a mail is called `once_per_operation`, so that each guess and each mail costs a request.
    `request_bytes_max` is the largest request with it, where `settings.request_bytes_max` is too small.
    """
    declared = {
        NEEDS_KEY: needs_key,
        CLAIMS_FIRST: claims_first,
        ONCE_PER_OPERATION: once_per_operation,
        REQUEST_BYTES_MAX: request_bytes_max,
    }
    changed = strawberry.mutation(
        resolver=resolver, metadata={name: value for name, value in declared.items() if value}
    )
    _described(resolver, changed)
    if rate_limit:
        most = rate_limits.account_max(rate_limit)
        changed.description += f"\n\nRate limit: {most} {rate_limit.value} per hour; then RATE_LIMITED."
    if not keyed:
        changed.description += "\n\nDoes not accept an idempotency key, because the answer contains a secret."
    if needs_key:
        when = " where this installation has a price for it" if callable(needs_key) else ""
        changed.description += f"\n\nNeeds an idempotency key{when}, so that a repeated request moves no money twice."
    if once_per_operation:
        changed.description += "\n\nCan be called once per operation."
    if request_bytes_max:
        changed.description += f"\n\nA request with this mutation may be up to {in_words(request_bytes_max)}."
    needed = f"API keys need the scope `{scope.value}`." if scope else "Not available to API keys."
    changed.description = f"{changed.description}\n\n{needed}"
    limited = [Limited(rate_limit)] if rate_limit else []
    once = Once(outcome_of(resolver) if keyed else None, needs_key=needs_key)
    # The last is asked first: what was done before is not counted again, but who asks for it must still have the scope.
    changed.extensions = [*limited, once, Scoped(scope), *([Input()] if changed.arguments else []), NamedResult()]
    return changed


def cursor() -> Any:
    """The cursor of an event."""
    return strawberry.field(description="The event's cursor. To miss no events, subscribe again with it as `after`.")


def subscription(resolver: Callable[..., Any]) -> Any:
    """A stream of the values that the resolver yields."""
    return _described(resolver, strawberry.subscription(resolver=resolver))


def _described(resolver: Callable[..., Any], field: StrawberryField) -> StrawberryField:
    described, _, lines = cleandoc(resolver.__doc__ or "").partition("\n\n")
    field.description = filled(described)
    arguments = dict(ARGUMENT_LINE.findall(lines))
    for argument in field.arguments:
        if (text := arguments.get(argument.python_name)) is not None:
            argument.description = filled(" ".join(text.split()))
    return field


def confine(root: Any) -> None:
    """Makes the fields of a root type nullable, so that an error in one leaves the others intact."""
    for field in root.__strawberry_definition__.fields:
        if not isinstance(field.type, StrawberryOptional):
            field.type_annotation = StrawberryAnnotation(StrawberryOptional(field.type))


def _nothing() -> Any:
    """A placeholder, because Strawberry needs a resolver; the extension answers instead."""


class PagedField(FieldExtension):
    """Adds the arguments of a page to a field."""

    def __init__(self, declared: Paged) -> None:
        self.declared = declared

    def apply(self, field: StrawberryField) -> None:
        order = self.declared.order
        orders = show_enum(order, description=f"Sort order. {summary(order)}")
        default, most = next(iter(orders)), self.declared.size_max
        field.arguments = [
            *field.arguments,
            _argument(
                "first",
                int | None,
                None,
                f"How many rows to return from the beginning, at most {most}; {settings.page_size} by default.",
            ),
            _argument("after", str | None, None, "The cursor to continue after."),
            _argument(
                "last", int | None, None, f"How many rows to return from the end, at most {most}; instead of `first`."
            ),
            _argument("before", str | None, None, "The cursor to end before."),
            _argument("order_by", orders, default, "The sort order."),
        ]


class Pages(PagedField):
    """Turns a resolver's query into a page of its rows."""

    async def resolve_async(self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any) -> Any:
        args = self.declared.taken_from(kwargs)
        statement = await next_(source, info, **kwargs)
        model = statement.column_descriptions[0]["entity"]

        async def count() -> int:
            async with info.context.reading() as session:
                return await session.scalar(select(func.count()).select_from(statement.subquery())) or 0

        async with info.context.reading() as session:
            rows = (await session.scalars(page(statement, model, args))).all()
        return Connection.of(Page.cut(rows, args), args, count)


class NestedPages(PagedField):
    """A page of the rows that point at the source, fetched for all sources of a level in one query."""

    def __init__(self, declared: Many) -> None:
        super().__init__(declared)
        self.relationship = declared.relationship

    async def resolve_async(self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any) -> Any:
        del next_
        args = self.declared.taken_from(kwargs)
        load = info.context.load
        page = await load.many(self.relationship, source.id, args)
        return Connection.of(page, args, lambda: load.count(self.relationship, source.id))


def _argument(name: str, kind: Any, default: Any, description: str) -> StrawberryArgument:
    return StrawberryArgument(
        python_name=name,
        graphql_name=None,
        type_annotation=StrawberryAnnotation(kind),
        default=default,
        description=description,
    )
