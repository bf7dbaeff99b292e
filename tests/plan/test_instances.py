"""A row that was read without a session is the object that a session would have loaded, for every table."""

from typing import Any

import pytest
from sqlalchemy import inspect, select

from app.database import Database
from app.models.base import Record
from app.postgres.prepared import compiled
from resolvers.instances import Instances
from tests.plan.rows import roots, world
from tests.plan.search import SEED

TABLES = sorted((mapper.class_ for mapper in roots()), key=lambda table: table.__name__)


@pytest.fixture(scope="module")
def url(filled):
    return filled("instances", world(SEED))


def content(row: Record) -> list[tuple[Any, ...]]:
    """What is in its columns; by their texts, since a number that is none equals nothing."""
    names = [attribute.key for attribute in inspect(type(row)).column_attrs if not attribute.deferred]
    return [(type(row), name, type(value := getattr(row, name)), repr(value)) for name in names]


async def test_rows_are_what_a_session_loads(url, redis_url):
    database, compared = Database(url, redis_url), 0
    for table in TABLES:
        instances = Instances.of(table)
        statement = compiled(select(*instances.selected).order_by(table.id))
        read = instances.made(await database.reader.rows(statement.sql, statement.bind({})))
        async with database.reading() as session:
            loaded = (await session.scalars(select(table).order_by(table.id))).all()
        compared += len(loaded)
        assert list(map(content, read)) == list(map(content, loaded)), table
        assert [inspect(row).key for row in read] == [inspect(row).key for row in loaded]
    await database.close()
    assert compared > len(TABLES)
