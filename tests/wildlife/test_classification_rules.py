"""PostgreSQL keeps the rules of classifications: each is attacked with plain SQL, as a script could."""

import psycopg
import pytest

from app.operations.migrate import plain_url
from app.policies import Viewer
from app.services.wildlife.classifications import approving
from app.settings import settings
from tests.wildlife.classifying import Season, by_ai, by_person, final, season, seen


@pytest.fixture
async def at(database, owner) -> Season:
    return await season(database, owner.id)


@pytest.fixture
def sql(database, at):
    """Runs statements as the application's role may, and rolls them back if one is refused."""
    with psycopg.connect(plain_url(str(settings.database_url))) as connection:

        def run(statement: str, **values: object) -> list[tuple[object, ...]]:
            cursor = connection.execute(statement, values)
            connection.commit()
            return cursor.fetchall() if cursor.description else []

        yield run


def refuses(sql, statement: str, name: str, **values: object) -> None:
    """The database refuses a statement by the rule of this name."""
    with pytest.raises(psycopg.errors.IntegrityError) as refused:
        sql(statement, **values)
    refused.value.diag  # noqa: B018
    assert refused.value.diag.constraint_name == name


async def test_every_medium_of_a_linked_collection_has_one_final(database, at, sql):
    rows = sql("SELECT resource_id, version, is_approved FROM classifications WHERE classification_type = 'FINAL'")
    assert sorted(rows) == [(each.id, 1, False) for each in at.resources]


async def test_ai_and_a_person(database, at, owner, sql):
    ai = await by_ai(database, at, 0, seen(at.fox))
    mine = await by_person(database, at, 0, owner.id, seen(at.deer))
    now = await final(database, at)
    assert (now.is_classified, now.is_classified_ai, now.disagrees, now.needs_review) == (True, True, True, True)
    async with database.writing() as session:
        await approving.approve_classification(session, Viewer(owner.id), mine.id, expected_version=now.version)
    now = await final(database, at)
    assert (now.source_id, now.is_approved, now.version, now.disagrees, now.needs_review) == (
        mine.id,
        True,
        2,
        True,
        False,
    )
    assert sql(
        "SELECT resource_count, approved_count, classified_count, classified_ai_count FROM classification_projects"
    ) == [(3, 1, 1, 1)]
    assert sql(
        "SELECT total_count, approved_count, classified_count, classified_ai_count"
        " FROM classification_project_collections"
    ) == [(3, 1, 1, 1)]
    assert sql("SELECT classification_id, shown_by_id FROM classification_attrs ORDER BY id") == [
        (ai, None),
        (mine.id, now.id),
    ]
