"""Editing posts, and taking them away: what was said before, and what is left of a post that has replies."""

import asyncio

import pytest
from sqlalchemy import delete, func, select

from app.models.social import Like, Post, PostHashtag, PostMention, PostRevision, Share
from app.models.system import AuditEntry, Event
from resolvers import ids
from tests import factories

EDITED = "content type mediaUrl altText editedAt revisions(orderBy: OLDEST) { nodes { content } }"


@pytest.fixture
async def post(database, owner):
    return await factories.post(database, owner.id, media_url="https://example.org/roof.jpg", alt_text="A roof.")


async def row(database, post) -> Post | None:
    async with database.reading() as session:
        return await session.get(Post, post.id)


async def count(database, table, **columns) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table).filter_by(**columns))


async def test_what_a_post_said_before_is_kept_when_its_words_change(change, post, owner):
    made = await change("editPost", EDITED, viewer=owner, id=ids.encode(post), content="It snows.")
    assert (made["content"], made["mediaUrl"]) == ("It snows.", "https://example.org/roof.jpg")
    assert made["editedAt"] is not None
    assert made["revisions"]["nodes"] == [{"content": "It rains."}]
    made = await change("editPost", EDITED, viewer=owner, id=ids.encode(post), altText=None, type="MEDIA", content=None)
    assert (made["content"], made["altText"], made["type"]) == ("", None, "MEDIA")
    made = await change("editPost", EDITED, viewer=owner, id=ids.encode(post), altText="A red roof.")
    assert made["altText"] == "A red roof."
    assert made["revisions"]["nodes"] == [{"content": "It rains."}, {"content": "It snows."}]


async def test_an_edit_that_says_the_same_changes_nothing(change, unchanged, post, owner):
    async with unchanged():
        made = await change("editPost", EDITED, viewer=owner, id=ids.encode(post), content=" It rains. ")
    assert (made["editedAt"], made["revisions"]["nodes"]) == (None, [])


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("content", {"content": None, "mediaUrl": None}),
        ("content", {"content": "x" * 501}),
        ("type", {"mediaUrl": None, "type": "MEDIA"}),
        ("mediaUrl", {"mediaUrl": "data:image/png;base64,AAAA"}),
        ("altText", {"altText": "x" * 1_001}),
    ],
)
async def test_an_edited_post_stays_within_bounds(refuse, post, owner, field, given):
    answer = await refuse("editPost", viewer=owner, id=ids.encode(post), **given)
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", field)


async def test_only_its_author_edits_a_post_and_only_staff_deletes_it_too(change, refuse, database, post, other, staff):
    for viewer, code in ((other, "FORBIDDEN"), (staff, "FORBIDDEN"), (None, "UNAUTHENTICATED")):
        assert (await refuse("editPost", viewer=viewer, id=ids.encode(post), content="Mine"))["code"] == code
    for viewer, code in ((other, "FORBIDDEN"), (None, "UNAUTHENTICATED")):
        assert (await refuse("deletePost", viewer=viewer, id=ids.encode(post)))["code"] == code
    await change("deletePost", viewer=staff, id=ids.encode(post))
    async with database.reading() as session:
        [kept] = await session.scalars(select(AuditEntry))
    assert (kept.action, kept.actor_id, kept.user_id) == ("deletePost", staff.id, post.author_id)
    assert (kept.subject_type, kept.subject_key) == ("Post", post.id)


async def test_a_post_without_replies_goes_with_all_that_belonged_to_it(change, refuse, database, post, owner, other):
    reply = await factories.post(database, other.id, parent=post)
    await factories.add(database, PostRevision(post_id=reply.id, content="Before"))
    await change("likePost", viewer=owner, id=ids.encode(reply))
    made = await change("deletePost", "post { id }", viewer=other, id=ids.encode(reply))
    assert (made["id"], made["post"]) == (ids.encode(reply), None)
    assert await row(database, reply) is None
    assert [await count(database, table) for table in (Like, PostRevision, AuditEntry)] == [0, 0, 0]
    assert (await row(database, post)).comment_count == 0
    assert (await refuse("deletePost", viewer=other, id=ids.encode(reply)))["code"] == "NOT_FOUND"


async def test_of_a_post_with_replies_it_stays_that_there_was_one(ask, change, refuse, database, post, owner, other):
    await factories.post(database, other.id, parent=post, content="Where?")
    for each in (PostMention(user_id=other.id, post_id=post.id), PostHashtag(post_id=post.id, name="roofs")):
        await factories.add(database, each)
    await change("editPost", viewer=owner, id=ids.encode(post), content="It snows.")
    for deed in ("likePost", "sharePost"):
        await change(deed, viewer=other, id=ids.encode(post))
    shown = "content mediaUrl altText deletedAt likesCount sharesCount commentCount revisions { totalCount }"
    made = await change("deletePost", f"post {{ {shown} }}", viewer=owner, id=ids.encode(post))
    left = made["post"]
    assert (left["content"], left["mediaUrl"], left["altText"]) == ("", None, None)
    assert left["deletedAt"] is not None
    assert (left["likesCount"], left["sharesCount"], left["commentCount"]) == (0, 0, 1)
    for table in (Like, Share, PostMention, PostHashtag, PostRevision):
        assert await count(database, table) == 0
    for deed, given in (("editPost", {"content": "Again"}), ("deletePost", {}), ("likePost", {})):
        assert (await refuse(deed, viewer=owner, id=ids.encode(post), **given))["code"] == "NOT_FOUND"
    answer = await refuse("createPost", viewer=other, content="Late", parentId=ids.encode(post))
    assert answer["field"] == "parentId"
    answer = await ask(
        "query ($id: ID!) { node(id: $id) { ... on Post { replies { nodes { content } } } } }", id=ids.encode(post)
    )
    assert answer["node"]["replies"]["nodes"] == [{"content": "Where?"}]


