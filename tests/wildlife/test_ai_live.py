"""An AI classification job is followed live, and resumed where a client left off."""

import pytest

from app.gateways.fakes.ai_manager import FakeManager
from app.settings import settings
from resolvers import ids
from tests.servers import serving
from tests.wildlife import ai

DOCUMENT = """subscription ($id: ID!, $after: String) { aiClassificationJobUpdated(id: $id, after: $after) {
    cursor stage progress aiClassificationJob { stage okCount } } }"""


@pytest.fixture
async def done(change, database, owner, monkeypatch, tmp_path):
    """A job from its start to its end; its id, and the events of it."""
    manager = FakeManager(ai.one_animal)
    with serving(manager) as server:
        for name, value in {"outside_hosts_allowed": [server.host], "home": tmp_path}.items():
            monkeypatch.setattr(settings, name, value)
        season = await ai.season(database, owner, server.url)
        made = await change(
            "startAiClassification",
            viewer=owner,
            collectionId=ids.encode(season.collection),
            providerId=ids.encode(season.provider),
        )
        await ai.follow(database)
        await manager.work()
        await ai.follow(database)
    return made["id"]


async def told(api, viewer, **variables):
    """What a stream of events tells until it ends."""
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {viewer.token}"}
    answer = await api.post("/graphql", json={"query": DOCUMENT, "variables": variables}, headers=headers)
    return answer.text


async def test_who_comes_late_hears_how_it_ended(api, owner, done):
    text = await told(api, owner, id=done)
    assert '"stage":"DONE"' in text
    assert '"progress":1.0' in text
    assert '"okCount":3' in text


async def test_nobody_else_hears_of_it(api, other, done):
    assert "NOT_FOUND" in await told(api, other, id=done)
