"""Asking, accepting, declining, taking back and ending friendships."""

import asyncio

import pytest
from sqlalchemy import select

from app.models.accounts import User
from app.models.social import FriendRequest, Friendship
from app.models.system import UserNotification
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.system.clients import connected

CHANGES = "subscription ($after: String) { friendshipChanged(after: $after) { cursor change user { username } } }"
ASK = "request { id fromUser { username } toUser { username } } friendship { friend { username } }"
FRIENDS = "{ me { friendships { totalCount nodes { friend { username } } } } }"
REQUESTS = "query ($direction: FriendRequestDirection) { friendRequests(direction: $direction) { nodes { id } } }"


async def between(database, *people) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """The friendships and the requests there are, each as a pair of numbers."""
    async with database.reading() as session:
        friends = await session.execute(select(Friendship.user_id, Friendship.friend_id))
        requests = await session.execute(select(FriendRequest.from_user_id, FriendRequest.to_user_id))
        return set(map(tuple, friends)), set(map(tuple, requests))


async def told(database, person) -> list[str]:
    messages = select(UserNotification.message).where(UserNotification.user_id == person.id)
    async with database.reading() as session:
        return list(await session.scalars(messages.order_by(UserNotification.id)))


@pytest.fixture
async def request_id(change, owner, other):
    """The owner's request to the other."""
    return (await change("sendFriendRequest", ASK, viewer=owner, userId=ids.encode(other.user)))["request"]["id"]


@pytest.fixture
async def friends(database, owner, other):
    await factories.befriend(database, owner.id, other.id)


async def test_a_request_is_seen_by_both_and_told_to_who_is_asked(ask, change, database, owner, other):
    made = (await change("sendFriendRequest", ASK, viewer=owner, userId=ids.encode(other.user)))["request"]
    assert (made["fromUser"], made["toUser"]) == ({"username": "owner"}, {"username": "other"})
    for viewer, direction in ((owner, "SENT"), (other, "RECEIVED")):
        found = await ask(REQUESTS, viewer=viewer, direction=direction)
        assert found["friendRequests"]["nodes"] == [{"id": made["id"]}]
    assert await told(database, other) == ["owner sent you a friend request."]
    assert await told(database, owner) == []


async def test_people_say_how_the_viewer_stands_to_them_in_the_same_statement(
    ask, change, statements, database, owner, other
):
    third = (await factories.user(database, "third")).user
    await factories.befriend(database, owner.id, other.id)
    await change("muteUser", "id", viewer=owner, userId=ids.encode(third), hours=1)
    stands = "{ me { friendships { nodes { user { isFriend isMuted } friend { isFriend isMuted } } } } }"
    [friendship] = (await ask(stands, viewer=owner))["me"]["friendships"]["nodes"]
    assert friendship["friend"] == {"isFriend": True, "isMuted": False}
    assert friendship["user"] == {"isFriend": False, "isMuted": False}
    node = "query ($id: ID!) { node(id: $id) { ... on User { isFriend isMuted } } }"
    for viewer, is_muted in ((owner, True), (other, False), (None, False)):
        seen = await ask(node, viewer=viewer, id=ids.encode(third))
        assert seen["node"] == {"isFriend": False, "isMuted": is_muted}
    counts = []
    for also in ("", "isFriend isMuted"):
        statements.clear()
        await ask(f"{{ me {{ id {also} friendships {{ nodes {{ friend {{ username {also} }} }} }} }} }}", viewer=owner)
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_who_is_asked_accepts_and_both_are_friends(ask, change, database, owner, other, request_id):
    made = await change("acceptFriendRequest", "friend { username }", viewer=other, id=request_id)
    assert made["friend"] == {"username": "owner"}
    assert await between(database) == ({(owner.id, other.id), (other.id, owner.id)}, set())
    for viewer, friend in ((owner, "other"), (other, "owner")):
        answer = await ask(FRIENDS, viewer=viewer)
        assert answer["me"]["friendships"] == {"totalCount": 1, "nodes": [{"friend": {"username": friend}}]}
    assert await told(database, owner) == ["other is now your friend."]


async def test_a_request_the_other_way_round_is_an_acceptance(change, database, owner, other, request_id):
    made = await change("sendFriendRequest", ASK, viewer=other, userId=ids.encode(owner.user))
    assert (made["request"], made["friendship"]) == (None, {"friend": {"username": "owner"}})
    assert await between(database) == ({(owner.id, other.id), (other.id, owner.id)}, set())


async def test_two_who_ask_each_other_at_once_are_friends_once(change, database, owner, other):
    answers = await asyncio.gather(
        change("sendFriendRequest", ASK, viewer=owner, userId=ids.encode(other.user)),
        change("sendFriendRequest", ASK, viewer=other, userId=ids.encode(owner.user)),
    )
    assert sorted(answer["friendship"] is None for answer in answers) == [False, True]
    assert await between(database) == ({(owner.id, other.id), (other.id, owner.id)}, set())


async def test_only_one_of_accepting_and_taking_back_happens(change, database, owner, other, request_id):
    accepted, cancelled = await asyncio.gather(
        change("acceptFriendRequest", viewer=other, id=request_id),
        change("cancelFriendRequest", viewer=owner, userId=ids.encode(other.user)),
    )
    friends, requests = await between(database)
    assert requests == set()
    assert (accepted["__typename"] == "Friendship") == bool(friends)
    assert (cancelled["__typename"] == "User") == (not friends)


