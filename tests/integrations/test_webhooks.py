"""Webhooks: created with a secret that is shown once, changed, deleted; by their owner alone."""

import asyncio

import pytest

from app.models.integrations import Webhook, WebhookDelivery
from app.models.kinds.system import SystemTopic
from app.models.system import Job, JobState
from app.policies import Viewer
from app.services.accounts.users import deletion
from app.services.integrations import signatures
from app.services.integrations import webhooks as webhooks_service
from app.settings import settings

LIST = """{ webhooks { nodes { id url topics isEnabled keyId disabledReason failingSince failuresCount
            deliveries { nodes { topic status messageId attemptsCount } } } } }"""


async def listed(ask, viewer):
    return (await ask(LIST, viewer=viewer))["webhooks"]["nodes"]


async def test_the_secret_is_shown_once_and_kept_encrypted(ask, create, rows, owner, receiver):
    id, secret = await create("TRAINING_UPDATED", "MESSAGE_RECEIVED", "TRAINING_UPDATED")
    [row] = await rows(Webhook)
    assert secret.startswith("whsec_")
    assert secret not in row.secret
    assert signatures.unsealed(row.secret) == secret
    answer = await ask(LIST, viewer=owner)
    [shown] = answer["webhooks"]["nodes"]
    assert shown == {
        "id": id,
        "url": receiver.url,
        "topics": ["TRAINING_UPDATED", "MESSAGE_RECEIVED"],
        "isEnabled": True,
        "keyId": row.key_id,
        "disabledReason": None,
        "failingSince": None,
        "failuresCount": 0,
        "deliveries": {"nodes": []},
    }
    assert secret not in str(dict(answer))


async def test_others_and_staff_see_and_change_nothing_of_it(ask, create, refuse, other, staff):
    id, _ = await create()
    for viewer in (other, staff):
        assert await listed(ask, viewer) == []
        assert (await refuse("updateWebhook", viewer=viewer, id=id, isEnabled=False))["code"] == "NOT_FOUND"
        assert (await refuse("deleteWebhook", viewer=viewer, id=id))["code"] == "NOT_FOUND"
        assert (await refuse("rotateWebhookSecret", viewer=viewer, id=id))["code"] == "NOT_FOUND"
        assert (await refuse("sendWebhookTest", viewer=viewer, id=id))["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/a", "http://10.0.0.1/", "https://db.internal/", "ftp://example.org/", "hook", ""]
)
async def test_an_address_that_is_not_public_is_refused(refuse, owner, url):
    refused = await refuse("createWebhook", viewer=owner, url=url, topics=["FEED_UPDATED"])
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "url")


async def test_a_changed_address_is_checked_too(create, refuse, owner):
    id, _ = await create()
    refused = await refuse("updateWebhook", viewer=owner, id=id, url="http://192.168.0.1/")
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "url")


async def test_it_needs_a_topic_and_an_account(create, refuse, owner, receiver):
    id, _ = await create()
    for refused in (
        await refuse("createWebhook", viewer=owner, url=receiver.url, topics=[]),
        await refuse("updateWebhook", viewer=owner, id=id, topics=[]),
    ):
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "topics")
    assert (await refuse("createWebhook", url=receiver.url, topics=["FEED_UPDATED"]))["code"] == "UNAUTHENTICATED"


async def test_an_account_has_so_many(create, refuse, owner, other, monkeypatch, receiver):
    monkeypatch.setattr(settings, "webhooks_per_account_max", 2)
    await create()
    await create()
    refused = await refuse("createWebhook", viewer=owner, url=receiver.url, topics=["FEED_UPDATED"])
    assert (refused["code"], refused["limit"]) == ("LIMIT_REACHED", 2)
    await create(viewer=other)


async def test_it_is_changed_disabled_and_deleted(ask, change, create, tell, record, owner, receiver):
    id, _ = await create()
    await tell("One.")
    await record()
    changed = await change(
        "updateWebhook",
        "url topics isEnabled",
        viewer=owner,
        id=id,
        url=f"{receiver.url}/2",
        topics=["BANNER_CHANGED", "NOTIFICATION_RECEIVED"],
        isEnabled=False,
    )
    assert changed == {
        "__typename": "Webhook",
        "id": id,
        "url": f"{receiver.url}/2",
        "topics": ["NOTIFICATION_RECEIVED", "BANNER_CHANGED"],
        "isEnabled": False,
    }
    await tell("Two, which is not recorded.")
    await record()
    await change("updateWebhook", viewer=owner, id=id, isEnabled=True)
    await tell("Three.")
    await record()
    [shown] = await listed(ask, owner)
    assert len(shown["deliveries"]["nodes"]) == 2
    assert (await change("deleteWebhook", viewer=owner, id=id)) == {"__typename": "Deleted", "id": id}
    assert await listed(ask, owner) == []


async def test_what_is_sent_by_hand_needs_an_enabled_webhook(change, create, refuse, tell, record, rows, owner, ask):
    id, _ = await create()
    await tell("One.")
    await record()
    await change("updateWebhook", viewer=owner, id=id, isEnabled=False)
    node = "{ webhooks { nodes { deliveries { nodes { id } } } } }"
    [webhook] = (await ask(node, viewer=owner))["webhooks"]["nodes"]
    [delivery] = webhook["deliveries"]["nodes"]
    assert (await refuse("sendWebhookTest", viewer=owner, id=id))["code"] == "CONFLICT"
    assert (await refuse("redeliverWebhook", viewer=owner, deliveryId=delivery["id"]))["code"] == "CONFLICT"


async def test_an_account_that_is_deleted_leaves_none(create, tell, record, rows, database, owner):
    await create()
    await tell("One.")
    await record()
    async with database.writing() as session:
        await session.execute(Job.__table__.update().values(state=JobState.CANCELLED))
    async with database.writing() as session:
        await deletion.request_account_deletion(session, Viewer(owner.id))
    async with database.writing() as session:
        user = await session.get_one(type(owner.user), owner.id)
        user.account_deletion_due_at = user.created_at
    await deletion.delete_due_accounts(database)
    assert await rows(Webhook) == []
    assert await rows(WebhookDelivery) == []


async def test_two_who_create_at_once_do_not_exceed_the_limit(database, owner, receiver, monkeypatch, rows):
    monkeypatch.setattr(settings, "webhooks_per_account_max", 1)

    async def create():
        async with database.writing() as session:
            await webhooks_service.create_webhook(
                session, Viewer(owner.id), url=receiver.url, topics=[SystemTopic.BANNER_CHANGED]
            )

    results = await asyncio.gather(create(), create(), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["LimitReached", "NoneType"]
    assert len(await rows(Webhook)) == 1
