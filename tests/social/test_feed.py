"""Whose posts somebody is shown, page by page."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from app.models.social import Block, Mute, PostHashtag, PostMention
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.fixtures import Person

FEED = """query ($scope: FeedScope! = EVERYONE, $first: Int! = 25, $after: String, $orderBy: AgeOrder! = NEWEST) {
  feed(scope: $scope, first: $first, after: $after, orderBy: $orderBy) {
    totalCount pageInfo { hasNextPage endCursor } nodes { content author { username } }
  }
}"""
POSTS = """query ($hashtag: String, $mentioned: ID) {
  posts(hashtag: $hashtag, mentionedUserId: $mentioned) { totalCount nodes { content } }
}"""
NOW = datetime.now(UTC)


async def person(database, name, **fields) -> Person:
    signed_in = await factories.user(database, name, **fields)
    return Person(signed_in.user, signed_in.token)


async def shown(ask, viewer, **arguments) -> list[str]:
    return [each["content"] for each in (await ask(FEED, viewer=viewer, **arguments))["feed"]["nodes"]]


async def found(ask, viewer, **arguments) -> list[str]:
    answer = await ask(POSTS, viewer=viewer, **arguments)
    return [each["content"] for each in answer["posts"]["nodes"]]


async def test_everybody_is_shown_what_was_said_newest_first_and_no_replies(ask, database, owner, other):
    first = await factories.post(database, owner.id, content="first")
    await factories.post(database, other.id, content="a reply", parent=first)
    await factories.post(database, other.id, content="second")
    await factories.post(database, other.id, content="", deleted_at=NOW)
    for viewer in (None, owner, other):
        assert await shown(ask, viewer) == ["second", "first"]


async def test_friends_are_shown_theirs_and_their_own(ask, database, owner, other):
    third = await person(database, "third")
    await factories.befriend(database, owner.id, other.id)
    for author in (owner, other, third):
        await factories.post(database, author.id, content=f"by {author.user.username}")
    assert await shown(ask, owner, scope="FRIENDS") == ["by other", "by owner"]
    assert await shown(ask, third, scope="FRIENDS") == ["by third"]
    assert (await ask(FEED, scope="FRIENDS")).codes == ["UNAUTHENTICATED"]


@pytest.mark.parametrize("scope", ["EVERYONE", "FRIENDS"])
async def test_nobody_is_shown_whom_they_mute_block_or_are_blocked_by_nor_the_suspended(ask, database, owner, scope):
    people = {name: await person(database, name) for name in ("muted", "unmuted", "blocked", "blocking")}
    people["gone"] = await person(database, "gone", is_active=False)
    for author in people.values():
        await factories.befriend(database, owner.id, author.id)
        await factories.post(database, author.id, content=f"by {author.user.username}")
    for name, expires_at in (("muted", None), ("unmuted", NOW - timedelta(hours=1))):
        await factories.add(database, Mute(user_id=owner.id, muted_id=people[name].id, expires_at=expires_at))
    await factories.add(database, Block(user_id=owner.id, blocked_id=people["blocked"].id, username="blocked"))
    await factories.add(database, Block(user_id=people["blocking"].id, blocked_id=owner.id, username="owner"))
    assert await shown(ask, owner, scope=scope) == ["by unmuted"]


@pytest.mark.parametrize("scope", ["EVERYONE", "FRIENDS"])
@pytest.mark.parametrize("order", ["NEWEST", "OLDEST"])
@pytest.mark.parametrize("seed", range(3))
async def test_page_by_page_everything_comes_once_in_order(ask, database, owner, scope, order, seed):
    expected = (await community(database, owner, Random(seed)))[scope == "FRIENDS"]
    received, after = [], None
    while True:
        answer = await ask(FEED, viewer=owner, scope=scope, first=3, after=after, orderBy=order)
        assert answer["feed"]["totalCount"] == len(expected)
        received += [each["content"] for each in answer["feed"]["nodes"]]
        after = answer["feed"]["pageInfo"]["endCursor"]
        if not answer["feed"]["pageInfo"]["hasNextPage"]:
            break
    assert received == (expected[::-1] if order == "NEWEST" else expected)


async def community(database, owner, random):
    """A random one around somebody, and what they are shown of everybody's and of friends' posts, oldest first."""
    people = [owner, *[await person(database, f"person{n}", is_active=random.random() < 0.8) for n in range(9)]]
    friends, unreceived = {owner.id}, {each.id for each in people if each.user.is_active is False}
    for each in people[1:]:
        if random.random() < 0.6:
            await factories.befriend(database, owner.id, each.id)
            friends.add(each.id)
        if random.random() < 0.2:
            await factories.add(database, Mute(user_id=owner.id, muted_id=each.id))
            unreceived.add(each.id)
        if random.random() < 0.2:
            await factories.add(database, Block(user_id=each.id, blocked_id=owner.id, username="owner"))
            unreceived.add(each.id)
    everyone, by_friends, parent = [], [], None
    for number in range(60):
        author, kind = random.choice(people).id, random.choice(["said", "said", "said", "answered", "deleted"])
        fields = {"parent": parent} if kind == "answered" else {"deleted_at": NOW} if kind == "deleted" else {}
        made = await factories.post(database, author, content=str(number), **fields)
        parent = parent or made
        if made.parent_id is None and kind != "deleted" and author not in unreceived:
            everyone.append(str(number))
            by_friends += [str(number)] * (author in friends)
    return everyone, by_friends


@pytest.mark.parametrize("scope", ["EVERYONE", "FRIENDS"])
async def test_any_page_takes_as_many_statements(ask, database, owner, other, scope, statements):
    await factories.befriend(database, owner.id, other.id)
    for number in range(8):
        await factories.post(database, (owner, other)[number % 2].id, content=str(number))
    counts, after = [], None
    await shown(ask, owner, scope=scope)
    for _ in range(4):
        statements.clear()
        answer = await ask(FEED.replace("totalCount", ""), viewer=owner, scope=scope, first=2, after=after)
        after = answer["feed"]["pageInfo"]["endCursor"]
        counts.append(len(statements))
    assert counts == [2] * 4  # the posts, and the authors of all of them


async def test_a_hashtag_has_its_posts_and_replies(ask, database, owner, other):
    first = await factories.post(database, owner.id, content="a #Roof")
    for parent, content in ((first, "more #roof"), (None, "a #road"), (None, "another #roof")):
        await factories.post(database, other.id, content=content, parent=parent)
    gone = await factories.post(database, other.id, content="", deleted_at=NOW)
    for id, name in ((1, "roof"), (2, "roof"), (3, "road"), (4, "roof"), (5, "roof")):
        await factories.add(database, PostHashtag(post_id=first.id - 1 + id, name=name))
    assert gone.id == first.id + 4
    for hashtag in ("roof", "#roof", "#ROOF"):
        assert await found(ask, owner, hashtag=hashtag) == ["another #roof", "more #roof", "a #Roof"]
    for hashtag in ("wall", "", "#", "7"):
        assert await found(ask, owner, hashtag=hashtag) == []
    await factories.add(database, Mute(user_id=owner.id, muted_id=other.id))
    assert await found(ask, owner, hashtag="roof") == ["a #Roof"]


async def test_who_is_mentioned_finds_where(ask, database, owner, other):
    named = await factories.post(database, other.id, content="ask @owner")
    await factories.post(database, other.id, content="ask me")
    await factories.add(database, PostMention(post_id=named.id, user_id=owner.id))
    assert await found(ask, owner, mentioned=ids.encode(owner.user)) == ["ask @owner"]
    assert await found(ask, owner, mentioned=ids.encode(other.user)) == []
    assert await found(ask, owner) == ["ask me", "ask @owner"]


POPULAR = "query ($first: Int! = 10) { popularHashtags(first: $first) { name peopleCount } }"


async def popular(ask, viewer=None, **arguments):
    answer = await ask(POPULAR, viewer=viewer, **arguments)
    return [(each["name"], each["peopleCount"]) for each in answer["popularHashtags"]]


async def test_a_hashtag_is_popular_by_how_many_people_use_it(ask, change, database, owner, other, monkeypatch):
    for author, content in ((owner, "#roof #roof"), (owner, "#road"), (owner, "#road"), (other, "#Roof #wall")):
        await change("createPost", viewer=author, content=content)
    assert await popular(ask) == [("roof", 2), ("road", 1), ("wall", 1)]
    assert await popular(ask, first=1) == [("roof", 2)]
    await factories.add(database, Mute(user_id=owner.id, muted_id=other.id))
    assert await popular(ask, owner) == [("road", 1), ("roof", 1)]
    monkeypatch.setattr(settings, "hashtag_uses_counted_max", 2)
    assert await popular(ask) == [("roof", 1), ("wall", 1)]
    assert (await ask(POPULAR, first=51)).codes == ["INVALID_INPUT"]
