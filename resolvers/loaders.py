"""Batched reads along the foreign keys. Each begins with `policies.visible`."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar, Union

from sqlalchemy import BooleanClauseList, ColumnElement, Select, any_, func, inspect
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.visitors import iterate
from strawberry.dataloader import DataLoader

from app.database import ReadSession
from app.errors import NotFound, Unplanned
from app.models.base import Record
from app.opaque import Opaque
from app.pagination import Page, PageArgs, page_per_parent
from app.policies import AnyViewer, Viewer, visible
from app.postgres.prepared import KEYS, Statement, compiled, key_array
from app.postgres.reader import ReadRows
from app.services.system.queue import NO_TURN, Turn, turns
from resolvers.instances import Instances
from resolvers.viewer_kinds import ViewerKind, kind_of

# Where a row that a plan made holds the values of expressions that were read with it.
PREFETCHED = "_prefetched"
M = TypeVar("M", bound=Record)
V = TypeVar("V")


@dataclass(eq=False, repr=False, slots=True)
class Reference(Opaque, Generic[M]):
    """A row that a resolver of a plan has named by its key. The resolver may return it, or ask whether it is None.

    If there is no such row, one that was asked of `Context.find` is an error and one that was asked of `load.one` null.
    """

    model: type[M]
    key: int
    is_required: bool = False


RowOrReference = Union[M, Reference[M]]  # noqa: UP007 - `|` makes no generic alias


class Loaders:
    """The loaders of one operation, created when first needed: one per relation and page."""

    def __init__(
        self, reading: Callable[[], AbstractAsyncContextManager[ReadSession]], rows: ReadRows, viewer: Viewer
    ) -> None:
        self._reading = reading
        self._rows = rows
        self._viewer = viewer
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}

    def forget(self) -> None:
        """Drops cached rows; called after a change."""
        self._loaders.clear()

    async def one(self, model: type[M], id: int) -> RowOrReference[M] | None:
        """The row with this key, if the viewer may see it, for who only returns it; in a plan its reference."""
        return await self.read(model, id)

    async def read(self, model: type[M], id: int) -> M | None:
        """The row with this key, if the viewer may see it."""

        async def fetch(ids: list[int]) -> Sequence[M | None]:
            kind, bound = kind_of(self._viewer)
            statement = _whole(model, kind)
            rows = await self._rows(statement.sql, statement.bind({**bound, "keys": key_array(ids)}))
            row_by_id = {row.id: row for row in Instances.of(model).made([columns for _, *columns in rows])}
            return [row_by_id.get(id) for id in ids]

        row: M | None = await self._load(model, fetch, id)
        return row

    async def many(self, relationship: InstrumentedAttribute[Any], parent_id: int, args: PageArgs) -> Page[Any]:
        """A page of the rows that point at this parent."""
        model, parent = relationship.property.mapper.class_, foreign_key(relationship)
        name = inspect(model).get_property_by_column(parent).key

        async def fetch(parent_ids: list[int]) -> list[Page[Any]]:
            statement = page_per_parent(related(relationship, self._viewer), model, parent, parent_ids, args)
            rows: defaultdict[int, list[Any]] = defaultdict(list)
            async with self._reading() as session:
                for row in await session.scalars(statement):
                    rows[getattr(row, name)].append(row)
            return [Page.cut(rows[id], args) for id in parent_ids]

        page: Page[Any] = await self._load((relationship, args), fetch, parent_id)
        return page

    async def count(self, relationship: InstrumentedAttribute[Any], parent_id: int) -> int:
        """How many rows point at this parent, over all pages."""
        parent = foreign_key(relationship)

        async def fetch(parent_ids: list[int]) -> list[int]:
            rows = related(relationship, self._viewer).where(parent.in_(parent_ids))
            async with self._reading() as session:
                counts = await session.execute(rows.with_only_columns(parent, func.count()).group_by(parent))
                count_by_id = dict(counts.all())
            return [count_by_id.get(id, 0) for id in parent_ids]

        count: int = await self._load((relationship, "count"), fetch, parent_id)
        return count

    async def about(self, question: Callable[[ReadSession, Sequence[int]], Awaitable[Mapping[int, V]]], id: int) -> V:
        """The value of a computed field for this row; queried once for all rows of a level."""

        async def fetch(ids: list[int]) -> list[V]:
            async with self._reading() as session:
                answer_by_id = await question(session, ids)
            return [answer_by_id[id] for id in ids]

        answer: V = await self._load(question, fetch, id)
        return answer

    async def computed(self, model: type[M], expression: Callable[[AnyViewer], ColumnElement[V]], id: int) -> V:
        """The value of an expression over a row's columns for the viewer; NotFound if the row is gone."""

        async def fetch(ids: list[int]) -> list[V | NotFound]:
            query = visible(model, self._viewer).where(model.id.in_(ids))
            async with self._reading() as session:
                rows = await session.execute(query.with_only_columns(model.id, expression(self._viewer)))
                values = dict(rows.all())
            return [values.get(id, NotFound("Not found: this object was deleted meanwhile.")) for id in ids]

        value: V = await self._load((model, expression), fetch, id)
        return value

    async def prefetched(self, row: Record, expression: Callable[[AnyViewer], ColumnElement[V]]) -> V:
        """The value of an expression over a row's columns for the viewer, which came with the row if a plan read it."""
        values = row.__dict__.get(PREFETCHED, {})
        if expression in values:
            value: V = values[expression]
            return value
        return await self.computed(type(row), expression, row.id)

    async def turn(self, job_id: int) -> Turn:
        """When a job's turn comes."""

        async def fetch(ids: list[int]) -> list[Turn]:
            async with self._reading() as session:
                turn_by_id = await turns(session, ids)
            return [turn_by_id.get(id, NO_TURN) for id in ids]

        turn: Turn = await self._load("turns", fetch, job_id)
        return turn

    def _load(self, key: Hashable, fetch: Callable[[list[Any]], Awaitable[Any]], id: int) -> Awaitable[Any]:
        """A loader's future. Fields share it: cancelling one, because its neighbour failed, does not end the others."""
        return asyncio.shield(self._loaders.setdefault(key, DataLoader(load_fn=fetch)).load(id))


