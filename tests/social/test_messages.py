"""Messages between two people, their conversations, and what is read of them."""

import asyncio

import pytest
from sqlalchemy import select

from app import events
from app.models.accounts import User
from app.models.social import Block, Message
from app.models.system import UserNotification
from app.services.social.messages import messages_topic
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.fixtures import Person
from tests.system.clients import connected

SHOWN = "id content isRead sender { username } receiver { username }"
CONVERSATIONS = """query ($unreadOnly: Boolean = false) {
  conversations(unreadOnly: $unreadOnly) { nodes { other { username } unreadCount lastMessage { content } } }
}"""
MESSAGES = (
    "query ($with: ID!) { messages(withUserId: $with, orderBy: OLDEST) { totalCount nodes { id content isRead } } }"
)
LIVE = "subscription ($after: String) { messageReceived(after: $after) { cursor change message { content isRead } } }"


@pytest.fixture
def say(change):
    async def say(sender, receiver, content="Hello"):
        return await change("sendMessage", SHOWN, viewer=sender, receiverId=ids.encode(receiver.user), content=content)

    return say


async def person(database, name) -> Person:
    signed_in = await factories.user(database, name)
    return Person(signed_in.user, signed_in.token)


async def talks(ask, viewer, **arguments):
    answer = await ask(CONVERSATIONS, viewer=viewer, **arguments)
    return [
        (each["other"]["username"], each["unreadCount"], each["lastMessage"]["content"])
        for each in answer["conversations"]["nodes"]
    ]


async def told(database, person) -> list[str]:
    messages = select(UserNotification.message).where(UserNotification.user_id == person.id)
    async with database.reading() as session:
        return list(await session.scalars(messages.order_by(UserNotification.id)))


async def test_a_message_reaches_its_receiver_who_need_be_no_friend(ask, say, owner, other):
    sent = await say(owner, other, " The tiles are\nblurred. ")
    assert (sent["content"], sent["isRead"]) == ("The tiles are\nblurred.", False)
    assert (sent["sender"], sent["receiver"]) == ({"username": "owner"}, {"username": "other"})
    for viewer, partner in ((owner, other), (other, owner)):
        answer = await ask(MESSAGES, viewer=viewer, **{"with": ids.encode(partner.user)})
        assert answer["messages"]["nodes"] == [{"id": sent["id"], "content": sent["content"], "isRead": False}]


async def test_conversations_show_what_was_said_last_and_what_is_unread(ask, change, database, say, owner, other):
    third = await person(database, "third")
    for sender, content in ((other, "one"), (other, "two"), (third, "three"), (owner, "four")):
        await say(sender, other if sender is owner else owner, content)
    assert await talks(ask, owner) == [("other", 2, "four"), ("third", 1, "three")]
    assert await talks(ask, other) == [("owner", 1, "four")]
    read = await change("readConversation", "unreadCount", viewer=owner, withUserId=ids.encode(other.user))
    assert read["unreadCount"] == 0
    assert await talks(ask, owner, unreadOnly=True) == [("third", 1, "three")]


async def test_a_page_of_conversations_takes_three_statements(ask, database, say, owner, other, statements):
    for number in range(3):
        sender = await person(database, f"user{number}")
        await say(sender, owner, str(number))
    await talks(ask, owner)  # who it is, is known from then on
    statements.clear()
    await talks(ask, owner)
    assert len(statements) == 3  # conversations, and of all of them the people and the last messages


async def test_only_the_receiver_reads_and_a_second_time_changes_nothing(ask, change, unchanged, say, owner, other):
    await say(owner, other)
    await change("readConversation", viewer=owner, withUserId=ids.encode(other.user))
    assert await talks(ask, other) == [("owner", 1, "Hello")]
    await change("readConversation", viewer=other, withUserId=ids.encode(owner.user))
    async with unchanged():
        await change("readConversation", viewer=other, withUserId=ids.encode(owner.user))
    answer = await ask(MESSAGES, viewer=owner, **{"with": ids.encode(other.user)})
    assert [each["isRead"] for each in answer["messages"]["nodes"]] == [True]


async def test_who_has_not_read_is_told_once_and_again_after_reading(change, database, say, owner, other):
    for _ in range(3):
        await say(owner, other)
    assert await told(database, other) == ["owner sent you a message."]
    await change("readConversation", viewer=other, withUserId=ids.encode(owner.user))
    await say(owner, other)
    assert await told(database, other) == ["owner sent you a message."] * 2
    assert await told(database, owner) == []


async def test_a_note_to_oneself_is_read_and_told_to_nobody(ask, database, say, owner):
    note = await say(owner, owner, "Charge the drone")
    assert note["isRead"] is True
    assert await talks(ask, owner) == [("owner", 0, "Charge the drone")]
    assert await told(database, owner) == []


