"""What reaches a receiver, and what becomes of a webhook whose receiver fails."""

import hmac
from base64 import b64decode, b64encode
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, select, update

from app.models.accounts import User
from app.models.integrations import Webhook, WebhookDeliveryStatus
from app.models.system import Job, JobState, UserNotification
from app.models.wildlife.projects import ResearchProjectMember
from app.models.wildlife.uploads import MediaReading
from app.services.integrations import breaking
from app.services.wildlife.media.files import readings
from app.settings import settings
from tests import factories
from tests.integrations.receiver import huge, reset, slow, status
from tests.wildlife import classifying

PENDING, DELIVERED, FAILED = WebhookDeliveryStatus
NODE = "{ webhooks { nodes { id deliveries { nodes { id status messageId attemptsCount responseStatus error } } } } }"


def messages(receiver):
    return [request.json["data"]["notification"]["message"] for request in receiver.requests]


def expected_signature(request, secret):
    """As a receiver computes it."""
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    digest = hmac.digest(b64decode(secret.removeprefix("whsec_")), signed, "sha256")
    return f"v1,{b64encode(digest).decode()}"


async def test_an_event_reaches_its_receiver_signed(create, tell, record, send, receiver, rows, ask, owner):
    _, secret = await create()
    await tell("Your training ended.")
    await record()
    assert await send() == 1
    [request] = receiver.requests
    [delivery], [webhook] = await rows(), await rows(Webhook)
    assert request.path == "/hook"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == delivery.message_id
    assert request.headers["webhook-key-id"] == webhook.key_id
    assert request.headers["webhook-signature"] == expected_signature(request, secret)
    assert abs(int(request.headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 300
    told = request.json
    assert (told["type"], told["timestamp"][-1]) == ("NOTIFICATION_RECEIVED", "Z")
    assert told["data"]["notification"]["message"] == "Your training ended."
    assert told["data"]["unreadCount"] == 1
    [shown] = (await ask(NODE, viewer=owner))["webhooks"]["nodes"][0]["deliveries"]["nodes"]
    assert (shown["status"], shown["attemptsCount"], shown["responseStatus"]) == ("DELIVERED", 1, 204)
    assert await send() == 0


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (status(500), "The receiver answered 500.", 500),
        (status(400), "The receiver answered 400.", 400),
        (reset, "The receiver closed the connection early.", None),
        (slow, "The receiver did not answer within 1 s.", None),
        (
            status(302, "Location: http://127.0.0.1:1/"),
            "The receiver answered 302, a redirect, which is not followed.",
            302,
        ),
    ],
)
async def test_what_fails_waits_and_is_sent_again_under_its_id(
    create, tell, record, send, receiver, rows, pass_time, monkeypatch, fault, error, code
):
    await create()
    await tell("One.")
    await tell("Two.")
    await record()
    receiver.faults = [fault]
    with monkeypatch.context() as impatient:
        impatient.setattr(settings, "webhook_s_max", 1 if fault is slow else 10)
        await send()
    [first, second], [webhook] = await rows(), await rows(Webhook)
    assert (first.status, first.error, first.response_status) == (PENDING, error, code)
    assert (second.status, second.attempts_count) == (PENDING, 0)
    assert webhook.failures_count == 1
    await record()
    assert await send() == 0  # it pauses
    await pass_time(hours=1)
    await record()
    await send()
    assert messages(receiver) == ["One.", "One.", "Two."]
    assert receiver.requests[0].headers["webhook-id"] == receiver.requests[1].headers["webhook-id"]
    [webhook] = await rows(Webhook)
    assert {each.status for each in await rows()} == {DELIVERED}
    assert (webhook.failures_count, webhook.failing_since, webhook.resume_at) == (0, None, None)


async def test_of_a_huge_answer_only_the_status_is_read(create, tell, record, send, receiver, rows):
    await create()
    await tell("One.")
    await record()
    receiver.always = huge
    await send()
    [delivery] = await rows()
    assert (delivery.status, delivery.response_status) == (DELIVERED, 200)


