"""Posts and replies: who writes them, what they may say, and what goes with them."""

import pytest

from app.models.social import Block, Post
from app.settings import settings
from resolvers import ids
from tests import factories

SHOWN = "content type mediaUrl commentCount likesCount sharesCount author { username } parent { id }"
THREAD = """query ($id: ID!) { node(id: $id) { ... on Post {
  content commentCount author { username } replies(orderBy: OLDEST) { totalCount nodes { content parent { id } } }
} } }"""
POSTS = (
    "query ($id: ID!) { user(id: $id) { posts(first: 2) { totalCount nodes { content } pageInfo { hasNextPage } } } }"
)


@pytest.fixture
async def post(database, owner):
    return await factories.post(database, owner.id)


async def test_a_post_says_something_to_everybody(ask, change, owner):
    made = await change("createPost", SHOWN, viewer=owner, content=" The first roofs\nare found. ", type="MILESTONES")
    assert made["content"] == "The first roofs\nare found."
    assert (made["type"], made["author"], made["parent"]) == ("MILESTONES", {"username": "owner"}, None)
    assert (made["likesCount"], made["commentCount"], made["sharesCount"]) == (0, 0, 0)
    for viewer in (owner, None):
        answer = await ask(POSTS, viewer=viewer, id=ids.encode(owner.user))
        assert answer["user"]["posts"]["nodes"] == [{"content": "The first roofs\nare found."}]


async def test_what_is_shown_needs_no_words(change, owner):
    made = await change("createPost", SHOWN, viewer=owner, type="MEDIA", mediaUrl="https://example.org/roof.jpg")
    assert (made["content"], made["mediaUrl"]) == ("", "https://example.org/roof.jpg")


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("content", {}),
        ("content", {"content": " \n "}),
        ("content", {"content": "x" * 501}),
        ("content", {"content": "bell\x07"}),
        ("type", {"content": "Words", "type": "MEDIA"}),
        ("mediaUrl", {"mediaUrl": "javascript:alert(1)"}),
        ("mediaUrl", {"mediaUrl": "ftp://example.org/roof.jpg"}),
        ("mediaUrl", {"mediaUrl": "https://example.org/" + "x" * 481}),
        ("parentId", {"content": "Words", "parentId": ids.encode_key(Post, 10**9)}),
    ],
)
async def test_a_post_says_or_shows_something_within_bounds(refuse, owner, field, given):
    answer = await refuse("createPost", viewer=owner, **given)
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", field)


async def test_strangers_do_not_post(refuse):
    assert (await refuse("createPost", viewer=None, content="Hello"))["code"] == "UNAUTHENTICATED"


async def test_only_so_many_are_posted_in_a_minute(change, refuse, owner, monkeypatch):
    monkeypatch.setattr(settings, "posts_per_minute_max", 1)
    await change("createPost", viewer=owner, content="One")
    assert (await refuse("createPost", viewer=owner, content="Two"))["code"] == "RATE_LIMITED"


async def test_replies_hang_below_what_they_answer_to_any_depth(ask, change, database, post, owner, other):
    last = post
    for number in range(4):
        viewer = (other, owner)[number % 2]
        made = await change("createPost", SHOWN, viewer=viewer, content=str(number), parentId=ids.encode(last))
        assert made["parent"] == {"id": ids.encode(last)}
        async with database.reading() as session:
            last = await session.get_one(Post, ids.key(made["id"], Post))
        assert (last.root_id, last.depth) == (post.id, number + 1)
    answer = await ask(THREAD, viewer=None, id=ids.encode(post))
    assert answer["node"]["commentCount"] == answer["node"]["replies"]["totalCount"] == 1
    assert answer["node"]["replies"]["nodes"] == [{"content": "0", "parent": {"id": ids.encode(post)}}]


async def test_nobody_replies_across_a_block_to_the_suspended_or_to_what_is_deleted(
    refuse, database, post, owner, other, staff
):
    gone = (await factories.user(database, "gone", is_active=False)).user
    unseen = await factories.post(database, gone.id)
    deleted = await factories.post(database, other.id, deleted_at=post.created_at, content="")
    blocking = await factories.post(database, staff.id)
    for blocked in (other, staff):
        await factories.add(database, Block(user_id=owner.id, blocked_id=blocked.id, username=blocked.user.username))
    for viewer, parent in [(other, post), (staff, post), (owner, blocking), (other, unseen), (other, deleted)]:
        answer = await refuse("createPost", viewer=viewer, content="Hello", parentId=ids.encode(parent))
        assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "parentId")


async def test_posts_of_somebody_come_page_by_page(ask, database, owner):
    for number in range(3):
        await factories.post(database, owner.id, content=str(number))
    answer = await ask(POSTS, id=ids.encode(owner.user))
    assert [each["content"] for each in answer["user"]["posts"]["nodes"]] == ["2", "1"]
    assert (answer["user"]["posts"]["totalCount"], answer["user"]["posts"]["pageInfo"]["hasNextPage"]) == (3, True)


async def test_nobody_sees_posts_across_a_block(ask, database, post, owner, other):
    await factories.add(database, Block(user_id=owner.id, blocked_id=other.id, username="other"))
    assert (await ask(THREAD, viewer=other, id=ids.encode(post))).codes == ["NOT_FOUND"]
    reply = await factories.post(database, other.id, parent=post)
    answer = await ask(THREAD, viewer=owner, id=ids.encode(post))
    assert answer["node"]["replies"]["nodes"] == []
    assert (await ask(THREAD, viewer=owner, id=ids.encode(reply))).codes == ["NOT_FOUND"]


async def test_a_page_of_posts_takes_two_statements_whatever_is_told_of_each(ask, database, owner, other, statements):
    for number in range(3):
        await factories.post(database, owner.id, content=f"{number} #roofs")
    document = """query ($id: ID!) { user(id: $id) { posts { nodes {
        content isLiked isShared hashtags likesCount about { ... on Model { name } } } } } }"""
    await ask(document, viewer=other, id=ids.encode(owner.user))  # who it is, is known from then on
    statements.clear()
    answer = await ask(document, viewer=other, id=ids.encode(owner.user))
    assert (len(answer["user"]["posts"]["nodes"]), len(statements)) == (3, 2)  # the person, and their posts
