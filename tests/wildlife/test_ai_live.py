"""AI classification jobs and readings of media are followed live, and resumed where a client left off."""

import json

import pytest

from app.gateways.fakes.ai_manager import FakeManager
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.servers import serving
from tests.wildlife import ai
from tests.wildlife.media import BURST

OF_JOB = """subscription ($id: ID!, $after: String) { aiClassificationJobUpdated(id: $id, after: $after) {
    cursor stage progress aiClassificationJob { stage okCount } } }"""
OF_READING = """subscription ($id: ID!, $after: String) { mediaReadingUpdated(mediaReadingId: $id, after: $after) {
    cursor status progress mediaReading { status read unreadable total } } }"""


@pytest.fixture
async def done(change, database, owner, monkeypatch, tmp_path):
    """A job from its start to its end; its id, and the place in the order of events before it."""
    manager = FakeManager(ai.one_animal)
    with serving(manager) as server:
        for name, value in {"outside_hosts_allowed": [server.host], "home": tmp_path}.items():
            monkeypatch.setattr(settings, name, value)
        season = await ai.season(database, owner, server.url)
        here = await factories.cursor_of_now(database)
        made = await change(
            "startAiClassification",
            viewer=owner,
            collectionId=ids.encode(season.collection),
            providerId=ids.encode(season.provider),
        )
        await ai.follow(database)
        await manager.work()
        await ai.follow(database)
    return made["id"], here


@pytest.fixture
async def read(take_in, ask, owner, database, deployment):
    """A reading of a burst; its id, and the place in the order of events before it."""
    here = await factories.cursor_of_now(database)
    await take_in(BURST, deployment)
    [reading] = (await ask("{ mediaReadings { nodes { id } } }", viewer=owner))["mediaReadings"]["nodes"]
    return reading["id"], here


@pytest.fixture
def told(api):
    """What a stream of events tells until it ends."""

    async def told(document, viewer, **variables):
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {viewer.token}"}
        answer = await api.post("/graphql", json={"query": document, "variables": variables}, headers=headers)
        lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: {")]
        return [json.loads(line) for line in lines]

    return told


def values(events):
    """The values of events without errors."""
    assert not [event for event in events if "errors" in event]
    return [next(iter(event["data"].values())) for event in events]


async def test_who_comes_late_receives_how_it_ended(told, owner, done):
    [last] = values(await told(OF_JOB, owner, id=done[0]))
    assert (last["stage"], last["progress"]) == ("DONE", 1.0)
    assert last["aiClassificationJob"] == {"stage": "DONE", "okCount": 3}


async def test_a_job_is_resumed_after_any_event_without_a_gap_or_a_repetition(told, owner, done):
    id, here = done
    everything = values(await told(OF_JOB, owner, id=id, after=here))
    assert [everything[0]["stage"], everything[-1]["stage"]] == ["CREATED", "DONE"]
    assert [each["progress"] for each in everything] == sorted(each["progress"] for each in everything)
    for number, event in enumerate(everything[:-1], 1):
        assert values(await told(OF_JOB, owner, id=id, after=event["cursor"])) == everything[number:]


async def test_a_reading_is_followed_and_resumed(told, owner, read):
    id, here = read
    everything = values(await told(OF_READING, owner, id=id, after=here))
    assert [(each["status"], each["progress"]) for each in everything] == [
        ("RUNNING", 0.0),
        ("RUNNING", 1.0),
        ("FINISHED", 1.0),
    ]
    assert values(await told(OF_READING, owner, id=id, after=everything[0]["cursor"])) == everything[1:]
    [last] = values(await told(OF_READING, owner, id=id))
    assert last["mediaReading"] == {"status": "FINISHED", "read": 3, "unreadable": 0, "total": 3}


async def test_nobody_else_learns_of_them(told, other, done, read):
    for document, (id, here) in ((OF_JOB, done), (OF_READING, read)):
        for after in (None, here):
            [refused] = await told(document, other, id=id, after=after)
            assert refused["errors"][0]["extensions"]["code"] == "NOT_FOUND"
