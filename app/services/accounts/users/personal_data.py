"""The personal data in each table: the content of a data export."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from app.database import ReadSession
from app.models.accounts import User
from app.models.base import Base, Record

BATCH = 200
"""The number of rows in memory at once; a shape may have thousands of vertices."""

THEIRS: dict[type[Record], tuple[InstrumentedAttribute[Any], ...]] = {
    table: tuple(getattr(table, name) for name in table.__owned_by__)
    for table in sorted(
        (mapper.class_ for mapper in Base.registry.mappers if mapper.inherits is None),
        key=lambda table: table.__tablename__,
    )
    if issubclass(table, Record) and table.__owned_by__
}
"""The tables with rows that belong to a user, each with the keys that make a row theirs: keys to the account itself, or
to a row of another of these tables that is theirs.
"""


def exported_columns(table: type[Record]) -> list[InstrumentedAttribute[Any]]:
    """The columns of a table that are exported."""
    return [
        column
        for column in _columns(table)
        if not isinstance(column.type, LargeBinary) and "is_withheld" not in column.info
    ]


def _columns(table: type[Record]) -> list[InstrumentedAttribute[Any]]:
    return [getattr(table, attribute.key) for attribute in table.__mapper__.column_attrs]


async def rows_of(
    session: ReadSession, table: type[Record], user_id: int
) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """A user's rows of a table, oldest first, in batches."""
    rows = select(*exported_columns(table)).where(_theirs(table, user_id)).order_by(table.id)
    stream = await session.stream(rows.execution_options(yield_per=BATCH))
    async for batch in stream.partitions():
        yield [row._asdict() for row in batch]


async def files_of(session: ReadSession, user_id: int) -> list[str]:
    """Where a user's files are stored."""
    files = []
    for table in THEIRS:
        for column in (column for column in _columns(table) if "file" in column.info):
            names = select(column).where(_theirs(table, user_id), column.is_not(None)).order_by(table.id)
            files += [column.info["file"].format(name) for name in await session.scalars(names)]
    return files


def _theirs(table: type[Record], user_id: int) -> ColumnElement[bool]:
    """Whether a row belongs to a user."""
    return or_(*(_names(key, user_id) for key in THEIRS[table]))


def _names(key: InstrumentedAttribute[Any], user_id: int) -> ColumnElement[bool]:
    """Whether a key points at a user, or at something of theirs."""
    owners = {owner.__tablename__: owner for owner in THEIRS}
    # A key may also be in a constraint that compares it with the same key of another row: that names no owner.
    keys = [foreign.column for foreign in key.expression.foreign_keys if foreign.column.primary_key]
    [owner] = {owners[column.table.name] for column in keys} or {User}
    if owner is User:
        return key == user_id
    return key.in_(select(owner.id).where(_theirs(owner, user_id)))
