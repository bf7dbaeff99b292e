"""What people do is told to those whom it concerns: together, once, and no more once it was taken back."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from app.models.accounts import User
from app.models.kinds.social import SocialNotification
from app.models.social import Block, Mute
from app.models.system import NotificationActor, UserNotification
from app.services.accounts.users import deletion
from app.services.accounts.users import staff as looking_after
from app.services.social.people.pairs import tell
from app.services.system import notification_groups, notifications
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.fixtures import Person
from tests.system.clients import connected

TOLD = """query ($kinds: [NotificationKind!]) { notifications(kinds: $kinds) { nodes {
  kind message isRead actorsCount actor { username } actors(orderBy: OLDEST) { nodes { user { username } } }
} } }"""
LIVE = """subscription ($after: String) { notificationReceived(after: $after) {
  unreadCount notification { message actorsCount }
} }"""
READ_ALL = "mutation { markAllNotificationsRead }"
REPLY, MENTION = SocialNotification.REPLY, SocialNotification.MENTION


@pytest.fixture
async def people(database):
    """Five who have something to say."""
    names = ("ann", "ben", "cleo", "dan", "eve")
    return [Person(made.user, made.token) for made in [await factories.user(database, name) for name in names]]


@pytest.fixture
async def post(database, owner):
    return await factories.post(database, owner.id)


@pytest.fixture
def reply(database, owner, post):
    """Has the owner told of a reply by somebody; answers with the reply."""

    async def reply(person, to=None):
        made = await factories.post(database, person.id, parent=to or post)
        await said(database, owner, person, REPLY, made, (to or post).id)
        return made

    return reply


async def said(database, to, by, kind, about, within=None):
    async with database.writing() as session:
        await tell(session, to.id, by.id, kind, about=about, within=within)


async def taken_back(database, by, about):
    async with database.writing() as session:
        await notification_groups.withdraw_action(session, by.id, type(about), about.id)


async def told(ask, person, **variables):
    """What somebody was told, the last first."""
    return (await ask(TOLD, viewer=person, **variables))["notifications"]["nodes"]


async def messages(ask, person):
    return [each["message"] for each in await told(ask, person)]


async def leads_to(ask, person):
    """What the newest notification of somebody's is about."""
    document = "{ notifications(first: 1) { nodes { subject { id } } } }"
    [found] = (await ask(document, viewer=person))["notifications"]["nodes"]
    return found["subject"]["id"]


async def test_what_several_do_to_one_thing_is_one_notification_that_names_the_last(
    ask, database, owner, people, reply
):
    for person, message in zip(
        people[:3], ["ann replied", "ben and 1 other replied", "cleo and 2 others replied"], strict=True
    ):
        last = await reply(person)
        [found] = await told(ask, owner)
        assert found["message"] == f"{message} to your post."
    assert (found["kind"], found["actorsCount"], found["isRead"]) == ("REPLY", 3, False)
    assert (found["actor"], await leads_to(ask, owner)) == ({"username": "cleo"}, ids.encode(last))
    assert [each["user"]["username"] for each in found["actors"]["nodes"]] == ["ann", "ben", "cleo"]


async def test_who_does_it_again_is_counted_once_and_named_first(ask, owner, people, reply):
    ann, ben, *_ = people
    for person in (ann, ben, ann):
        await reply(person)
    [found] = await told(ask, owner)
    assert (found["message"], found["actorsCount"]) == ("ann and 1 other replied to your post.", 2)


async def test_what_is_done_again_comes_to_the_top(ask, database, owner, people, reply):
    ann, ben, *_ = people
    await reply(ann)
    other_post = await factories.post(database, owner.id)
    await reply(ben, to=other_post)
    assert await messages(ask, owner) == ["ben replied to your post.", "ann replied to your post."]
    await reply(ben)
    assert await messages(ask, owner) == ["ben and 1 other replied to your post.", "ben replied to your post."]