async def test_pauses_double_up_to_a_bound(monkeypatch):
    monkeypatch.setattr(settings, "webhook_pause_s", 5)
    monkeypatch.setattr(settings, "webhook_pause_s_max", 100)
    assert [breaking.pause_s(failures) for failures in (1, 2, 3, 6, 10_000)] == [5, 10, 20, 100, 100]


async def test_what_its_receiver_never_takes_does_not_hold_up_the_rest(
    create, tell, record, send, receiver, rows, pass_time
):
    await create()
    await tell("Poison.")
    await tell("One.")
    await record()
    for _ in range(breaking.IN_ORDER_ATTEMPTS):
        receiver.faults = [status(500)]
        await send()
        await pass_time(hours=2)
        await record()
    receiver.faults = []
    await send()
    assert messages(receiver) == ["Poison."] * breaking.IN_ORDER_ATTEMPTS + ["One.", "Poison."]
    assert {each.status for each in await rows()} == {DELIVERED}


async def test_after_days_of_failure_it_is_disabled_and_its_owner_told_once(
    create, change, tell, record, send, receiver, rows, pass_time, database, owner
):
    id, _ = await create()
    await tell("One.")
    await record()
    receiver.always = status(500)
    await send()
    await tell("Two.")
    await pass_time(days=settings.webhook_failing_days_max, hours=1)
    await record()
    await send()
    [webhook], [first, second] = await rows(Webhook), await rows()
    days = settings.webhook_failing_days_max
    assert (webhook.is_enabled, webhook.disabled_reason) == (False, f"All requests failed for {days} days.")
    assert (first.status, second.status, second.attempts_count) == (FAILED, PENDING, 0)
    async with database.reading() as session:
        told = (await session.scalars(select(UserNotification.message).order_by(UserNotification.id))).all()
    assert [message for message in told if "disabled" in message] == [
        f"Your webhook {webhook.url} was disabled. {webhook.disabled_reason} Mend its receiver, then enable it again."
    ]
    assert await send() == 0
    del receiver.requests[:]
    receiver.always = status(200)
    await change("updateWebhook", viewer=owner, id=id, isEnabled=True)
    await send()
    assert messages(receiver) == ["Two."]


async def test_a_receiver_that_is_gone_disables_it_at_once(create, tell, record, send, receiver, rows):
    await create()
    await tell("One.")
    await record()
    receiver.always = status(410)
    await send()
    [webhook] = await rows(Webhook)
    assert (webhook.is_enabled, webhook.disabled_reason) == (False, "Its receiver answered 410 Gone.")


async def test_a_private_address_is_refused_at_every_send(create, tell, record, send, receiver, rows, monkeypatch):
    """It was public when the webhook was created."""
    await create()
    await tell("One.")
    await record()
    monkeypatch.setattr(settings, "outside_hosts_allowed", [])
    await send()
    [delivery] = await rows()
    assert receiver.requests == []
    assert delivery.error == "The receiver could not be reached at a public address."


async def test_the_body_is_made_with_the_rights_of_that_moment(create, tell, record, send, receiver, rows, database):
    await create()
    await tell("One.")
    await record()
    async with database.writing() as session:
        await session.execute(delete(UserNotification))
    await send()
    [request] = receiver.requests
    assert request.json["data"]["notification"] is None  # as the subscription says of what was deleted since


async def test_what_its_owner_no_longer_sees_leaves_no_trace(
    create, record, send, receiver, rows, database, owner, other
):
    """A reading of media in a project that they have left."""
    at = await classifying.season(database, owner.id)
    await classifying.joined(database, at, other.id)
    reading = await factories.add(database, MediaReading(research_project_id=at.research.id, user_id=other.id, total=1))
    await create("MEDIA_READING_UPDATED", viewer=other)
    async with database.writing() as session:
        readings.tell(session, reading)
    await record()
    assert len(await rows()) == 1
    async with database.writing() as session:
        await session.execute(delete(ResearchProjectMember).where(ResearchProjectMember.user_id == other.id))
    await send()
    assert receiver.requests == []
    assert await rows() == []


