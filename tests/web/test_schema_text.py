"""/schema.graphql: the published schema, told once to whoever keeps it."""

import pytest
from graphql import build_schema

from app.settings import settings
from schema import schema


@pytest.fixture
async def fetched(api):
    answer = await api.get("/schema.graphql")
    assert answer.status_code == 200
    return answer


async def test_the_schema_can_be_fetched(fetched):
    assert fetched.text.strip() == schema.as_str().strip()
    assert fetched.headers["content-type"] == "text/plain; charset=utf-8"
    assert "Dataset" in build_schema(fetched.text).type_map


async def test_it_says_when_nothing_has_changed(api, fetched):
    tag = fetched.headers["etag"]
    strong = tag.removeprefix("W/")
    for known in (tag, strong, f'"x", {tag}', "*"):
        answer = await api.get("/schema.graphql", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)


async def test_it_sends_what_a_client_does_not_have(api, fetched):
    for known in ('"x"', "", 'W/"x", "y"', fetched.headers["etag"][:-2] + '"'):
        answer = await api.get("/schema.graphql", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (200, fetched.content)


async def test_only_its_head_can_be_asked_for(api, fetched):
    answer = await api.head("/schema.graphql")
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (200, b"", fetched.headers["etag"])
    assert (await api.post("/schema.graphql")).status_code == 405


async def test_where_documents_are_trusted_it_is_for_people_who_are_signed_in(api, owner, monkeypatch):
    monkeypatch.setattr(settings, "trusted_documents", True)
    refused = await api.get("/schema.graphql")
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
    shown = await api.get("/schema.graphql", headers={"Authorization": f"Bearer {owner.token}"})
    assert (shown.status_code, shown.text.strip()) == (200, schema.as_str().strip())
