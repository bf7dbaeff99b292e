"""A plan told with the answer it gave."""

import pytest

from app.settings import settings
from resolvers import ids
from tests import factories

ASKED = {"GraphQL-Explain": "1"}
NESTED = """query ($id: ID!) {
    dataset(id: $id) { name user { username } aois(first: 2) { totalCount nodes { id labels { nodes { id } } } } }
}"""


@pytest.fixture
async def explain(api, database, owner):
    dataset = await factories.dataset(database, owner.id)
    for _ in range(3):
        await factories.aoi(database, dataset)

    async def explain(document=NESTED, *, viewer=None, headers=ASKED):
        authorised = {"Authorization": f"Bearer {viewer.token}"} if viewer else {}
        asked = {"query": document, "variables": {"id": ids.encode(dataset)}}
        return (await api.post("/graphql", json=asked, headers=headers | authorised)).json()

    return explain


async def test_every_statement_is_told_with_its_rows(explain):
    steps = (await explain())["extensions"]["plan"]
    assert [(step["level"], step["rows"]) for step in steps] == [
        ("Dataset by id", 1),
        ("User by user_id", 1),
        ("Dataset.aois", 2),
        ("count of Dataset.aois", 1),
        ("AOI.labels", 0),
    ]
    assert all(step["sql"].startswith("SELECT") and step["ms"] > 0 for step in steps)


async def test_the_plan_is_told_as_text_with_the_statements_that_ran(explain):
    extensions = (await explain())["extensions"]
    shown, text = extensions["plan"], extensions["planText"]
    assert text.startswith("1. depth 0, Query\n  v0 = dataset: Dataset of 2\n")
    labels = [line.partition(", ")[2] for line in text.splitlines() if ". depth " in line]
    assert labels == ["Query", *(step["level"] for step in shown)]
    told = " ".join(text.split())
    assert all(" ".join(step["sql"].split()) in told for step in shown)


async def test_only_who_asks_for_it_is_told(explain):
    assert not {"plan", "planText"} & (await explain(headers={}))["extensions"].keys()
    assert "plan" not in (await explain(headers={"GraphQL-Explain": "0"}))["extensions"]


async def test_in_production_only_staff_are_told(explain, staff, owner, monkeypatch):
    monkeypatch.setattr(settings, "production", True)
    for viewer in (None, owner):
        answer = await explain(viewer=viewer)
        assert "plan" not in answer["extensions"]
        assert answer["data"]["dataset"]["name"] == "Village"
    assert len((await explain(viewer=staff))["extensions"]["plan"]) == 5


async def test_why_there_was_no_plan_is_told(explain):
    answer = await explain("{ __schema { queryType { name } } }")
    assert answer["extensions"]["unplanned"] == "introspection"
    assert answer["data"] == {"__schema": {"queryType": {"name": "Query"}}}