async def test_what_is_left_goes_with_its_last_reply_however_much_is_above(change, database, post, owner, other):
    chain = [post]
    for number in range(4):
        chain.append(await factories.post(database, (other, owner)[number % 2].id, parent=chain[-1]))
    beside = await factories.post(database, other.id, parent=chain[1])
    for number, each in enumerate(chain[:-1]):
        await change("deletePost", viewer=(owner, other)[number % 2], id=ids.encode(each))
    assert [(await row(database, each)).comment_count for each in chain[:-1]] == [0, 1, 0, 1]
    await change("deletePost", viewer=owner, id=ids.encode(chain[-1]))
    assert [await row(database, each) is None for each in chain] == [False, False, True, True, True]
    await change("deletePost", viewer=other, id=ids.encode(beside))
    assert await count(database, Post) == 0


async def test_of_two_who_delete_at_once_one_does(change, database, post, owner, staff):
    made = await asyncio.gather(
        *(change("deletePost", viewer=viewer, id=ids.encode(post)) for viewer in (owner, staff, owner))
    )
    assert sorted(each.get("code", "done") for each in made) == ["NOT_FOUND", "NOT_FOUND", "done"]
    assert await count(database, Event, topic="posts") == 1


async def test_the_last_replies_deleted_at_once_take_what_was_left_with_them(change, database, post, owner, other):
    replies = [await factories.post(database, other.id, parent=post) for _ in range(6)]
    await change("deletePost", viewer=owner, id=ids.encode(post))
    await asyncio.gather(*(change("deletePost", viewer=other, id=ids.encode(reply)) for reply in replies))
    assert await count(database, Post) == 0


async def test_those_who_reply_and_take_their_replies_back_at_once_do_not_stop_each_other(
    change, database, post, owner, other, staff
):
    before = [
        await change("createPost", viewer=viewer, content="@owner", parentId=ids.encode(post))
        for viewer in (other, staff) * 4
    ]
    deeds = [change("deletePost", viewer=staff, id=each["id"]) for each in before]
    deeds += [
        change("createPost", viewer=viewer, content="@owner", parentId=ids.encode(post))
        for viewer in (other, staff) * 4
    ]
    assert {made["__typename"] for made in await asyncio.gather(*deeds)} == {"FormerPost", "Post"}
    assert (await row(database, post)).comment_count == await count(database, Post, parent_id=post.id) == 8


@pytest.mark.parametrize("deed", ["createPost", "likePost", "sharePost"])
async def test_who_answers_what_is_just_being_deleted_comes_before_or_too_late(change, database, owner, other, deed):
    for _ in range(8):
        post = await factories.post(database, owner.id)
        given = {"content": "Wait", "parentId": ids.encode(post)} if deed == "createPost" else {"id": ids.encode(post)}
        made, deleted = await asyncio.gather(
            change(deed, viewer=other, **given), change("deletePost", "post { id }", viewer=owner, id=ids.encode(post))
        )
        left = await row(database, post)
        assert "code" not in deleted
        if deed == "createPost" and "code" not in made:
            assert (left.deleted_at is not None, left.comment_count) == (True, 1)
        else:
            assert left is None
        async with database.writing() as session:
            await session.execute(delete(Post))
    assert await count(database, Like) == await count(database, Share) == 0


async def test_what_is_left_of_a_post_is_among_the_replies_and_not_among_the_posts_of_its_author(
    ask, change, database, post, owner, other
):
    reply = await factories.post(database, other.id, parent=post)
    await factories.post(database, owner.id, parent=reply)
    await change("deletePost", viewer=other, id=ids.encode(reply))
    document = """query ($post: ID!, $user: ID!) {
        node(id: $post) { ... on Post { replies { totalCount nodes { content deletedAt } } } }
        user(id: $user) { posts { totalCount nodes { content } } }
    }"""
    answer = await ask(document, viewer=owner, post=ids.encode(post), user=ids.encode(other.user))
    assert answer["user"]["posts"] == {"totalCount": 0, "nodes": []}
    replies = answer["node"]["replies"]
    assert (replies["totalCount"], replies["nodes"][0]["content"]) == (1, "")
    assert replies["nodes"][0]["deletedAt"] is not None
