"""What happens to posts is told to those whose feed shows them, to many as cheaply as to one."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from app.models.social import Block, Mute, Post
from app.services.social.posts import feed
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.fixtures import Person
from tests.system.clients import connected

LIVE = """subscription ($scope: FeedScope! = EVERYONE, $after: String) {
  feedUpdated(scope: $scope, after: $after) { cursor change postId post { content } }
}"""


async def person(database, name, **fields) -> Person:
    signed_in = await factories.user(database, name, **fields)
    return Person(signed_in.user, signed_in.token)


@pytest.fixture
async def listen(live):
    """Opens a socket that learns of a scope; it stays until the test ends."""
    async with AsyncExitStack() as stack:

        async def listen(viewer, scope="EVERYONE", **variables):
            client = await stack.enter_async_context(connected(live, viewer))
            await client.subscribe(LIVE, scope=scope, **variables)
            return client

        yield listen


@pytest.fixture
def say(change, monkeypatch):
    monkeypatch.setattr(settings, "posts_per_minute_max", 10_000)

    async def say(author, content, **fields):
        return (await change("createPost", viewer=author, content=content, **fields))["id"]

    return say


@pytest.fixture
def begun(say):
    """Passes when all listeners receive what somebody says; all that was said for that is dropped."""

    async def begun(author, *clients):
        receiving = [asyncio.create_task(client.next()) for client in clients]
        while not all(each.done() for each in receiving):
            await say(author, "Is anybody there?")
            await asyncio.wait(receiving, timeout=0.2)
        await say(author, "Now.")
        for client, first in zip(clients, receiving, strict=True):
            received = await first
            while received["post"]["content"] != "Now.":
                received = await client.next()

    return begun


async def test_posts_are_told_as_they_are_made_edited_and_deleted(change, listen, begun, say, owner, other):
    client = await listen(other)
    await begun(owner, client)
    id = await say(owner, "one")
    received = await client.next()
    assert (received["change"], received["postId"], received["post"]) == ("CREATED", id, {"content": "one"})
    await change("editPost", viewer=owner, id=id, content="two")
    received = await client.next()
    assert (received["change"], received["postId"], received["post"]) == ("EDITED", id, {"content": "two"})
    await change("deletePost", viewer=owner, id=id)
    received = await client.next()
    assert (received["change"], received["postId"], received["post"]) == ("DELETED", id, None)


async def test_a_stranger_receives_everybody_and_has_no_friends(listen, begun, say, owner):
    client = await listen(None)
    await begun(owner, client)
    await say(owner, "one")
    assert (await client.next())["post"] == {"content": "one"}
    assert await (await listen(None, "FRIENDS")).refused() == "UNAUTHENTICATED"


async def test_replies_are_not_told(listen, begun, say, owner, other):
    client = await listen(other)
    await begun(owner, client)
    id = await say(owner, "one")
    await say(other, "a reply", parentId=id)
    await say(owner, "two")
    assert [(await client.next())["post"]["content"] for _ in range(2)] == ["one", "two"]


async def test_friends_receive_friends_and_themselves(database, listen, begun, say, owner, other):
    third = await person(database, "third")
    await factories.befriend(database, owner.id, other.id)
    clients = [await listen(each, "FRIENDS") for each in (owner, other)]
    await begun(owner, *clients)
    for author in (third, other, owner):
        await say(author, f"by {author.user.username}")
    for client in clients:
        assert [(await client.next())["post"]["content"] for _ in range(2)] == ["by other", "by owner"]


@pytest.mark.parametrize("scope", ["EVERYONE", "FRIENDS"])
async def test_nobody_receives_whom_they_mute_block_or_are_blocked_by(
    database, listen, begun, say, owner, other, scope
):
    people = {name: await person(database, name) for name in ("muted", "blocked", "blocking")}
    for author in (other, *people.values()):
        await factories.befriend(database, owner.id, author.id)
    client = await listen(owner, scope)
    await begun(other, client)
    await factories.add(database, Mute(user_id=owner.id, muted_id=people["muted"].id))
    await factories.add(database, Block(user_id=owner.id, blocked_id=people["blocked"].id, username="blocked"))
    await factories.add(database, Block(user_id=people["blocking"].id, blocked_id=owner.id, username="owner"))
    for author in (*people.values(), other):
        await say(author, f"by {author.user.username}")
    assert (await client.next())["post"] == {"content": "by other"}


async def test_what_the_suspended_said_is_told_no_more(change, database, listen, begun, say, owner, other, staff):
    client = await listen(owner)
    await begun(other, client)
    received = await say(other, "one")
    cursor = (await client.next())["cursor"]
    third = await person(database, "third")
    await say(third, "two")
    assert (await client.next())["post"] == {"content": "two"}
    await change("suspendUser", viewer=staff, id=ids.encode(third.user), reason="Spam.")
    await change("editPost", viewer=other, id=received, content="three")
    again = await listen(owner, after=cursor)
    assert (await again.next())["post"] == {"content": "three"}


async def test_it_goes_on_after_a_cursor_without_what_was_deleted_since(change, listen, begun, say, owner, other):
    client = await listen(other)
    await begun(owner, client)
    await say(owner, "one")
    cursor = (await client.next())["cursor"]
    gone = await say(owner, "two")
    await change("deletePost", viewer=owner, id=gone)
    await say(owner, "three")
    again = await listen(other, after=cursor)
    received = [await again.next() for _ in range(2)]
    assert [(each["change"], each["post"]) for each in received] == [
        ("DELETED", None),
        ("CREATED", {"content": "three"}),
    ]
    assert received[0]["postId"] == gone


async def test_what_goes_while_it_is_told_is_not_found_any_more(
    live, change, begun, listen, say, owner, other, monkeypatch
):
    receiving = await listen(other)
    await begun(owner, receiving)
    await say(owner, "one")
    cursor = (await receiving.next())["cursor"]
    found, here = feed.find_feed_post, asyncio.get_running_loop()

    async def found_and_gone(session, viewer, post_id):
        post = await found(session, viewer, post_id)
        deleting = change("deletePost", viewer=owner, id=ids.encode_key(Post, post_id))
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(deleting, here))  # the API lives in another thread
        return post

    await say(owner, "two")
    monkeypatch.setattr(feed, "find_feed_post", found_and_gone)
    async with connected(live, other) as client:
        await client.subscribe("subscription ($a: String) { feedUpdated(after: $a) { post { hashtags } } }", a=cursor)
        assert await client.refused() == "NOT_FOUND"


async def test_many_who_listen_cost_two_statements(database, listen, begun, say, owner, other, statements):
    people = [await person(database, f"person{number}") for number in range(10)]
    await factories.befriend(database, people[0].id, owner.id)

    async def cost(*clients):
        statements.clear()
        await say(owner, "one")
        for client in clients:
            assert (await client.next())["post"] == {"content": "one"}
        return len(statements)

    first = await listen(other)
    await begun(owner, first)
    alone = await cost(first)
    everybody = [first, *[await listen(each) for each in people]]
    await begun(owner, *everybody)
    assert await cost(*everybody) == alone
    # Who listens for friends asks another question, once for all of them.
    friends = [await listen(each, "FRIENDS") for each in people]
    await begun(owner, friends[0], *everybody)
    assert await cost(friends[0], *everybody) == alone + 2
