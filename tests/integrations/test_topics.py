"""Topics are the subscriptions: none is forgotten, and what happens under each reaches a webhook."""

import pytest

from app.events.signals import Signals
from app.job_queries import document_of, documents, name_of
from app.models.kinds import WebhookTopic
from app.models.mapping.trainings import Training
from tests import factories
from tests.fixtures import Person
from tests.permissions.everything import lift_limits
from tests.permissions.listening import SAID_OF_THEM, Couple, do, stage
from tests.permissions.matrix import CORE

NOT_STORED = {"typing"}
"""Lasts seconds, and is told to those alone who listen at that moment."""


def test_every_subscription_whose_events_are_stored_is_a_topic():
    assert sorted(name_of(topic) for topic in WebhookTopic) == sorted(CORE.subscription_type.fields.keys() - NOT_STORED)


@pytest.mark.parametrize("topic", WebhookTopic)
def test_what_is_asked_for_a_body_is_valid(topic):
    assert documents().get(document_of(topic)).kind.value == "subscription"


def test_topics_are_told_apart_by_their_prefixes():
    assert len({topic.prefix for topic in WebhookTopic}) == len(WebhookTopic)


async def test_what_happens_under_every_topic_reaches_a_webhook(
    database, redis_url, monkeypatch, create, record, send, receiver, other, rows
):
    lift_limits(monkeypatch)
    made = [await factories.user(database, f"hidden_{name}") for name in ("friend", "asking")]
    friend, asking = (Person(each.user, each.token) for each in made)
    await factories.befriend(database, other.id, friend.id)
    couple = Couple("hidden", friend, asking, SAID_OF_THEM)
    signals = Signals(redis_url)
    on = await stage(database, signals, other, couple)
    for viewer in (other, friend):
        await create(*(topic.name for topic in WebhookTopic), viewer=viewer)
    await do(on, couple)
    await signals.stop()
    await record()
    await send()
    told = {request.json["type"] for request in receiver.requests}
    assert told == {topic.name for topic in WebhookTopic}
    for request in receiver.requests:
        assert request.json["data"]["cursor"]
    assert Training.__name__ in on.works
