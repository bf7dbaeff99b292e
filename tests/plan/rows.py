"""Random rows for every table, whatever its columns: full of the values that are most easily shown wrongly."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any
from uuid import UUID

from shapely import MultiPoint, MultiPolygon, Point, Polygon, box
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Engine,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Uuid,
    delete,
    insert,
    inspect,
    null,
    text,
)
from sqlalchemy import Enum as EnumColumn
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapper

from app.geometry.columns import Shape
from app.models.base import Base, Record
from app.models.kinds import KindColumn
from app.models.names import Name
from tests.plan import fit_automl, fit_billing, fit_consulting, fit_integrations, fit_wildlife
from tests.plan.fit import COUNT, COUNTS, FIT, JSONS, NAMES, NOWHERE, OF_USERS, TEXTS, any_float, any_time, nothing


@dataclass(frozen=True)
class World:
    """The rows of a database by the names of their classes; the same seed makes the same ones."""

    seed: int
    is_torn: bool
    rows: dict[str, list[Record]] = field(default_factory=dict, repr=False)

    def fill(self, engine: Engine) -> None:
        """Writes the rows past all foreign keys."""
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for table in {type(rows[0]).__table__ for rows in self.rows.values() if rows}:
                connection.execute(delete(table))  # what migrations put there
            for rows in filter(None, self.rows.values()):
                columns = {column.key: column.columns[0].key for column in inspect(type(rows[0])).column_attrs}
                values = [{name: vars(row)[key] for key, name in columns.items() if key in vars(row)} for row in rows]
                connection.execute(insert(type(rows[0])), values)
                table = type(rows[0]).__tablename__
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 100000)"))


@cache
def world(seed: int, *, is_torn: bool = False) -> World:
    """Rows for every table. In a torn one, some keys that must point at a row point at none.

    Made once, since that takes seconds: nobody changes them.
    """
    random = Random(seed)
    tables = [mapper.class_ for mapper in sorted(roots(), key=lambda mapper: mapper.class_.__name__)]
    keys = {table.__tablename__: _keys(random, table.__tablename__) for table in tables}
    fit = FIT | fit_automl.FIT | fit_billing.FIT | fit_consulting.FIT | fit_integrations.FIT | fit_wildlife.FIT
    made = World(seed, is_torn)
    for table in tables:
        columns = [column for column in table.__table__.columns if column.computed is None]
        rows = [
            {column.key: _value(random, column, keys) for column in columns} | {"id": id}
            for id in keys[table.__tablename__]
        ]
        fit.get(table.__tablename__, nothing)(random, rows)
        if is_torn and rows:
            _tear(random, rows, [column for column in columns if column.foreign_keys and not column.nullable])
        for row in rows:
            shown = _class_of(table, row)
            made.rows.setdefault(shown.__name__, []).append(shown(**_attributes(shown, row)))
    return made


def roots() -> list[Mapper[Any]]:
    """The mappers of tables, without those of views and of the classes that share a table with another."""
    return [
        mapper
        for mapper in Base.registry.mappers
        if mapper.inherits is None and "is_view" not in mapper.local_table.info
    ]


def _attributes(shown: type[Record], row: dict[str, Any]) -> dict[str, Any]:
    """The values of columns by the names of their attributes."""
    mapper, columns = inspect(shown), shown.__table__.columns
    return {mapper.get_property_by_column(columns[name]).key: value for name, value in row.items()}


def _class_of(table: type[Record], row: dict[str, Any]) -> type[Record]:
    """The class of a row: of several that share a table, the one that the row says."""
    mapper = inspect(table)
    if mapper.polymorphic_on is None:
        return table
    return mapper.polymorphic_map[row[mapper.polymorphic_on.key]].class_


def _keys(random: Random, table: str) -> list[int]:
    """Rising, from 1, with gaps where rows were deleted; the viewers' accounts and sessions have no gaps."""
    count = COUNTS.get(table, COUNT)
    if table in {"users", "sessions"}:
        return list(range(1, count + 1))
    if table in OF_USERS:
        return list(range(1, COUNTS["users"] + 1))
    return sorted(random.sample(range(1, count + count // 3 + 1), count))


def _value(random: Random, column: Column[Any], keys: dict[str, list[int]]) -> Any:
    if column.nullable and random.random() < 0.3:
        return null() if isinstance(column.type, JSONB) and random.random() < 0.5 else None  # or JSON's own null
    for key in column.foreign_keys:
        candidates = keys[key.column.table.name]
        # Some parents have many children, others none.
        return candidates[int(len(candidates) * random.random() ** 2)]
    return _of(random, column.type)


def _members(kind: EnumColumn | KindColumn) -> list[Any]:
    return list(kind.kind if isinstance(kind, KindColumn) else kind.enum_class)


def _of(random: Random, kind: Any) -> Any:
    if isinstance(kind, ARRAY):
        if isinstance(kind.item_type, EnumColumn | KindColumn):
            members = _members(kind.item_type)
            return random.sample(members, random.randint(0, len(members)))
        return [_of(random, kind.item_type) for _ in range(random.randint(0, 4))]
    if isinstance(kind, EnumColumn | KindColumn):
        return random.choice(_members(kind))
    if isinstance(kind, Shape):
        return _shape(random, kind.kind)
    if isinstance(kind, Name | String):
        return random.choice(NAMES if isinstance(kind, Name) else TEXTS)[: kind.length]
    make: Callable[[Random], Any] = next(make for types, make in SIMPLE if isinstance(kind, types))
    return make(random)


def _shape(random: Random, kind: str) -> Any:
    digits = random.choice([3, 7, 15])
    x, y = round(random.uniform(-179, 178), digits), round(random.uniform(-80, 80), digits)
    outline = box(x, y, x + 0.9, y + 0.9, ccw=random.random() < 0.5)
    holed = Polygon(outline.exterior, [box(x + 0.1, y + 0.1, x + 0.2, y + 0.2).exterior])
    shapes = {"POINT": [Point(x, y), Point(0, -0.0)], "POLYGON": [outline, holed]}
    several = [MultiPolygon([holed, box(x - 1, y, x - 0.5, y + 0.5)]), MultiPoint([(x, y), (y, x)])]
    return random.choice(shapes.get(kind) or [outline, holed, Point(x, y), *several])


def _json(random: Random) -> dict[str, Any]:
    return {random.choice(TEXTS): random.choice(JSONS) for _ in range(random.randint(0, 4))}


SIMPLE: list[tuple[Any, Callable[[Random], Any]]] = [
    (BigInteger, lambda random: random.choice([0, 1, -1, 2**31, 2**53 - 1, 2**63 - 1, -(2**63)])),
    (Integer, lambda random: random.choice([0, 1, -1, 20, 2**31 - 1, -(2**31)])),
    (Boolean, lambda random: random.random() < 0.5),
    (Float, any_float),
    (Numeric, fit_billing.any_amount),
    (DateTime, any_time),
    (Date, lambda random: any_time(random).date()),
    (JSONB, _json),
    (LargeBinary, lambda random: random.randbytes(32)),
    (Uuid, lambda random: UUID(int=random.getrandbits(128), version=4)),
]


def _tear(random: Random, rows: list[dict[str, Any]], columns: list[Column[Any]]) -> None:
    for column in columns:
        # Two who are nobody would be the same.
        if column.table.name not in {"sessions", "blocks", "mutes", "friendships", "friend_requests"}:
            random.choice(rows)[column.key] = NOWHERE