async def test_other_kinds_and_other_things_are_told_apart(ask, database, owner, people, post, reply):
    ann, *_ = people
    made = await reply(ann)
    await said(database, owner, ann, MENTION, made, post.id + 1)
    await said(database, owner, ann, MENTION, made, post.id + 2)
    assert [each["kind"] for each in await told(ask, owner)] == ["MENTION", "MENTION", "REPLY"]
    assert [each["kind"] for each in await told(ask, owner, kinds=["REPLY", "TEAM"])] == ["REPLY"]


async def test_what_was_read_stays_and_another_begins(ask, owner, people, reply):
    ann, ben, *_ = people
    await reply(ann)
    await ask(READ_ALL, viewer=owner)
    await reply(ben)
    assert [(each["message"], each["isRead"]) for each in await told(ask, owner)] == [
        ("ben replied to your post.", False),
        ("ann replied to your post.", True),
    ]


async def test_of_all_who_do_it_at_once_everybody_is_counted_in_one(ask, owner, people, reply):
    await asyncio.gather(*(reply(person) for person in people * 2))
    [found] = await told(ask, owner)
    assert found["actorsCount"] == len(found["actors"]["nodes"]) == 5
    assert found["message"] == f"{found['actor']['username']} and 4 others replied to your post."


async def test_whoever_does_it_while_it_is_read_is_told_of_before_or_after(ask, database, owner, people, reply):
    await asyncio.gather(*(reply(person) for person in people), *(ask(READ_ALL, viewer=owner) for _ in range(3)))
    found = await told(ask, owner)
    assert sum(each["actorsCount"] for each in found) == 5
    assert len([each for each in found if not each["isRead"]]) <= 1


async def test_doing_and_taking_back_at_once_names_who_is_left(ask, database, owner, people, reply):
    gone = [await reply(person) for person in people[:3]]
    await asyncio.gather(
        *(taken_back(database, person, made) for person, made in zip(people, gone, strict=False)),
        *(reply(person) for person in people[3:]),
    )
    [found] = await told(ask, owner)
    assert found["actorsCount"] == 2
    assert {each["user"]["username"] for each in found["actors"]["nodes"]} == {"dan", "eve"}


async def test_what_is_taken_back_is_told_no_more(ask, database, owner, people, reply):
    ann, ben, *_ = people
    first, second, third = [await reply(person) for person in (ann, ann, ben)]
    await taken_back(database, ben, third)
    assert await messages(ask, owner) == ["ann replied to your post."]
    assert await leads_to(ask, owner) == ids.encode(second)
    await taken_back(database, ann, second)
    assert await leads_to(ask, owner) == ids.encode(first)
    await taken_back(database, ann, first)
    assert await told(ask, owner) == []


async def test_what_was_read_is_not_taken_back(ask, database, owner, people, reply):
    made = await reply(people[0])
    await ask(READ_ALL, viewer=owner)
    await taken_back(database, people[0], made)
    assert await messages(ask, owner) == ["ann replied to your post."]


async def test_only_the_last_of_many_things_by_one_person_are_known(ask, database, owner, people, reply, monkeypatch):
    monkeypatch.setattr(settings, "notification_things_max", 2)
    made = [await reply(people[0]) for _ in range(3)]
    async with database.reading() as session:
        assert await session.scalar(select(NotificationActor.subject_keys)) == [each.id for each in made[1:]]


@pytest.mark.parametrize("how", ["mute", "block", "blocked", "suspended", "oneself"])
async def test_nobody_is_told_of_those_they_do_not_receive_or_of_themselves(ask, database, owner, other, reply, how):
    if how == "mute":
        await factories.add(database, Mute(user_id=owner.id, muted_id=other.id))
    elif how == "block":
        await factories.add(database, Block(user_id=owner.id, blocked_id=other.id, username="other"))
    elif how == "blocked":
        await factories.add(database, Block(user_id=other.id, blocked_id=owner.id, username="owner"))
    elif how == "suspended":
        async with database.writing() as session:
            await session.execute(update(User).where(User.id == other.id).values(is_active=False))
    await reply(owner if how == "oneself" else other)
    assert await told(ask, owner) == []