class References(Loaders):
    """Loaders that leave the reading of a single row to a plan, which reads only the columns shown."""

    async def one(self, model: type[M], id: int) -> RowOrReference[M] | None:
        """The row's reference, whether it exists or not."""
        return Reference(model, id)

    async def read(self, model: type[M], id: int) -> M | None:
        """Nothing: a plan does not read whole rows for resolvers."""
        del model, id
        raise Unplanned("a resolver looks into a row")


class Names(References):
    """References alone: nothing is read."""

    def __init__(self, viewer: Viewer) -> None:
        nothing: Any = Opaque()
        super().__init__(nothing, nothing, viewer)

    def _load(self, key: Hashable, fetch: Callable[[list[Any]], Awaitable[Any]], id: int) -> Awaitable[Any]:
        del key, fetch, id
        raise Unplanned("a resolver reads")


def by_key(model: type[Record], viewer: AnyViewer, columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    """The rows with given keys, each behind its key."""
    rows = visible(model, viewer).where(model.id == any_(KEYS))
    return rows.with_only_columns(model.id.label("place"), *columns)


@cache
def _whole(model: type[Record], kind: ViewerKind) -> Statement:
    return compiled(by_key(model, kind.viewer, Instances.of(model).selected))


def related(relationship: InstrumentedAttribute[Any], viewer: AnyViewer) -> Select[Any]:
    """The rows on the far side that the viewer may see and the relation includes, whichever row they point at."""
    return visible(relationship.property.mapper.class_, viewer).where(*conditions(relationship))


def conditions(relationship: InstrumentedAttribute[Any]) -> list[ColumnElement[Any]]:
    """The relation's own conditions, besides the key that points back."""
    join, [(local, _)] = relationship.property.primaryjoin, relationship.property.local_remote_pairs
    clauses = join.clauses if isinstance(join, BooleanClauseList) else [join]
    return [clause for clause in clauses if local not in set(iterate(clause))]


def foreign_key(relationship: InstrumentedAttribute[Any]) -> ColumnElement[int]:
    """The column on the far side that points back; composite keys are not supported."""
    [(_, remote)] = relationship.property.local_remote_pairs
    column: ColumnElement[int] = remote
    return column
