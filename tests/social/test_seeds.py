"""What the field reference of the social network names: each under its name, for whom it is meant."""

import pytest
from sqlalchemy import select

from app.models.social import Block, Like
from app.models.system import UserNotification
from resolvers import ids
from tests import factories

PROFILE = "query ($id: ID!) { user(id: $id) { fullName profile { createdAt updatedAt user { username } } } }"
LIKES = "query ($id: ID!) { user(id: $id) { likes { totalCount nodes { post { content } user { username } } } } }"
REQUESTS = """query ($id: ID!) { user(id: $id) {
  sentRequests { totalCount nodes { toUser { username } } }
  receivedRequests { totalCount nodes { fromUser { username } } }
} }"""
POSTS = """query ($type: PostType, $author: ID) {
  posts(type: $type, authorId: $author, orderBy: OLDEST) { totalCount nodes { content } }
}"""
FEED = "query ($type: PostType, $scope: FeedScope!) { feed(type: $type, scope: $scope) { nodes { content } } }"
THREAD = """query ($id: ID!, $first: Int! = 25, $after: String) { node(id: $id) { ... on Post {
  root { content } depth
  thread(first: $first, after: $after) {
    totalCount nodes { content depth parent { content } } pageInfo { hasNextPage endCursor }
  }
} } }"""


@pytest.fixture
async def post(database, owner):
    return await factories.post(database, owner.id, content="Roofs")


def contents(page):
    return [each["content"] for each in page["nodes"]]


async def test_a_profile_leads_back_to_its_user(ask, change, owner):
    for first, last, full in (("Ann", "Lee", "Ann Lee"), ("Ann", None, "Ann"), (None, None, "")):
        await change("updateAccount", viewer=owner, firstName=first, lastName=last)
        shown = (await ask(PROFILE, id=ids.encode(owner.user)))["user"]
        assert shown["fullName"] == full
    assert shown["profile"]["user"] == {"username": "owner"}
    assert shown["profile"]["createdAt"] <= shown["profile"]["updatedAt"]


async def test_names_have_up_to_150_characters_however_an_accent_is_typed(change, refuse, owner):
    long = "x" * 149 + "e\u0301"  # 151 code points as it is typed, and 150 in NFC
    kept = "x" * 149 + "é"
    fields = {"username": long, "firstName": long, "lastName": long}
    made = await change("updateAccount", "username firstName lastName", viewer=owner, **fields)
    assert {made[name] for name in fields} == {kept}
    for name in fields:
        answer = await refuse("updateAccount", viewer=owner, **{name: "x" * 151})
        assert (answer["code"], answer["field"]) == ("INVALID_INPUT", name)


async def test_the_address_of_media_has_up_to_500_characters(change, refuse, owner):
    address = "https://example.org/".ljust(500, "x")
    assert (await change("createPost", "mediaUrl", viewer=owner, mediaUrl=address))["mediaUrl"] == address
    answer = await refuse("createPost", viewer=owner, mediaUrl=f"{address}x")
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "mediaUrl")


async def test_texts_are_counted_and_kept_in_nfc(change, refuse, owner):
    made = await change("createPost", "content", viewer=owner, content="e\u0301" * 500)
    assert made["content"] == "é" * 500
    assert (await refuse("createPost", viewer=owner, content="e\u0301" * 501))["field"] == "content"


async def test_likes_are_listed_for_whoever_sees_both_the_person_and_the_post(ask, database, owner, other, post):
    await factories.add(database, Like(user_id=other.id, post_id=post.id))
    for viewer in (None, owner, other):
        shown = (await ask(LIKES, viewer=viewer, id=ids.encode(other.user)))["user"]["likes"]
        assert shown == {"totalCount": 1, "nodes": [{"post": {"content": "Roofs"}, "user": {"username": "other"}}]}
    third = await factories.user(database, "third")
    await factories.add(database, Block(user_id=owner.id, blocked_id=third.user.id, username="third"))
    shown = (await ask(LIKES, viewer=third, id=ids.encode(other.user)))["user"]["likes"]
    assert shown == {"totalCount": 0, "nodes": []}


async def test_open_requests_are_on_the_user_for_those_two_alone(ask, change, database, owner, other, staff):
    await change("sendFriendRequest", viewer=owner, userId=ids.encode(other.user))
    nothing = {"totalCount": 0, "nodes": []}
    asked = {"totalCount": 1, "nodes": [{"toUser": {"username": "other"}}]}
    received = {"totalCount": 1, "nodes": [{"fromUser": {"username": "owner"}}]}
    for viewer in (owner, other):
        shown = (await ask(REQUESTS, viewer=viewer, id=ids.encode(owner.user)))["user"]
        assert shown == {"sentRequests": asked, "receivedRequests": nothing}
        shown = (await ask(REQUESTS, viewer=viewer, id=ids.encode(other.user)))["user"]
        assert shown == {"sentRequests": nothing, "receivedRequests": received}
    for viewer in (None, staff):
        for user in (owner, other):
            shown = (await ask(REQUESTS, viewer=viewer, id=ids.encode(user.user)))["user"]
            assert shown == {"sentRequests": nothing, "receivedRequests": nothing}