@pytest.mark.parametrize(("hours", "count"), [(1, 0), (-1, 1)])
async def test_a_mute_holds_until_it_expires(ask, database, owner, other, reply, hours, count):
    expires_at = datetime.now(UTC) + timedelta(hours=hours)
    await factories.add(database, Mute(user_id=owner.id, muted_id=other.id, expires_at=expires_at))
    await reply(other)
    assert len(await told(ask, owner)) == count


async def test_a_request_that_was_answered_or_taken_back_is_told_no_more(ask, change, owner, people):
    requests = []
    for person in people[:4]:
        made = await change("sendFriendRequest", "request { id }", viewer=person, userId=ids.encode(owner.user))
        requests.append(made["request"]["id"])
    assert await messages(ask, owner) == ["dan and 3 others sent you friend requests."]
    await change("cancelFriendRequest", viewer=people[3], userId=ids.encode(owner.user))
    assert await messages(ask, owner) == ["cleo and 2 others sent you friend requests."]
    await change("declineFriendRequest", viewer=owner, id=requests[2])
    await change("acceptFriendRequest", viewer=owner, id=requests[1])
    assert await messages(ask, owner) == ["ann sent you a friend request."]
    await change("blockUser", viewer=owner, userId=ids.encode(people[0].user))
    assert await messages(ask, owner) == []


async def test_replies_and_mentions_are_told_and_gone_with_their_post(ask, change, owner, other, people, post):
    made = []
    for person in people[:2]:
        said = {"content": "@owner and @other, look!", "parentId": ids.encode(post)}
        made.append(await change("createPost", viewer=person, **said))
    assert await messages(ask, owner) == ["ben and 1 other replied to your post."]
    assert await messages(ask, other) == ["ben and 1 other mentioned you."]
    for person, each, left in zip(people, made, (["ben"], []), strict=False):
        await change("deletePost", viewer=person, id=each["id"])
        assert await messages(ask, owner) == [f"{name} replied to your post." for name in left]
        assert await messages(ask, other) == [f"{name} mentioned you." for name in left]


async def test_of_all_who_name_several_at_once_while_one_is_suspended_nobody_waits_for_ever(
    ask, change, database, owner, other, staff, people, post
):
    said = {"content": "@owner, @other and @staff, look!"}
    await change("createPost", viewer=people[0], **said)

    async def suspend():
        async with database.writing() as session:
            await looking_after.suspend(session, people[0].id, actor_id=staff.id, reason="Spam.")

    answers = await asyncio.gather(suspend(), *(change("createPost", viewer=each, **said) for each in people[1:]))
    assert [answer["__typename"] for answer in answers[1:]] == ["Post"] * 4
    for person in (owner, other, staff):
        [found] = await told(ask, person)
        named = {each["user"]["username"] for each in found["actors"]["nodes"]}
        assert (found["actorsCount"], named) == (4, {"ben", "cleo", "dan", "eve"})


async def test_friends_are_told_together_and_who_is_none_any_more_is_left_out(ask, change, owner, people):
    for person in people[:2]:
        await change("sendFriendRequest", viewer=owner, userId=ids.encode(person.user))
        await change("sendFriendRequest", viewer=person, userId=ids.encode(owner.user))
    assert await messages(ask, owner) == ["ben and 1 other are now your friends."]
    await change("removeFriend", viewer=owner, userId=ids.encode(people[1].user))
    assert await messages(ask, owner) == ["ann is now your friend."]