async def test_a_closed_account_is_sent_nothing(create, tell, record, send, receiver, rows, database, owner):
    await create()
    await tell("One.")
    await record()
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == owner.id).values(is_active=False))
    await send()
    await record()
    assert receiver.requests == []
    assert [each.status for each in await rows()] == [PENDING]
    assert await send() == 0
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == owner.id).values(is_active=True))
    await record()
    await send()
    assert messages(receiver) == ["One."]


async def test_a_delivery_is_sent_again_by_hand(create, change, tell, record, send, receiver, ask, owner):
    await create()
    await tell("One.")
    await record()
    await send()
    [webhook] = (await ask(NODE, viewer=owner))["webhooks"]["nodes"]
    [delivery] = webhook["deliveries"]["nodes"]
    again = await change("redeliverWebhook", "status messageId", viewer=owner, deliveryId=delivery["id"])
    assert (again["status"], again["messageId"]) == ("PENDING", delivery["messageId"])
    await send()
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert messages(receiver) == ["One.", "One."]


async def test_a_test_is_sent_even_while_the_webhook_pauses(
    create, change, tell, record, send, receiver, owner, rows, pass_time
):
    id, _ = await create()
    await tell("One.")
    await record()
    receiver.faults = [status(500)]
    await send()
    made = await change("sendWebhookTest", "topic status", viewer=owner, id=id)
    assert (made["topic"], made["status"]) == (None, "PENDING")
    await send()
    assert receiver.requests[-1].json["type"] == "TEST"
    assert receiver.requests[-1].json["data"] == {"message": "This is a test."}


async def test_after_a_rotation_both_secrets_sign_and_later_only_the_new(
    create, change, tell, record, send, receiver, owner, database
):
    id, before = await create()
    rotated = await change("rotateWebhookSecret", "secret webhook { keyId }", viewer=owner, id=id)
    assert rotated["secret"] != before
    await tell("One.")
    await record()
    await send()
    async with database.writing() as session:
        await session.execute(update(Webhook).values(previous_until=Webhook.created_at))
    await tell("Two.")
    await record()
    await send()
    first, second = receiver.requests
    both = [expected_signature(first, rotated["secret"]), expected_signature(first, before)]
    assert first.headers["webhook-signature"].split(" ") == both
    assert first.headers["webhook-key-id"].split(" ")[0] == rotated["webhook"]["keyId"]
    assert second.headers["webhook-signature"] == expected_signature(second, rotated["secret"])
    assert second.headers["webhook-key-id"] == rotated["webhook"]["keyId"]


async def test_a_worker_lost_after_the_request_sends_it_again(create, tell, record, send, receiver, rows, database):
    """At least once: what became of the first request is not known."""
    await create()
    await tell("One.")
    await record()

    async def lose(writer):
        async with database.writing() as session:
            await session.execute(update(Job).values(fence=Job.fence + 1, state=JobState.QUEUED))
        await status(200)(writer)

    receiver.faults = [lose]
    await send()
    assert [each.status for each in await rows()] == [PENDING]
    await send()
    assert [each.status for each in await rows()] == [DELIVERED]
    assert messages(receiver) == ["One.", "One."]
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


async def test_others_have_their_turn_when_much_is_to_be_sent(
    create, tell, record, send, receiver, job_states, monkeypatch
):
    monkeypatch.setattr(settings, "webhook_pass_s_max", 1e-6)
    await create()
    await tell("One.")
    await record()
    await send()
    assert await job_states() == [JobState.QUEUED]
    monkeypatch.setattr(settings, "webhook_pass_s_max", 20)
    await send()
    assert await job_states() == [JobState.DONE]
    assert messages(receiver) == ["One."]