async def test_posts_are_listed_by_type_and_author(ask, change, database, owner, other):
    for author, type in ((owner, "THOUGHTS"), (owner, "MILESTONES"), (other, "MILESTONES")):
        await change("createPost", viewer=author, content=f"{type} of {author.user.username}", type=type)
    milestones = ["MILESTONES of owner", "MILESTONES of other"]
    assert contents((await ask(POSTS, type="MILESTONES"))["posts"]) == milestones
    assert contents((await ask(POSTS, type="MEDIA"))["posts"]) == []
    theirs = await ask(POSTS, type="MILESTONES", author=ids.encode(other.user))
    assert contents(theirs["posts"]) == milestones[1:]
    assert contents((await ask(FEED, type="MILESTONES", scope="EVERYONE"))["feed"]) == milestones[::-1]
    await factories.befriend(database, owner.id, other.id)
    for type, count in (("MILESTONES", 2), ("THOUGHTS", 1), ("MEDIA", 0), (None, 3)):
        assert len((await ask(FEED, viewer=owner, type=type, scope="FRIENDS"))["feed"]["nodes"]) == count


async def test_a_thread_is_one_list_however_deep_page_by_page(ask, database, owner, other, post):
    reply = await factories.post(database, other.id, parent=post, content="1")
    deeper = await factories.post(database, owner.id, parent=reply, content="1.1")
    await factories.post(database, other.id, parent=post, content="2")
    await factories.post(database, owner.id, parent=deeper, content="1.1.1")
    page = (await ask(THREAD, id=ids.encode(post), first=3))["node"]["thread"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (4, True)
    assert [(each["content"], each["depth"], each["parent"]["content"]) for each in page["nodes"]] == [
        ("1", 1, "Roofs"),
        ("1.1", 2, "1"),
        ("2", 1, "Roofs"),
    ]
    rest = await ask(THREAD, id=ids.encode(post), after=page["pageInfo"]["endCursor"])
    assert contents(rest["node"]["thread"]) == ["1.1.1"]
    within = (await ask(THREAD, id=ids.encode(deeper)))["node"]
    assert (within["root"], within["depth"], within["thread"]["totalCount"]) == ({"content": "Roofs"}, 2, 0)


async def test_a_thread_leaves_out_who_is_blocked_and_what_they_answered_stays(ask, database, owner, other, post):
    third = await factories.user(database, "third")
    reply = await factories.post(database, other.id, parent=post, content="1")
    await factories.post(database, owner.id, parent=reply, content="1.1")
    await factories.add(database, Block(user_id=third.user.id, blocked_id=other.id, username="other"))
    page = (await ask(THREAD, viewer=third, id=ids.encode(post)))["node"]["thread"]
    assert (page["totalCount"], page["nodes"]) == (1, [{"content": "1.1", "depth": 2, "parent": None}])


@pytest.mark.parametrize(
    ("deed", "kind", "message"),
    [
        ("like", "LIKE", "other likes your post."),
        ("share", "SHARE", "other shared your post."),
    ],
)
class TestOfLikesAndShares:
    """Likes and shares notify the author, unless they turned that off."""

    async def told(self, database, user):
        async with database.reading() as session:
            query = select(UserNotification).where(UserNotification.user_id == user.id).order_by(UserNotification.id)
            return [(each.kind.value, each.message, each.is_read) for each in await session.scalars(query)]

    async def test_the_author_is_notified_once_until_it_is_undone(
        self, change, database, owner, other, post, deed, kind, message
    ):
        for _ in range(2):
            await change(f"{deed}Post", viewer=other, id=ids.encode(post))
            assert await self.told(database, owner) == [(kind, message, False)]
        await change(f"{deed}Post", viewer=owner, id=ids.encode(post))
        assert await self.told(database, owner) == [(kind, message, False)]
        await change(f"un{deed}Post", viewer=other, id=ids.encode(post))
        assert await self.told(database, owner) == []

    async def test_undoing_one_leaves_the_other(self, change, database, owner, other, post, deed, kind, message):
        for each in ("like", "share"):
            await change(f"{each}Post", viewer=other, id=ids.encode(post))
        await change(f"un{'share' if deed == 'like' else 'like'}Post", viewer=other, id=ids.encode(post))
        assert await self.told(database, owner) == [(kind, message, False)]

    async def test_who_turned_it_off_or_muted_them_is_not_notified(
        self, change, database, owner, other, post, deed, kind, message
    ):
        del message
        await change("updateAccount", viewer=owner, notificationsDeclined=[kind])
        await change(f"{deed}Post", viewer=other, id=ids.encode(post))
        assert await self.told(database, owner) == []
        await change("updateAccount", viewer=owner, notificationsDeclined=[])
        await change("muteUser", viewer=owner, userId=ids.encode(other.user))
        await change(f"un{deed}Post", viewer=other, id=ids.encode(post))
        await change(f"{deed}Post", viewer=other, id=ids.encode(post))
        assert await self.told(database, owner) == []

    async def test_a_deleted_post_is_no_news(self, change, database, owner, other, post, deed, kind, message):
        del kind, message
        await change(f"{deed}Post", viewer=other, id=ids.encode(post))
        await change("deletePost", viewer=owner, id=ids.encode(post))
        assert await self.told(database, owner) == []