async def test_a_message_is_told_until_it_is_read_or_taken_back(ask, change, owner, other, people):
    write = {"receiverId": ids.encode(owner.user), "content": "Hello"}
    sent = [await change("sendMessage", viewer=other, **write) for _ in range(2)]
    await change("sendMessage", viewer=people[0], **write)
    assert await messages(ask, owner) == ["ann sent you a message.", "other sent you a message."]
    await change("takeMessageBack", viewer=other, id=sent[0]["id"])
    assert len(await messages(ask, owner)) == 2
    await change("takeMessageBack", viewer=other, id=sent[1]["id"])
    assert await messages(ask, owner) == ["ann sent you a message."]
    await change("readConversation", viewer=owner, withUserId=ids.encode(people[0].user))
    assert [each["isRead"] for each in await told(ask, owner)] == [True]


async def test_a_block_takes_either_name_from_what_the_other_was_told(
    ask, change, database, owner, other, reply, people
):
    await reply(other)
    await ask(READ_ALL, viewer=owner)
    for person in (people[0], other):
        await reply(person)
    await change("sendMessage", viewer=owner, receiverId=ids.encode(other.user), content="Hello")
    await change("blockUser", viewer=owner, userId=ids.encode(other.user))
    assert await messages(ask, owner) == ["ann replied to your post."]
    assert await messages(ask, other) == []


@pytest.mark.parametrize("how", ["suspended", "deleted"])
async def test_who_is_suspended_or_deleted_is_named_no_more(ask, database, owner, other, staff, reply, how):
    await reply(other)
    await ask(READ_ALL, viewer=owner)
    await reply(other)
    if how == "suspended":
        async with database.writing() as session:
            await looking_after.suspend(session, other.id, actor_id=staff.id, reason="Spam.")
    else:
        async with database.writing() as session:
            due = {"account_deletion_requested": True, "account_deletion_due_at": datetime.now(UTC)}
            await session.execute(update(User).where(User.id == other.id).values(**due))
        await deletion.delete_due_accounts(database)
    assert await told(ask, owner) == []


async def test_each_telling_is_live_and_does_not_add_to_what_is_unread(
    live, change, database, owner, people, reply, redis_url
):
    here = await factories.cursor_of_now(database)
    async with connected(live, owner) as client:
        await client.subscribe(LIVE, after=here)
        for message, count in (("ann replied to your post.", 1), ("ben and 1 other replied to your post.", 2)):
            last = await reply(people[count - 1])
            received = {"unreadCount": 1, "notification": {"message": message, "actorsCount": count}}
            assert await client.next() == received
        await taken_back(database, people[1], last)
        assert await client.next() == {"unreadCount": 1, "notification": None}


async def test_what_somebody_declines_is_not_told(ask, change, refuse, database, owner, people, reply):
    declined = ["REPLY", "WORK", "REPLY"]
    made = await change("updateAccount", "notificationsDeclined", viewer=owner, notificationsDeclined=declined)
    assert made["notificationsDeclined"] == ["REPLY", "WORK"]
    await reply(people[0])
    async with database.writing() as session:
        notifications.notify(session, owner.id, "It ended.", about=owner.user)
    assert await told(ask, owner) == []
    for kind in ("ACCOUNT", "MODERATION"):
        answer = await refuse("updateAccount", viewer=owner, notificationsDeclined=[kind])
        assert (answer["field"], answer["message"]) == (
            "notificationsDeclined",
            f"These categories cannot be turned off: {kind}.",
        )


async def test_of_whom_one_does_not_see_any_more_only_the_number_is_left(ask, database, owner, people, reply):
    for person in people[:2]:
        await reply(person)
    async with database.writing() as session:  # as it was restored from before the block
        session.add(Block(user_id=people[1].id, blocked_id=owner.id, username="owner"))
    [found] = await told(ask, owner)
    assert (found["actor"], found["actorsCount"]) == (None, 2)
    assert [each["user"]["username"] for each in found["actors"]["nodes"]] == ["ann"]
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(UserNotification)) == 1