async def test_nobody_asks_themselves_a_friend_or_the_same_person_twice(refuse, owner, other, request_id):
    own = await refuse("sendFriendRequest", viewer=owner, userId=ids.encode(owner.user))
    assert own == {
        "__typename": "InvalidInput",
        "code": "INVALID_INPUT",
        "field": "userId",
        "message": "This is your own account. Choose another user.",
    }
    again = await refuse("sendFriendRequest", viewer=owner, userId=ids.encode(other.user))
    assert (again["code"], again["message"]) == ("CONFLICT", "You have already sent other a friend request.")


async def test_nobody_asks_a_friend_again(refuse, owner, other, friends):
    for viewer, whom in ((owner, other), (other, owner)):
        answer = await refuse("sendFriendRequest", viewer=viewer, userId=ids.encode(whom.user))
        assert answer["message"] == f"{whom.user.username} is already your friend."


@pytest.mark.parametrize("name", ["sendFriendRequest", "cancelFriendRequest", "removeFriend", "blockUser", "muteUser"])
async def test_there_is_nobody_under_an_unknown_number_or_suspended(refuse, database, owner, name):
    gone = (await factories.user(database, "gone", is_active=False)).user
    for user in (gone, User(id=gone.id + 1)):
        answer = await refuse(name, viewer=owner, userId=ids.encode(user))
        assert (answer["code"], answer["message"]) == ("INVALID_INPUT", "There is no user with this id.")


@pytest.mark.parametrize("name", ["acceptFriendRequest", "declineFriendRequest"])
async def test_only_who_is_asked_answers(refuse, database, owner, staff, request_id, name):
    third = await factories.user(database, "third")
    assert (await refuse(name, viewer=owner, id=request_id))["code"] == "FORBIDDEN"
    assert (await refuse(name, viewer=None, id=request_id))["code"] == "NOT_FOUND"
    for stranger in (third, staff):
        assert (await refuse(name, viewer=stranger, id=request_id))["code"] == "NOT_FOUND"


async def test_a_declined_request_is_gone_and_may_be_made_again(change, database, owner, other, request_id):
    declined = await change("declineFriendRequest", "username", viewer=other, id=request_id)
    assert declined["username"] == "owner"
    assert await between(database) == (set(), set())
    assert await told(database, owner) == []
    again = await change("sendFriendRequest", ASK, viewer=owner, userId=ids.encode(other.user))
    assert again["request"]["id"] != request_id


async def test_who_asked_takes_it_back_and_nobody_else_can(change, refuse, database, owner, other, request_id):
    answer = await refuse("cancelFriendRequest", viewer=other, userId=ids.encode(owner.user))
    assert answer["code"] == "CONFLICT"
    await change("cancelFriendRequest", viewer=owner, userId=ids.encode(other.user))
    assert await between(database) == (set(), set())


async def test_a_friendship_ends_for_both(change, refuse, database, owner, other, friends):
    await change("removeFriend", viewer=other, userId=ids.encode(owner.user))
    assert await between(database) == (set(), set())
    answer = await refuse("removeFriend", viewer=owner, userId=ids.encode(other.user))
    assert (answer["code"], answer["message"]) == ("CONFLICT", "other is not your friend.")


async def test_a_person_has_only_so_many_open_requests(refuse, database, owner, other, request_id, monkeypatch):
    monkeypatch.setattr(settings, "friend_requests_pending_max", 1)
    third = (await factories.user(database, "third")).user
    answer = await refuse("sendFriendRequest", viewer=owner, userId=ids.encode(third))
    assert (answer["code"], answer["limit"]) == ("LIMIT_REACHED", 1)


async def test_a_person_asks_only_so_many_in_an_hour(change, refuse, database, owner, other, monkeypatch):
    monkeypatch.setattr(settings, "friend_requests_per_hour_max", 1)
    await change("sendFriendRequest", viewer=owner, userId=ids.encode(other.user))
    third = (await factories.user(database, "third")).user
    answer = await refuse("sendFriendRequest", viewer=owner, userId=ids.encode(third))
    assert answer["code"] == "RATE_LIMITED"


async def test_friends_of_friends_are_suggested_first(ask, database, owner, other):
    near, far, asked, friend = [(await factories.user(database, name)).user for name in ("near", "far", "asked", "pal")]
    for one, another in ((owner, other), (owner, friend), (other, near), (friend, near), (other, far)):
        await factories.befriend(database, one.id, another.id)
    await factories.add(database, FriendRequest(from_user_id=asked.id, to_user_id=owner.id))
    await factories.user(database, "gone", is_active=False)
    newest = (await factories.user(database, "newest")).user
    answer = await ask("{ friendSuggestions { mutualFriendsCount user { username } } }", viewer=owner)
    assert [(each["user"]["username"], each["mutualFriendsCount"]) for each in answer["friendSuggestions"]] == [
        ("near", 2),
        ("far", 1),
        (newest.username, 0),
    ]


async def test_changes_are_told_to_both_and_come_again_after_a_cursor(change, live, owner, other, request_id):
    async with connected(live, owner) as asking, connected(live, other) as asked:
        for client in (asking, asked):
            await client.subscribe(CHANGES)
            await client.begun()
        await change("acceptFriendRequest", viewer=other, id=request_id)
        first = await asking.next()
        assert (first["change"], first["user"]) == ("ACCEPTED", {"username": "other"})
        assert (await asked.next())["user"] == {"username": "owner"}
    await change("removeFriend", viewer=other, userId=ids.encode(owner.user))
    async with connected(live, owner) as again:
        await again.subscribe(CHANGES, after=first["cursor"])
        assert (await again.next())["change"] == "ENDED"
