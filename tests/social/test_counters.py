"""What the database counts by itself: likes, replies, shares and unread messages are the rows at every moment."""

import asyncio
from itertools import pairwise

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from app.models.social import Conversation, FriendRequest, Friendship, Like, Message, Post, Share
from tests import factories


@pytest.fixture
async def post(database, owner):
    return await factories.post(database, owner.id)


@pytest.fixture
async def crowd(database):
    return [(await factories.user(database, f"user{number}")).user.id for number in range(8)]


async def counts(database, post) -> tuple[int, int, int]:
    async with database.reading() as session:
        row = await session.get_one(Post, post.id)
    return row.likes_count, row.comment_count, row.shares_count


async def conversations(database) -> dict[tuple[int, int], tuple[int, int]]:
    async with database.reading() as session:
        rows = await session.scalars(select(Conversation))
        return {(row.user_id, row.other_id): (row.last_message_id, row.unread_count) for row in rows}


async def test_likes_and_shares_that_come_at_once_are_all_counted(database, post, crowd):
    made = [kind(user_id=user_id, post_id=post.id) for user_id in crowd for kind in (Like, Share)]
    await asyncio.gather(*(factories.add(database, row) for row in made))
    assert await counts(database, post) == (8, 0, 8)
    async with database.writing() as session:
        await session.execute(delete(Like).where(Like.user_id.in_(crowd[:3])))
        await session.execute(delete(Share).where(Share.user_id == crowd[0]))
    assert await counts(database, post) == (5, 0, 7)


async def test_a_second_like_of_one_person_is_refused_and_not_counted(database, post, other):
    await factories.add(database, Like(user_id=other.id, post_id=post.id))
    with pytest.raises(IntegrityError):
        async with database.engine.begin() as connection:
            await connection.execute(Like.__table__.insert().values(user_id=other.id, post_id=post.id))
    assert await counts(database, post) == (1, 0, 0)


async def test_replies_are_counted_where_they_hang_until_they_are_deleted(database, post, other):
    replies = await asyncio.gather(*(factories.post(database, other.id, parent=post) for _ in range(3)))
    await factories.post(database, other.id, parent=replies[0])
    assert await counts(database, post) == (0, 3, 0)
    assert await counts(database, replies[0]) == (0, 1, 0)
    async with database.writing() as session:
        await session.execute(update(Post).where(Post.id == replies[0].id).values(deleted_at=func.now(), content=""))
        await session.execute(delete(Post).where(Post.id == replies[1].id))
    assert await counts(database, post) == (0, 1, 0)
    async with database.writing() as session:  # what was left of it does not count a second time
        await session.execute(delete(Post).where(Post.id == replies[0].id))
    assert await counts(database, post) == (0, 1, 0)


async def test_a_conversation_has_two_sides_with_its_last_message_and_what_each_has_not_read(database, owner, other):
    sent = [
        await factories.add(database, Message(sender_id=a.id, receiver_id=b.id, content="Hello"))
        for a, b in pairwise([owner, other, owner, other])
    ]
    last = sent[-1].id
    assert await conversations(database) == {(owner.id, other.id): (last, 1), (other.id, owner.id): (last, 2)}
    async with database.writing() as session:
        read = update(Message).where(Message.receiver_id == other.id).values(is_read=True)
        await session.execute(read)
        await session.execute(read)
    assert await conversations(database) == {(owner.id, other.id): (last, 1), (other.id, owner.id): (last, 0)}


async def test_two_who_write_to_each_other_at_once_do_not_stop_each_other(database, owner, other):
    ways = [(owner, other), (other, owner)] * 20
    await asyncio.gather(
        *(
            factories.add(database, Message(sender_id=a.id, receiver_id=b.id, content=str(number)))
            for number, (a, b) in enumerate(ways)
        )
    )
    async with database.reading() as session:
        last = await session.scalar(select(func.max(Message.id)))
    assert await conversations(database) == {(owner.id, other.id): (last, 20), (other.id, owner.id): (last, 20)}


async def test_a_note_to_oneself_is_a_conversation_with_one_side(database, owner):
    note = await factories.add(
        database, Message(sender_id=owner.id, receiver_id=owner.id, content="Charge the drone", is_read=True)
    )
    assert await conversations(database) == {(owner.id, owner.id): (note.id, 0)}


@pytest.mark.parametrize(
    ("table", "ends"),
    [(Friendship, ("user_id", "friend_id")), (FriendRequest, ("from_user_id", "to_user_id"))],
)
async def test_nobody_is_a_friend_of_their_own(database, owner, table, ends):
    with pytest.raises(IntegrityError):
        async with database.engine.begin() as connection:
            await connection.execute(table.__table__.insert().values(dict.fromkeys(ends, owner.id)))


async def test_two_people_have_one_request_between_them_whoever_asks(database, owner, other):
    await factories.add(database, FriendRequest(from_user_id=owner.id, to_user_id=other.id))
    with pytest.raises(IntegrityError):
        async with database.engine.begin() as connection:
            await connection.execute(
                FriendRequest.__table__.insert().values(from_user_id=other.id, to_user_id=owner.id)
            )
