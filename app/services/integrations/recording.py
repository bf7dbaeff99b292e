"""Records deliveries: reads events in their order, once, and notes for each which webhooks are to receive it.

The position is moved in the transaction that writes the deliveries, so that no event is recorded twice or left out,
whichever worker reads, and whenever one is killed. Whether an owner may see what an event is about is asked when it is
sent; here only those are left out whom it does not concern.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.database import Database, WriteSession
from app.events.positions import Position
from app.events.reading import EventReader
from app.events.subscribers import StreamEvent
from app.models.accounts import User
from app.models.base import Base
from app.models.integrations import Webhook, WebhookDelivery, WebhookPosition
from app.models.kinds import Audience, WebhookTopic
from app.models.system import Event
from app.services.integrations.breaking import disable
from app.services.integrations.queueing import is_pending, queue_due, queue_sending
from app.services.integrations.webhooks import new_message_id
from app.settings import settings

BATCH = 500
TOO_MANY = "Too many events wait: its receiver is slower than they come."


class TopicEvent(NamedTuple):
    """An event with its topic, and the number behind the topic's prefix."""

    event: StreamEvent
    topic: WebhookTopic
    key: int


async def record_deliveries(database: Database) -> None:
    """Records what happened since the last time, and has sent what is due."""
    async with database.writing() as session:
        await queue_due(session)
    events = EventReader(database.engine, database.reader)
    while await _record_some(database, events) == BATCH:
        pass


async def _record_some(database: Database, events: EventReader) -> int:
    async with database.reading() as reading:
        begun = await reading.get(WebhookPosition, 1)
        some = await reading.scalar(select(Webhook.id).where(Webhook.is_enabled).limit(1))
    if begun is None or some is None:
        return 0
    position = Position(begun.xid, begun.event_id, begun.epoch)
    if (epoch := await events.epoch()) != begun.epoch:
        await _begin_anew(database, position, await events.end(epoch))
        return 0
    happened = await events.after(position, BATCH)
    if happened:
        async with database.writing() as session:
            if await _moved(session, position, happened[-1].position):
                await _record(session, happened)
    return len(happened)


async def _begin_anew(database: Database, position: Position, now: Position) -> None:
    """The order is another one, after a restore or a move: what happened before it is not known any more."""
    async with database.writing() as session:
        if await _moved(session, position, now):
            await session.execute(update(Webhook).values(begun_xid=0))


async def _moved(session: WriteSession, position: Position, to: Position) -> bool:
    """Moves the position, if no other worker did so meanwhile."""
    here = WebhookPosition.xid == position.xid, WebhookPosition.event_id == position.id
    moved = update(WebhookPosition).where(*here, WebhookPosition.epoch == position.epoch)
    moved = moved.values(xid=to.xid, event_id=to.id, epoch=to.epoch)
    return await session.scalar(moved.returning(WebhookPosition.id)) is not None


async def _record(session: WriteSession, happened: Sequence[StreamEvent]) -> None:
    topic_events = list(_topic_events(happened))
    audiences = await _audiences(session, topic_events)
    webhooks = await _listening(session, topic_events, audiences)
    times = await _times(session, topic_events)
    deliveries = [
        _delivery(webhook, each, times)
        for each in topic_events
        for webhook in webhooks[each.topic]
        if webhook.begun_xid <= each.event.position.xid and _concerns(audiences.get((each.topic, each.key)), webhook)
    ]
    if not deliveries:
        return
    recorded = insert(WebhookDelivery).values(deliveries).on_conflict_do_nothing()
    await session.execute(recorded)
    concerned = sorted({delivery["webhook_id"] for delivery in deliveries})
    await _end_overflowing(session, concerned)
    locked = select(Webhook).where(Webhook.id.in_(concerned)).order_by(Webhook.id).with_for_update()
    for webhook in (await session.scalars(locked.execution_options(populate_existing=True))).all():
        await queue_sending(session, webhook)


