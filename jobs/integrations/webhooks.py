"""Sends webhooks: one job for each that has something to send, delivery by delivery, in order."""

import time
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson

from app.errors import DomainError
from app.gateways import outside
from app.gateways.outside import Outage
from app.models.kinds.integrations import IntegrationsJob
from app.models.system import JobState
from app.services.integrations import answering, recording, sending, signatures
from app.services.integrations.answering import Answers
from app.services.integrations.sending import Message
from app.services.system import jobs
from app.settings import settings
from jobs.broker import job
from jobs.run import JobRun
from jobs.schedule import by_the_clock

WHO = "The receiver"
REDIRECTS = range(300, 400)


@job(IntegrationsJob.SEND_WEBHOOKS, failed=sending.sending_failed)
async def send_webhooks(run: JobRun) -> None:
    """Sends what is due, until the receiver fails, nothing is left, or others are to have their turn."""
    begun = time.monotonic()
    async with answering.opened(run.database) as answers, outside.browsing(connections=1) as client:
        client.follow_redirects = False
        while time.monotonic() - begun < settings.webhook_pass_s_max:
            run.go_on()
            async with run.writing() as session:
                message = await sending.next_message(session, run.claim.subject_id)
            if message is None or not await _sent(run, answers, client, message):
                break
    async with run.writing() as session:
        if await sending.has_more(session, run.claim.subject_id):
            await jobs.rest(session, run.claim)
        else:
            await jobs.end(session, run.claim, JobState.DONE)


async def _sent(run: JobRun, answers: Answers, client: httpx.AsyncClient, message: Message) -> bool:
    """Whether the next may follow: this one was accepted, or is not for its owner's eyes."""
    data = await _data(answers, message)
    if data is None:
        async with run.writing() as session:
            await sending.note_hidden(session, message)
        return True
    try:
        status = await _post(client, message, data)
    except Outage as outage:
        async with run.writing() as session:
            await sending.note_failure(session, message, outage)
        return False
    async with run.writing() as session:
        await sending.note_success(session, message, status)
    return True


async def _data(answers: Answers, message: Message) -> dict[str, Any] | None:
    if message.topic is None:
        return {"message": "This is a test."}
    return await answers.event(message.viewer, message.topic, message.event)


async def _post(client: httpx.AsyncClient, message: Message, data: dict[str, Any]) -> int:
    kind = "TEST" if message.topic is None else message.topic.name
    payload = {"type": kind, "timestamp": message.happened_at.astimezone(UTC), "data": data}
    body = orjson.dumps(payload, option=orjson.OPT_UTC_Z)
    at = int(datetime.now(UTC).timestamp())
    headers = signatures.headers(message.message_id, at=at, body=body, keys=message.keys)
    try:
        outside.check_url("url", message.url, length_max=len(message.url))
        request = client.build_request(
            "POST", message.url, content=body, headers={**headers, "Content-Type": "application/json"}
        )
    except (DomainError, httpx.InvalidURL):
        raise Outage(WHO, "could not be reached at a public address", heals=True) from None
    try:
        return await outside.status_of(client, request, who=WHO, s_max=settings.webhook_s_max)
    except Outage as outage:
        if outage.status in REDIRECTS:
            reason = f"answered {outage.status}, a redirect, which is not followed"
            raise Outage(WHO, reason, heals=False, status=outage.status) from None
        raise


by_the_clock("webhooks", recording.record_deliveries)
