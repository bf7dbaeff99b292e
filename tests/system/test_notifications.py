"""What people are told is told once, and read, counted and deleted wherever they are."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from app import events
from app.models.accounts import User
from app.models.choices import DeliveryMethod
from app.models.system import Event, UserNotification
from app.services.mapping.trainings import lifecycle
from app.services.system import notifications, pruning
from app.settings import settings
from resolvers.ids import encode
from tests import factories
from tests.system.clients import connected

COUNT = "{ me { unreadNotificationsCount } }"
UNREAD = "{ notifications(isRead: false) { totalCount } }"
MARK = "mutation ($ids: [ID!]!) { markNotificationsRead(input: {ids: $ids}) { id readAt } }"
MARK_ALL = "mutation { markAllNotificationsRead }"
DELETE = "mutation ($ids: [ID!]!) { deleteNotifications(input: {ids: $ids}) }"
HEARD = """
subscription ($after: String) { notificationReceived(after: $after) { unreadCount notification { message } } }
"""


@pytest.fixture
def told(database):
    """The messages to somebody, oldest first."""

    async def told(person):
        async with database.reading() as session:
            found = select(UserNotification.message).where(UserNotification.user_id == person.id)
            return list(await session.scalars(found.order_by(UserNotification.id)))

    return told


async def tell(database, person, message, about, event=None):
    [told] = await factories.notify(database, person, message, about=about, event=event)
    return told


async def prefer(database, person, *methods):
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == person.id).values(notifications_delivery_methods=methods))


async def test_one_event_is_told_once_to_each_person(database, owner, other, training, told):
    await tell(database, owner, "It ended.", training, "ended")
    await tell(database, owner, "It ended again.", training, "ended")
    await tell(database, other, "It ended.", training, "ended")
    await tell(database, owner, "It began.", training, "began")
    assert await told(owner) == ["It ended.", "It began."]
    assert await told(other) == ["It ended."]


async def test_the_same_event_of_another_thing_is_another(database, owner, training, told):
    await tell(database, owner, "One.", training, "ended")
    await tell(database, owner, "Two.", owner.user, "ended")
    assert await told(owner) == ["One.", "Two."]


async def test_what_is_no_single_event_is_told_each_time(database, owner, training, told):
    await tell(database, owner, "One.", training)
    await tell(database, owner, "Two.", training)
    assert await told(owner) == ["One.", "Two."]


async def test_of_many_who_tell_the_same_at_once_one_does(database, owner, training, told):
    await asyncio.gather(*(tell(database, owner, "It ended.", training, "ended") for _ in range(8)))
    assert await told(owner) == ["It ended."]
    async with database.reading() as session:
        topic = notifications.topic(owner.id)
        assert await session.scalar(select(func.count()).where(Event.topic == topic)) == 1


async def test_a_training_that_ends_twice_is_told_of_once(database, owner, training, told):
    async with database.writing() as session:
        await lifecycle.begin_training(session, training.id)
        await lifecycle.finish_training(session, training.id, factories.FIGURES, [])
    async with database.writing() as session:
        await lifecycle.training_failed(session, training.id, "It was too slow.")
    assert await told(owner) == [
        f"Your training {training.id} has started.",
        f"Your training {training.id} has finished with an accuracy of 62.5 %.",
    ]


async def test_one_sees_how_many_one_has_not_read_and_staff_do_too(ask, database, owner, other, staff):
    for person, is_read in ((owner, False), (owner, False), (owner, True), (other, False)):
        await factories.notification(database, person.id, is_read=is_read)
    document = "query ($id: ID!) { me { unreadNotificationsCount } user(id: $id) { unreadNotificationsCount } }"
    counts = {
        person: [
            found["unreadNotificationsCount"]
            for found in (await ask(document, viewer=viewer, id=encode(owner.user))).values()
        ]
        for person, viewer in (("owner", owner), ("other", other), ("staff", staff))
    }
    assert counts == {"owner": [2, 2], "other": [1, None], "staff": [0, 2]}


async def test_counting_for_many_takes_one_statement(ask, database, owner, other, staff, statements):
    await factories.notification(database, owner.id)
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on User { unreadNotificationsCount } } }"
    await ask(document, viewer=staff, ids=[])
    statements.clear()
    answer = await ask(document, viewer=staff, ids=[encode(owner.user), encode(other.user)])
    assert [node["unreadNotificationsCount"] for node in answer["nodes"]] == [1, 0]
    assert len([statement for statement in statements if "user_notifications" in statement]) == 1


async def test_all_are_marked_at_once_and_those_that_were_read_keep_their_date(ask, database, owner, other, unchanged):
    long_ago = datetime(2024, 1, 1, tzinfo=UTC)
    read = await factories.notification(database, owner.id, is_read=True, read_at=long_ago)
    for person in (owner, owner, other):
        await factories.notification(database, person.id)
    assert (await ask(MARK_ALL, viewer=owner))["markAllNotificationsRead"] == 2
    async with unchanged():
        assert (await ask(MARK_ALL, viewer=owner))["markAllNotificationsRead"] == 0
    async with database.reading() as session:
        assert (await session.get_one(UserNotification, read.id)).read_at == long_ago
        rows = await session.execute(select(UserNotification.is_read, UserNotification.read_at.is_not(None)))
        assert sorted(rows.all()) == [(False, False), (True, True), (True, True), (True, True)]
    assert (await ask(UNREAD, viewer=other))["notifications"]["totalCount"] == 1


async def test_marking_all_and_some_at_once_ends_well(ask, database, owner):
    rows = [await factories.notification(database, owner.id) for _ in range(20)]
    ids = [encode(row) for row in rows]
    answers = await asyncio.gather(
        *(ask(MARK, viewer=owner, ids=ids[::-1]) for _ in range(3)), *(ask(MARK_ALL, viewer=owner) for _ in range(3))
    )
    assert [answer.errors for answer in answers] == [[]] * 6
    assert (await ask(COUNT, viewer=owner))["me"] == {"unreadNotificationsCount": 0}
    dates = {node["readAt"] for answer in answers[:3] for node in answer["markNotificationsRead"]}
    assert len(dates) == 1


async def test_notifications_are_deleted_and_only_ones_own(ask, database, owner, other, unchanged):
    mine, kept, foreign = [await factories.notification(database, person.id) for person in (owner, owner, other)]
    ids = [encode(mine), encode(foreign)]
    assert (await ask(DELETE, viewer=owner, ids=ids))["deleteNotifications"] == 1
    async with unchanged():
        assert (await ask(DELETE, viewer=owner, ids=ids))["deleteNotifications"] == 0
    async with database.reading() as session:
        assert set(await session.scalars(select(UserNotification.id))) == {kept.id, foreign.id}


async def test_strangers_and_other_ids_change_nothing(ask, database, owner, unchanged, monkeypatch):
    mine = await factories.notification(database, owner.id)
    async with unchanged():
        assert (await ask(MARK_ALL)).codes == ["UNAUTHENTICATED"]
        assert (await ask(DELETE, ids=[encode(mine)])).codes == ["UNAUTHENTICATED"]
        assert (await ask(DELETE, viewer=owner, ids=[encode(mine), encode(owner.user)])).codes == ["NOT_FOUND"]
        monkeypatch.setattr(settings, "nodes_max", 1)
        assert (await ask(DELETE, viewer=owner, ids=[encode(mine)] * 2)).codes == ["BAD_REQUEST"]


async def test_other_devices_receive_that_some_were_read_or_deleted(live, ask, database, owner, training, redis_url):
    here = await factories.cursor_of_now(database)
    one = await tell(database, owner, "One.", training)
    two = await tell(database, owner, "Two.", training)
    async with connected(live, owner) as client:
        await client.subscribe(HEARD, after=here)
        assert [(await client.next())["notification"]["message"] for _ in range(2)] == ["One.", "Two."]
        await ask(MARK, viewer=owner, ids=[encode(one)])
        assert await client.next() == {"unreadCount": 1, "notification": None}
        await ask(DELETE, viewer=owner, ids=[encode(two)])
        assert await client.next() == {"unreadCount": 0, "notification": None}
        await ask(MARK, viewer=owner, ids=[encode(one)])
        await ask(MARK_ALL, viewer=owner)
        await tell(database, owner, "Three.", training)
        assert await client.next() == {"unreadCount": 1, "notification": {"message": "Three."}}
        await ask(MARK_ALL, viewer=owner)
        assert await client.next() == {"unreadCount": 0, "notification": None}


async def test_who_does_not_want_them_on_the_web_finds_them_in_the_list_alone(
    live, ask, database, owner, training, redis_url, told
):
    here = await factories.cursor_of_now(database)
    await prefer(database, owner, DeliveryMethod.EMAIL)
    await tell(database, owner, "Quietly.", training)
    await prefer(database, owner, DeliveryMethod.WEB)
    await tell(database, owner, "Aloud.", training)
    async with connected(live, owner) as client:
        await client.subscribe(HEARD, after=here)
        assert await client.next() == {"unreadCount": 2, "notification": {"message": "Aloud."}}
    assert await told(owner) == ["Quietly.", "Aloud."]


async def test_what_was_read_long_ago_is_forgotten(database, owner):
    now, days = datetime.now(UTC), timedelta(days=settings.notifications_read_kept_days)
    kept = [
        await factories.notification(database, owner.id, created_at=now - 2 * days),
        await factories.notification(
            database, owner.id, created_at=now - 2 * days, is_read=True, read_at=now - days + timedelta(hours=1)
        ),
    ]
    await factories.notification(database, owner.id, is_read=True, read_at=now - days - timedelta(hours=1))
    await pruning.prune(database, "notifications")
    async with database.reading() as session:
        assert set(await session.scalars(select(UserNotification.id))) == {row.id for row in kept}


async def test_an_event_that_says_nothing_shows_nothing(live, database, owner, redis_url):
    here = await factories.cursor_of_now(database)
    async with database.writing() as session:
        events.record(session, notifications.topic(owner.id))
    async with connected(live, owner) as client:
        await client.subscribe(HEARD, after=here)
        assert await client.next() == {"unreadCount": 0, "notification": None}
