"""Whom a text names, and the hashtags in it."""

import asyncio

import pytest
from sqlalchemy import select

from app.models.accounts import User
from app.models.social import Block, Mute, PostHashtag, PostMention
from app.models.system import UserNotification
from app.services.social.posts import mentions
from app.settings import settings
from resolvers import ids
from tests import factories

KNOWN = {"ann": 1, "ann lee": 2, "müller": 3, "j.r.": 4, "東京": 5, "مینا": 6, "สมชาย": 7, "민수": 8}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("#Roofs and #TILES, #roofs.", ["roofs", "tiles"]),
        ("(#straße) #Größe!", ["straße", "größe"]),
        ("#東京 #नमस्ते #مرحبا", ["東京", "नमस्ते", "مرحبا"]),
        ("#e\u0301tage", ["étage"]),
        ("#2026 #v2 #_ # ## #-x", ["v2"]),
        ("C#major a#b &#39;", []),
        ("今日は#東京 と", ["東京"]),
        ("ไป#ทะเล 서울에서#맛집", ["ทะเล", "맛집"]),
        ("#می\u200cخواهم #خانه\u200c", ["می\u200cخواهم", "خانه"]),
        ("#क्\u200dष #roof\u200ctop #\u200cx", ["क्\u200dष", "roof"]),
        ("https://example.org/#roofs www.example.org/a#b HTTP://x.org/(#c)", []),
        ("see https://example.org #roofs", ["roofs"]),
        ("#" + "x" * 101 + " #" + "y" * 100, ["y" * 100]),
        ("#" + "x" * 499, []),
        (" ".join(f"#tag{number}" for number in range(40)), [f"tag{number}" for number in range(30)]),
    ],
)
def test_hashtags_are_whole_words_in_any_script(text, names):
    assert mentions.hashtags(text) == names


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@ann", [1]),
        ("Hello @Ann, and @ANN!", [1, 1]),
        ("@Ann Lee's roof", [2]),
        ("@Ann Leeward", [1]),
        ("@annabel", []),
        ("@ann_", []),
        ("(@Müller)", [3]),
        ("@Mu\u0308ller", [3]),
        ("@J.R. said", [4]),
        (".@東京、", [5]),
        ("mail ann@ann.org or x@ann", []),
        ("https://example.org/@ann example.org/@ann", []),
        ("@@ann @ ann @\nann", []),
        ("@ann\nLee", [1]),
        ("@bob @ann", [1]),
        ("連絡は@annさん、@東京さん", [1, 5]),
        ("@สมชายครับ @민수님", [7, 8]),
        ("@م\u06ccنا\u200cجان و @می\u200cنا", [6, 6]),
        ("x@annさん é@ann", []),
    ],
)
def test_the_longest_name_that_somebody_has_is_meant(text, named):
    assert mentions.mentions(text, KNOWN) == named


def test_so_many_are_named_and_no_more(monkeypatch):
    monkeypatch.setattr(settings, "mentions_max", 2)
    assert mentions.mentions("@bob @ann @ann lee", KNOWN) == [1]


@pytest.fixture
def say(change):
    async def say(viewer, content, **given):
        return await change("createPost", viewer=viewer, content=content, **given)

    return say


async def named(database) -> list[str]:
    asked = select(User.username).join(PostMention, PostMention.user_id == User.id).order_by(User.username)
    async with database.reading() as session:
        return list(await session.scalars(asked))


async def told(database) -> list[tuple[int, str]]:
    asked = select(UserNotification.user_id, UserNotification.message).order_by(UserNotification.id)
    async with database.reading() as session:
        return [tuple(row) for row in await session.execute(asked)]


async def test_a_post_names_people_and_they_are_told_once(database, say, owner, other, staff):
    await say(owner, "@OTHER and @staff, and @other again, and @owner, and @nobody")
    assert await named(database) == ["other", "owner", "staff"]
    assert await told(database) == [(other.id, "owner mentioned you."), (staff.id, "owner mentioned you.")]