def _topic_events(happened: Iterable[StreamEvent]) -> Iterable[TopicEvent]:
    topics = {topic.prefix: topic for topic in WebhookTopic}
    for event in happened:
        prefix, _, key = event.topic.partition(":")
        if prefix in topics:
            yield TopicEvent(event, topics[prefix], int(key or 0))


def _concerns(audience: frozenset[int] | None, webhook: Webhook) -> bool:
    return audience is None or webhook.user_id in audience


async def _audiences(
    session: WriteSession, topic_events: Iterable[TopicEvent]
) -> Mapping[tuple[WebhookTopic, int], frozenset[int]]:
    """Whom an event concerns, by its topic; everybody if it names nobody."""
    keys: defaultdict[WebhookTopic, set[int]] = defaultdict(set)
    for each in topic_events:
        keys[each.topic].add(each.key)
    audiences: dict[tuple[WebhookTopic, int], frozenset[int]] = {}
    for topic, of in keys.items():
        if topic.audience is Audience.ACCOUNT:
            audiences |= {(topic, key): frozenset((key,)) for key in of}
        elif topic.audience is Audience.OWNERS:
            audiences |= dict.fromkeys(((topic, key) for key in of), frozenset())
            table = Base.metadata.tables[topic.table]
            owners = select(table.c.id, *(table.c[owner] for owner in topic.owners)).where(table.c.id.in_(of))
            audiences |= {(topic, key): frozenset(users) for key, *users in (await session.execute(owners)).all()}
    return audiences


async def _listening(
    session: WriteSession, topic_events: Iterable[TopicEvent], audiences: Mapping[Any, frozenset[int]]
) -> Mapping[WebhookTopic, list[Webhook]]:
    """The enabled webhooks of active accounts that these events may concern, by their topics."""
    topics = sorted({each.topic for each in topic_events})
    query = select(Webhook).join(User, User.id == Webhook.user_id)
    query = query.where(Webhook.is_enabled, User.is_active, Webhook.topics.overlap(topics))
    if all(topic.audience is not Audience.EVERYONE for topic in topics):
        query = query.where(Webhook.user_id.in_(frozenset().union(*audiences.values())))
    webhooks: defaultdict[WebhookTopic, list[Webhook]] = defaultdict(list)
    for webhook in (await session.scalars(query.order_by(Webhook.id))).all():
        for topic in webhook.topics:
            webhooks[topic].append(webhook)
    return webhooks


async def _times(session: WriteSession, topic_events: Iterable[TopicEvent]) -> Mapping[int, Any]:
    ids = [each.event.position.id for each in topic_events]
    return dict((await session.execute(select(Event.id, Event.created_at).where(Event.id.in_(ids)))).all())


def _delivery(webhook: Webhook, topic_event: TopicEvent, times: Mapping[int, Any]) -> dict[str, Any]:
    event = topic_event.event
    happened = {"happened_at": times[event.position.id]} if event.position.id in times else {"happened_at": func.now()}
    return happened | {
        "webhook_id": webhook.id,
        "topic": topic_event.topic,
        "message_id": new_message_id(),
        "event_topic": event.topic,
        "event_payload": event.payload,
        "event_epoch": event.position.epoch,
        "event_xid": event.position.xid,
        "event_id": event.position.id,
    }


async def _end_overflowing(session: WriteSession, webhook_ids: Sequence[int]) -> None:
    counted = select(WebhookDelivery.webhook_id).where(WebhookDelivery.webhook_id.in_(webhook_ids), is_pending())
    full = counted.group_by(WebhookDelivery.webhook_id).having(func.count() > settings.webhook_pending_max)
    query = select(Webhook).where(Webhook.id.in_((await session.scalars(full)).all())).order_by(Webhook.id)
    for webhook in (await session.scalars(query.with_for_update())).all():
        await disable(session, webhook, TOO_MANY)
