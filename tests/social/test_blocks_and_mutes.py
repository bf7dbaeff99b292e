"""Blocking and muting: neither of two sees anything of the other, or one receives nothing of the other."""

import asyncio

import pytest
from sqlalchemy import select

from app.models.accounts import User
from app.models.social import Block, Friendship
from app.models.system import UserNotification
from app.settings import settings
from resolvers import ids
from tests import factories

WHO = """query ($user: ID!, $dataset: ID!) {
  user(id: $user) { username } node(id: $user) { id }
  dataset(id: $dataset) { user { username } }
}"""


@pytest.fixture
async def block_id(change, owner, other):
    """The owner's block of the other."""
    return (await change("blockUser", viewer=owner, userId=ids.encode(other.user)))["id"]


@pytest.mark.parametrize("who_looks", ["owner", "other"])
async def test_neither_of_two_sees_the_other_whoever_blocked(ask, database, request, owner, other, block_id, who_looks):
    viewer, hidden = (owner, other) if who_looks == "owner" else (other, owner)
    dataset = await factories.dataset(database, hidden.id)
    answer = await ask(WHO, viewer=viewer, user=ids.encode(hidden.user), dataset=ids.encode(dataset))
    assert (answer["user"], answer["node"], answer["dataset"]) == (None, None, {"user": None})
    assert sorted(answer.codes) == ["NOT_FOUND", "NOT_FOUND"]


async def test_everybody_else_sees_both(ask, database, owner, other, staff, block_id):
    dataset = await factories.dataset(database, other.id)
    for viewer in (None, staff):
        answer = await ask(WHO, viewer=viewer, user=ids.encode(other.user), dataset=ids.encode(dataset))
        assert answer["user"] == answer["dataset"]["user"] == {"username": "other"}


async def test_a_friendship_and_a_request_end_with_a_block(change, database, owner, other):
    third = (await factories.user(database, "third")).user
    await factories.befriend(database, owner.id, other.id)
    await change("sendFriendRequest", viewer=owner, userId=ids.encode(third))
    for user in (other.user, third):
        await change("blockUser", viewer=owner, userId=ids.encode(user))
    async with database.reading() as session:
        assert (await session.scalars(select(Friendship))).all() == []
    answer = await change("cancelFriendRequest", viewer=owner, userId=ids.encode(third))
    assert answer["message"] == "There is no user with this id."


async def test_who_is_blocked_can_neither_ask_nor_find(ask, refuse, owner, other, block_id):
    answer = await refuse("sendFriendRequest", viewer=other, userId=ids.encode(owner.user))
    assert answer["message"] == "There is no user with this id."
    suggested = await ask("{ friendSuggestions { user { username } } }", viewer=other)
    assert suggested["friendSuggestions"] == []


async def test_only_who_blocks_sees_the_block_and_takes_it_back(ask, change, refuse, owner, other, staff, block_id):
    mine = "{ blocks { nodes { id username } } }"
    assert (await ask(mine, viewer=owner))["blocks"]["nodes"] == [{"id": block_id, "username": "other"}]
    for stranger in (other, staff):
        assert (await ask(mine, viewer=stranger))["blocks"]["nodes"] == []
        assert (await refuse("unblockUser", viewer=stranger, id=block_id))["code"] == "NOT_FOUND"
    assert (await change("unblockUser", "username", viewer=owner, id=block_id))["username"] == "other"
    answer = await ask("query ($id: ID!) { user(id: $id) { username } }", viewer=other, id=ids.encode(owner.user))
    assert answer["user"] == {"username": "owner"}


async def test_blocking_twice_also_at_once_is_one_block(change, database, owner, other):
    answers = await asyncio.gather(
        *(change("blockUser", viewer=owner, userId=ids.encode(other.user)) for _ in range(4))
    )
    assert len({answer["id"] for answer in answers}) == 1
    async with database.reading() as session:
        assert len((await session.scalars(select(Block))).all()) == 1


async def test_two_who_block_each_other_stay_apart_until_both_take_it_back(ask, change, database, owner, other):
    await factories.add(database, Block(user_id=other.id, blocked_id=owner.id, username="owner"))
    block = await factories.add(database, Block(user_id=owner.id, blocked_id=other.id, username="other"))
    await change("unblockUser", viewer=owner, id=ids.encode(block))
    answer = await ask("query ($id: ID!) { user(id: $id) { id } }", viewer=owner, id=ids.encode(other.user))
    assert answer.codes == ["NOT_FOUND"]


async def test_accepting_and_blocking_at_once_leaves_no_friendship(change, database, owner, other):
    asked = await change("sendFriendRequest", "request { id }", viewer=owner, userId=ids.encode(other.user))
    await asyncio.gather(
        change("acceptFriendRequest", viewer=other, id=asked["request"]["id"]),
        change("blockUser", viewer=owner, userId=ids.encode(other.user)),
    )
    async with database.reading() as session:
        assert (await session.scalars(select(Friendship))).all() == []


async def test_a_muted_person_tells_nothing_and_learns_nothing(ask, change, database, owner, other):
    mute = await change("muteUser", "expiresAt muted { username }", viewer=owner, userId=ids.encode(other.user))
    assert (mute["expiresAt"], mute["muted"]) == (None, {"username": "other"})
    await change("sendFriendRequest", viewer=other, userId=ids.encode(owner.user))
    async with database.reading() as session:
        assert (await session.scalars(select(UserNotification))).all() == []
    received = await ask("{ friendRequests { nodes { fromUser { username } } } }", viewer=owner)
    assert received["friendRequests"]["nodes"] == [{"fromUser": {"username": "other"}}]
    assert (await ask("{ mutes { nodes { id } } }", viewer=other))["mutes"]["nodes"] == []


async def test_muting_anew_sets_the_time_anew_and_unmuting_ends_it(ask, change, owner, other, staff):
    first = await change("muteUser", "expiresAt", viewer=owner, userId=ids.encode(other.user), hours=24)
    again = await change("muteUser", "expiresAt", viewer=owner, userId=ids.encode(other.user))
    assert first["id"] == again["id"]
    assert (first["expiresAt"] is None, again["expiresAt"]) == (False, None)
    document = "mutation ($id: ID!) { unmuteUser(input: {id: $id}) }"
    for stranger in (other, staff):
        assert (await ask(document, viewer=stranger, id=again["id"])).codes == ["NOT_FOUND"]
    taken = await ask(document, viewer=owner, id=again["id"])
    assert taken["unmuteUser"] is True
    assert (await ask("{ mutes { nodes { id } } }", viewer=owner))["mutes"]["nodes"] == []


async def test_how_long_and_how_many_is_bounded(refuse, database, owner, other, monkeypatch):
    answer = await refuse("muteUser", viewer=owner, userId=ids.encode(other.user), hours=0)
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "hours")
    monkeypatch.setattr(settings, "kept_away_max", 0)
    for name in ("muteUser", "blockUser"):
        assert (await refuse(name, viewer=owner, userId=ids.encode(other.user)))["code"] == "LIMIT_REACHED"


@pytest.mark.parametrize("name", ["sendFriendRequest", "removeFriend", "blockUser", "muteUser"])
async def test_strangers_are_asked_to_sign_in(refuse, other, name):
    assert (await refuse(name, viewer=None, userId=ids.encode(other.user)))["code"] == "UNAUTHENTICATED"


async def test_nobody_keeps_away_from_themselves(refuse, owner):
    for name in ("blockUser", "muteUser"):
        answer = await refuse(name, viewer=owner, userId=ids.encode(User(id=owner.id)))
        assert answer["message"] == "This is your own account. Choose another user."