async def test_nobody_is_named_across_a_block_or_who_is_suspended(database, say, owner, other, staff):
    await factories.user(database, "gone", is_active=False)
    for one, another in ((other, owner), (staff, other)):
        await factories.add(database, Block(user_id=one.id, blocked_id=another.id, username=another.user.username))
    await say(owner, "@other @gone")
    await say(other, "@owner @staff")
    await say(staff, "@gone @other")
    assert (await named(database), await told(database)) == ([], [])


async def test_who_has_muted_somebody_is_named_and_not_told(database, say, owner, other):
    await factories.add(database, Mute(user_id=other.id, muted_id=owner.id))
    await say(owner, "@other")
    assert (await named(database), await told(database)) == (["other"], [])


async def test_a_reply_tells_whom_it_answers_once_and_not_oneself(database, say, owner, other, staff):
    post = await factories.post(database, other.id)
    await say(owner, "@other @staff Look!", parentId=ids.encode(post))
    assert sorted(await told(database)) == [
        (other.id, "owner replied to your post."),
        (staff.id, "owner mentioned you."),
    ]
    await say(other, "@other Yes.", parentId=ids.encode(post))
    assert len(await told(database)) == 2


async def test_what_an_edit_names_is_told_unless_it_was_named_before(database, change, say, owner, other, staff):
    made = await say(owner, "@other #roofs #tiles")
    for content in ("@staff #Tiles", "Nobody", "@other @staff #roofs"):
        await change("editPost", viewer=owner, id=made["id"], content=content)
    assert await named(database) == ["other", "staff"]
    assert await told(database) == [(other.id, "owner mentioned you."), (staff.id, "owner mentioned you.")]
    async with database.reading() as session:
        assert list(await session.scalars(select(PostHashtag.name))) == ["roofs"]


async def test_who_has_not_read_of_a_post_that_is_deleted_is_told_no_longer(database, change, say, owner, other, staff):
    post = await factories.post(database, other.id)
    made = [await say(owner, "@staff", parentId=ids.encode(post)) for _ in range(2)]
    await change("deletePost", viewer=owner, id=made[0]["id"])
    assert len(await told(database)) == 2
    await change("deletePost", viewer=owner, id=made[1]["id"])
    assert await told(database) == []


async def test_two_edits_at_once_leave_the_words_of_the_last(database, change, say, owner, other, staff):
    made = await say(owner, "First")
    contents = ["@other #one", "@staff #two", "@other @staff #one #two"]
    await asyncio.gather(*(change("editPost", viewer=owner, id=made["id"], content=each) for each in contents))
    async with database.reading() as session:
        tags = sorted(await session.scalars(select(PostHashtag.name)))
    assert (await named(database), tags) in [
        (["other"], ["one"]),
        (["staff"], ["two"]),
        (["other", "staff"], ["one", "two"]),
    ]
    assert len(await told(database)) == 2


async def test_a_post_tells_its_hashtags_and_whom_it_names(ask, change, say, owner, other, staff):
    made = await say(owner, "@staff @other #tiles #Äcker #roofs")
    document = """query ($id: ID!) { node(id: $id) { ... on Post {
        hashtags mentions(orderBy: OLDEST) { totalCount nodes { user { username } } } } } }"""
    for viewer in (owner, None):
        answer = await ask(document, viewer=viewer, id=made["id"])
        assert answer["node"]["hashtags"] == sorted(["roofs", "tiles", "äcker"])
        names = [each["user"]["username"] for each in answer["node"]["mentions"]["nodes"]]
        assert (sorted(names), answer["node"]["mentions"]["totalCount"]) == (["other", "staff"], 2)
    await change("blockUser", viewer=other, userId=ids.encode(staff.user))
    answer = await ask(document, viewer=other, id=made["id"])
    assert [each["user"]["username"] for each in answer["node"]["mentions"]["nodes"]] == ["other"]
    plain = await say(owner, "Nothing")
    assert (await ask(document, id=plain["id"]))["node"]["hashtags"] == []
