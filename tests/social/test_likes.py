"""Likes: once for each person and post, whoever asks how often and at the same time as whom."""

import asyncio

import pytest
from sqlalchemy import select

from app.models.social import Block, Like
from resolvers import ids
from tests import factories
from tests.fixtures import Person


@pytest.fixture
async def post(database, owner):
    return await factories.post(database, owner.id)


@pytest.fixture
async def crowd(database):
    made = [await factories.user(database, f"user{number}") for number in range(6)]
    return [Person(each.user, each.token) for each in made]


async def likers(database, post) -> list[int]:
    async with database.reading() as session:
        return sorted(await session.scalars(select(Like.user_id).where(Like.post_id == post.id)))


async def test_a_post_is_liked_and_unliked_and_a_second_time_changes_nothing(
    change, unchanged, database, post, owner, other
):
    for viewer, count in ((other, 1), (owner, 2)):
        assert (await change("likePost", "likesCount", viewer=viewer, id=ids.encode(post)))["likesCount"] == count
    async with unchanged():
        assert (await change("likePost", "likesCount", viewer=other, id=ids.encode(post)))["likesCount"] == 2
    assert await likers(database, post) == sorted([owner.id, other.id])
    assert (await change("unlikePost", "likesCount", viewer=other, id=ids.encode(post)))["likesCount"] == 1
    async with unchanged():
        assert (await change("unlikePost", "likesCount", viewer=other, id=ids.encode(post)))["likesCount"] == 1
    assert await likers(database, post) == [owner.id]


async def test_all_who_like_and_unlike_at_once_are_counted(change, database, post, crowd):
    deeds = [
        change(deed, viewer=viewer, id=ids.encode(post))
        for viewer in crowd
        for deed in ("likePost", "likePost", "unlikePost", "likePost")
    ]
    assert {made["__typename"] for made in await asyncio.gather(*deeds)} == {"Post"}
    likes = len(await likers(database, post))
    await asyncio.gather(*(change("likePost", viewer=viewer, id=ids.encode(post)) for viewer in crowd))
    [last, *_] = crowd
    made = await change("unlikePost", "likesCount", viewer=last, id=ids.encode(post))
    assert likes <= 6
    assert (made["likesCount"], len(await likers(database, post))) == (5, 5)


async def test_nobody_likes_across_a_block_or_what_is_deleted(refuse, database, post, owner, other, staff):
    for blocked in (other, staff):
        await factories.add(database, Block(user_id=owner.id, blocked_id=blocked.id, username=blocked.user.username))
    deleted = await factories.post(database, other.id, deleted_at=post.created_at, content="")
    for viewer, liked in [(other, post), (staff, post), (other, deleted)]:
        for deed in ("likePost", "unlikePost", "sharePost", "unsharePost"):
            assert (await refuse(deed, viewer=viewer, id=ids.encode(liked)))["code"] == "NOT_FOUND"
    assert (await refuse("likePost", viewer=None, id=ids.encode(post)))["code"] == "UNAUTHENTICATED"


async def test_who_likes_a_post_is_told_page_by_page_but_for_those_one_does_not_see(
    ask, change, database, post, crowd, other
):
    for viewer in (*crowd, other):
        await change("likePost", viewer=viewer, id=ids.encode(post))
    await factories.add(database, Block(user_id=crowd[0].id, blocked_id=other.id, username="other"))
    document = """query ($id: ID!) { node(id: $id) { ... on Post {
        likesCount likes(first: 2, orderBy: OLDEST) { totalCount nodes { user { username } } } } } }"""
    for viewer, names, count in ((None, ["user0", "user1"], 7), (other, ["user1", "user2"], 6)):
        found = (await ask(document, viewer=viewer, id=ids.encode(post)))["node"]
        assert [each["user"]["username"] for each in found["likes"]["nodes"]] == names
        assert (found["likesCount"], found["likes"]["totalCount"]) == (7, count)


async def test_a_post_is_shared_once_by_each_until_they_take_it_back(change, unchanged, post, owner, other):
    for viewer, count in ((other, 1), (owner, 2)):
        assert (await change("sharePost", "sharesCount", viewer=viewer, id=ids.encode(post)))["sharesCount"] == count
    async with unchanged():
        assert (await change("sharePost", "sharesCount", viewer=other, id=ids.encode(post)))["sharesCount"] == 2
    assert (await change("unsharePost", "sharesCount", viewer=other, id=ids.encode(post)))["sharesCount"] == 1
    async with unchanged():
        await change("unsharePost", viewer=other, id=ids.encode(post))


async def test_all_who_share_at_once_are_counted(change, post, crowd):
    made = await asyncio.gather(
        *(change("sharePost", "sharesCount", viewer=viewer, id=ids.encode(post)) for viewer in crowd * 2)
    )
    assert max(each["sharesCount"] for each in made) == 6


async def test_everybody_is_told_whether_they_themselves_like_or_share_it(ask, change, post, owner, other):
    await change("likePost", viewer=other, id=ids.encode(post))
    shared = await change("sharePost", "isLiked isShared", viewer=owner, id=ids.encode(post))
    assert (shared["isLiked"], shared["isShared"]) == (False, True)
    document = "query ($id: ID!) { user(id: $id) { posts { nodes { isLiked isShared } } } }"
    for viewer, liked, is_shared in ((other, True, False), (owner, False, True), (None, False, False)):
        answer = await ask(document, viewer=viewer, id=ids.encode(owner.user))
        assert answer["user"]["posts"]["nodes"] == [{"isLiked": liked, "isShared": is_shared}]
