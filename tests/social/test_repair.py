"""Counts that were wrong are put right while people go on; what is right is left alone."""

import asyncio

import pytest

from app.models.social import Like, Message, Share
from app.operations import counters
from app.services.social import counters as counters_service
from app.settings import settings
from tests import factories
from tests.social.claims import broken


@pytest.fixture
async def talk(database, owner, other):
    """A post with a like, a share and a reply, and a message each way, one of which is read."""
    post = await factories.post(database, owner.id)
    await factories.post(database, other.id, parent=post)
    for row in (
        Like(user_id=other.id, post_id=post.id),
        Share(user_id=other.id, post_id=post.id),
        Message(sender_id=owner.id, receiver_id=other.id, content="Hello"),
        Message(sender_id=other.id, receiver_id=owner.id, content="Hello"),
    ):
        await factories.add(database, row)
    return post


async def repaired(database) -> list[tuple[str, str, int | None, int]]:
    return [
        (each.table, each.column, each.was, each.is_now) async for each in counters_service.repair_counters(database)
    ]


async def test_what_is_right_is_left_alone(database, talk, unchanged):
    async with unchanged():
        assert await repaired(database) == []


async def test_what_is_wrong_is_put_right_and_told(database, database_owner, talk, monkeypatch):
    monkeypatch.setattr(settings, "counters_batch_rows", 1)
    database_owner.execute(
        "UPDATE posts SET likes_count = 7, comment_count = 0, shares_count = 3 WHERE parent_id IS NULL"
    )
    database_owner.execute(
        "UPDATE conversations SET unread_count = 5, last_message_id = (SELECT min(id) FROM messages)"
    )
    first, last = database_owner.execute("SELECT min(id), max(id) FROM messages").fetchone()
    wrong = [("last_message_id", first, last), ("unread_count", 5, 1)]
    assert await repaired(database) == [
        ("posts", "likes_count", 7, 1),
        ("posts", "comment_count", 0, 1),
        ("posts", "shares_count", 3, 1),
        *(("conversations", *each) for each in wrong * 2),
    ]
    assert broken(database_owner) == {}
    assert await repaired(database) == []


async def test_conversations_that_are_missing_are_opened(database, database_owner, talk):
    database_owner.execute("DELETE FROM conversations")
    found = await repaired(database)
    assert [column for _, column, _, _ in found] == ["last_message_id"] * 2 + ["unread_count"] * 2
    assert broken(database_owner) == {}


async def test_people_go_on_liking_and_writing_meanwhile(database, database_owner, owner, other, talk, monkeypatch):
    monkeypatch.setattr(settings, "counters_batch_rows", 1)
    people = [(await factories.user(database, f"user{number}")).user.id for number in range(8)]

    async def go_on(user_id: int) -> None:
        for _ in range(4):
            await factories.add(database, Message(sender_id=user_id, receiver_id=owner.id, content="Hello"))
        await factories.add(database, Like(user_id=user_id, post_id=talk.id))

    async def repair() -> None:
        for number in range(4):
            for wrong in ("posts SET likes_count = likes_count", "conversations SET unread_count = unread_count"):
                await asyncio.to_thread(database_owner.execute, f"UPDATE {wrong} + {number}")
            await repaired(database)

    await asyncio.gather(repair(), *map(go_on, people))
    await repaired(database)
    assert broken(database_owner) == {}


def test_the_command_says_what_it_has_done(database_url, redis_url, database_owner, monkeypatch, capsys):
    monkeypatch.setattr(settings, "redis_url", redis_url)
    counters.repair()
    assert capsys.readouterr().out == "All counters are correct.\n"