async def test_nobody_else_sees_a_message_whoever_they_are(ask, say, owner, other, staff):
    sent = await say(owner, other)
    for viewer in (staff, None):
        answer = await ask("query ($id: ID!) { node(id: $id) { id } }", viewer=viewer, id=sent["id"])
        assert answer.codes == ["NOT_FOUND"]
    answer = await ask(MESSAGES, viewer=staff, **{"with": ids.encode(other.user)})
    assert answer["messages"]["totalCount"] == 0


@pytest.mark.parametrize("content", ["", "  ", "x" * 5_001, "bell\x07"])
async def test_a_message_says_something_of_at_most_5_000_characters(refuse, owner, other, content):
    answer = await refuse("sendMessage", viewer=owner, receiverId=ids.encode(other.user), content=content)
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "content")


async def test_nobody_writes_to_nobody_to_the_suspended_or_across_a_block(refuse, database, owner, other):
    gone = (await factories.user(database, "gone", is_active=False)).user
    await factories.add(database, Block(user_id=other.id, blocked_id=owner.id, username="owner"))
    for user in (gone, User(id=gone.id + 1), other.user):
        answer = await refuse("sendMessage", viewer=owner, receiverId=ids.encode(user), content="Hello")
        assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "receiverId")
    answer = await refuse("sendMessage", viewer=other, receiverId=ids.encode(owner.user), content="Hello")
    assert answer["field"] == "receiverId"


async def test_a_block_hides_what_was_said_until_it_is_taken_back(ask, change, say, owner, other):
    await say(owner, other)
    block = await change("blockUser", viewer=owner, userId=ids.encode(other.user))
    for viewer, partner in ((owner, other), (other, owner)):
        assert await talks(ask, viewer) == []
        answer = await ask(MESSAGES, viewer=viewer, **{"with": ids.encode(partner.user)})
        assert answer["messages"]["totalCount"] == 0
    await change("unblockUser", viewer=owner, id=block["id"])
    assert await talks(ask, other) == [("owner", 1, "Hello")]


async def test_writing_and_blocking_at_once_leaves_no_message_seen(ask, change, say, owner, other):
    await asyncio.gather(
        say(other, owner), change("blockUser", viewer=owner, userId=ids.encode(other.user)), say(other, owner)
    )
    assert await talks(ask, owner) == []


async def test_who_sent_a_message_takes_it_back_and_nobody_else(ask, change, refuse, say, owner, other):
    sent = await say(owner, other, "Wrong window")
    assert (await refuse("takeMessageBack", viewer=other, id=sent["id"]))["code"] == "FORBIDDEN"
    assert (await refuse("takeMessageBack", viewer=None, id=sent["id"]))["code"] == "NOT_FOUND"
    await change("takeMessageBack", viewer=owner, id=sent["id"])
    assert await talks(ask, other) == [("owner", 1, "")]
    assert (await refuse("takeMessageBack", viewer=owner, id=sent["id"]))["code"] == "CONFLICT"


async def test_there_is_nothing_to_read_where_nothing_was_said(refuse, owner, other):
    answer = await refuse("readConversation", viewer=owner, withUserId=ids.encode(other.user))
    assert answer["code"] == "NOT_FOUND"


async def test_only_so_many_are_written_in_a_minute(refuse, say, database, owner, other, monkeypatch):
    monkeypatch.setattr(settings, "messages_per_minute_max", 1)
    await say(owner, other)
    answer = await refuse("sendMessage", viewer=owner, receiverId=ids.encode(other.user), content="Again")
    assert answer["code"] == "RATE_LIMITED"
    async with database.reading() as session:
        assert len((await session.scalars(select(Message))).all()) == 1


async def test_messages_are_live_for_both_and_come_again_after_a_cursor(change, live, say, owner, other):
    async with connected(live, other) as client, connected(live, owner) as elsewhere:
        for each in (client, elsewhere):
            await each.subscribe(LIVE)
            await each.begun()
        sent = await say(owner, other, "one")
        first = await client.next()
        assert first["change"] == "SENT"
        assert first["message"] == (await elsewhere.next())["message"] == {"content": "one", "isRead": False}
    await change("readConversation", viewer=other, withUserId=ids.encode(owner.user))
    async with connected(live, other) as again:
        await again.subscribe(LIVE, after=first["cursor"])
        read = await again.next()
        assert (read["change"], read["message"]) == ("READ", {"content": "one", "isRead": True})
        await change("takeMessageBack", viewer=owner, id=sent["id"])
        last = await again.next()
        assert (last["change"], last["message"]) == ("TAKEN_BACK", {"content": "", "isRead": True})


async def test_events_from_before_say_no_change(live, database, owner, other):
    message = await factories.add(database, Message(sender_id=owner.id, receiver_id=other.id, content="Hello"))
    cursor = await factories.cursor_of_now(database)
    async with database.writing() as session:
        events.record(session, messages_topic(other.id), {"message": message.id})
    async with connected(live, other) as client:
        await client.subscribe(LIVE, after=cursor)
        told = await client.next()
        assert (told["change"], told["message"]) == (None, {"content": "Hello", "isRead": False})
