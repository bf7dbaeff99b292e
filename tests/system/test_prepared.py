"""Statements that are made once: what is given to them arrives, and what they find are whole rows."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import DateTime, LargeBinary, cast, select
from sqlalchemy.exc import InvalidRequestError

from app.models.mapping.datasets import Dataset
from app.policies import Viewer
from app.postgres.prepared import compiled, dumped, parameter
from resolvers.loaders import Loaders
from tests import factories


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (LargeBinary(), bytes(range(256))),
        (LargeBinary(), rb"\x41\\'"),
        (DateTime(timezone=True), datetime(2026, 2, 28, 23, 59, 59, 999_999, UTC)),
    ],
)
async def test_a_value_arrives_as_it_was_given(database, kind, value):
    echo = compiled(select(cast(parameter("value", kind), kind)))
    assert await database.reader.rows(echo.sql, echo.bind({"value": dumped(value)})) == [(value,)]


async def test_a_relation_that_was_not_read_is_an_error_and_not_empty(database, owner):
    dataset = await factories.dataset(database, owner.user.id)
    loaded = await Loaders(database.reading, database.reader.rows, Viewer(owner.user.id)).read(Dataset, dataset.id)
    assert (loaded.id, loaded.name, loaded.user_id) == (dataset.id, dataset.name, owner.user.id)
    with pytest.raises(InvalidRequestError):
        loaded.user  # noqa: B018 - it asks
