"""Deliveries are recorded once for each webhook that an event concerns, whatever happens in between."""

import asyncio

import pytest
from sqlalchemy import select, update

from app import events
from app.models.accounts import User
from app.models.integrations import Webhook, WebhookDelivery, WebhookPosition
from app.models.kinds.system import SystemTopic
from app.models.mapping.trainings import Training
from app.models.system import UserNotification
from app.policies import Viewer
from app.services.integrations import recording
from app.services.integrations import webhooks as webhooks_service
from app.services.mapping.trainings import progress
from app.settings import settings
from tests import factories


def topics_of(deliveries):
    return [(each.topic, each.event_topic) for each in deliveries]


async def test_each_event_is_recorded_once_for_whom_it_concerns(create, tell, record, rows, owner, other):
    await create()
    await create(viewer=other)
    await create("FRIENDSHIP_CHANGED")
    await tell("One.")
    await tell("Two.", other)
    await record()
    await record()
    mine, theirs, _ = await rows(Webhook)
    recorded = [(each.webhook_id, each.event_topic) for each in await rows()]
    assert recorded == [(mine.id, f"notifications:{owner.id}"), (theirs.id, f"notifications:{other.id}")]
    assert {each.topic for each in await rows()} == {SystemTopic.NOTIFICATION_RECEIVED}


async def test_what_happened_before_a_webhook_is_not_for_it(create, tell, record, rows):
    await tell("Before all.")
    await create()
    await tell("One.")
    await create("NOTIFICATION_RECEIVED")
    await record()
    first, _ = await rows(Webhook)
    assert [each.webhook_id for each in await rows()] == [first.id]


async def test_of_work_whoever_started_it_is_told(create, record, rows, database, owner, other):
    dataset = await factories.dataset(database, owner.id)
    training = await factories.training(database, await factories.model(database, dataset), user_id=other.id)
    await create("TRAINING_UPDATED")
    await create("TRAINING_UPDATED", viewer=other)
    async with database.writing() as session:
        events.record(session, progress.topic_of(Training, training.id), {"message": "It goes on."})
    await record()
    _, theirs = await rows(Webhook)
    assert [each.webhook_id for each in await rows()] == [theirs.id]


async def test_nothing_is_recorded_for_a_closed_account(create, tell, record, rows, database, owner):
    await create()
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == owner.id).values(is_active=False))
    await tell("One.")
    await record()
    assert await rows() == []


async def test_two_workers_at_once_record_each_event_once(create, tell, record, rows, database, monkeypatch):
    monkeypatch.setattr(recording, "BATCH", 2)
    await create()
    for number in range(7):
        await tell(f"{number}")
    await record()  # so that nothing of it is still open
    await asyncio.gather(*(recording.record_deliveries(database) for _ in range(4)))
    await record()
    assert len(await rows()) == 7
    assert len({each.event_id for each in await rows()}) == 7


async def test_one_job_sends_for_a_webhook_however_much_waits(create, tell, record, job_states):
    await create()
    await tell("One.")
    await record()
    await tell("Two.")
    await record()
    assert len(await job_states()) == 1


async def test_in_another_order_of_events_it_begins_anew(create, tell, record, rows, database):
    """After a restore the numbers of transactions may be lower than before."""
    await create()
    await record()
    async with database.writing() as session:
        await session.execute(update(WebhookPosition).values(epoch=1, xid=2**40))
        await session.execute(update(Webhook).values(begun_xid=2**40))
    await record()
    await tell("One.")
    await record()
    assert len(await rows()) == 1


async def test_a_webhook_with_too_much_to_send_is_disabled_and_its_owner_told(
    create, tell, record, rows, monkeypatch, database, owner
):
    monkeypatch.setattr(settings, "webhook_pending_max", 2)
    await create()
    for number in range(3):
        await tell(f"{number}")
    await record()
    [webhook] = await rows(Webhook)
    assert (webhook.is_enabled, webhook.disabled_reason) == (False, recording.TOO_MANY)
    async with database.reading() as session:
        messages = (await session.scalars(select(UserNotification.message).order_by(UserNotification.id))).all()
    assert messages[-1].startswith(f"Your webhook {webhook.url} was disabled. {recording.TOO_MANY}")


async def test_a_webhook_created_while_another_records_loses_nothing(database, owner, receiver, tell, record, rows):
    """Of two that are created at once, the second does not move where the first began."""

    async def create():
        async with database.writing() as session:
            topics = [SystemTopic.NOTIFICATION_RECEIVED]
            await webhooks_service.create_webhook(session, Viewer(owner.id), url=receiver.url, topics=topics)

    await create()
    await tell("One.")
    await create()
    await record()
    assert len(await rows(WebhookDelivery)) == 1


@pytest.mark.parametrize("topic", ["viewers", "data-export:1", "speciesclassifiertraining:1"])
async def test_events_of_no_subscription_are_left_out(create, record, rows, database, topic):
    await create("NOTIFICATION_RECEIVED", "FEED_UPDATED", "TRAINING_UPDATED")
    async with database.writing() as session:
        events.record(session, topic, {"user": 1})
    await record()
    assert await rows() == []
