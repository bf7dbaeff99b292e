"""People are found by their names, as far as they may be seen; a name that was given up is reserved for a while."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from app.errors import Conflict
from app.gateways.oauth import Identity
from app.models.accounts import User
from app.models.social import Block
from app.models.usernames import FormerUsername
from app.services.accounts.email.tokens import Purpose, token_of
from app.services.accounts.sign_in import osm
from app.services.accounts.users import deletion, usernames
from app.services.system import pruning
from app.settings import settings
from tests import factories

BY_NAME = "query ($username: String!) { userByName(username: $username) { username } }"
FIND = """query ($prefix: String!, $first: Int! = 25, $after: String) {
  findUsers(prefix: $prefix, first: $first, after: $after) {
    totalCount nodes { username } pageInfo { hasNextPage endCursor }
  }
}"""
PASSWORD = "correct horse battery"


@pytest.fixture
async def crowd(database):
    names = ("Ann Lee", "anna", "ANTON", "bernd", "Zoë", "anton 2")
    people = enumerate(names)
    return {name: await factories.user(database, f"user{number}", username=name) for number, name in people}


@pytest.fixture
def find(ask, owner):
    async def find(prefix, viewer=owner, **variables):
        page = (await ask(FIND, viewer=viewer, prefix=prefix, **variables))["findUsers"]
        return [each["username"] for each in page["nodes"]]

    return find


@pytest.fixture
def by_name(ask, owner):
    async def by_name(username, viewer=owner):
        return (await ask(BY_NAME, viewer=viewer, username=username))["userByName"]

    return by_name


@pytest.fixture
def rename(change):
    async def rename(viewer, username):
        return (await change("updateAccount", "username", viewer=viewer, username=username))["username"]

    return rename


async def held(database):
    async with database.reading() as session:
        query = select(FormerUsername.username, User.username).join(User, User.id == FormerUsername.user_id)
        return [tuple(row) for row in await session.execute(query.order_by(FormerUsername.id))]


async def sign_up(change, username):
    token = token_of(Purpose.SIGN_UP, "new@example.org")
    return await change("signUp", token=token, username=username, password=PASSWORD)


@pytest.mark.parametrize("username", ["zoë", "ZOË", "Zoe\u0308", " Zoë "])
async def test_a_user_is_found_by_the_whole_name_in_any_case(by_name, crowd, username):
    assert await by_name(username) == {"username": "Zoë"}


@pytest.mark.parametrize("username", ["Zo", "Zoe", "ann%", "nobody"])
async def test_nobody_is_found_by_less(by_name, crowd, username):
    assert await by_name(username) is None


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("an", ["Ann Lee", "anna", "ANTON", "anton 2"]),
        ("ANN", ["Ann Lee", "anna"]),
        ("ann l", ["Ann Lee"]),
        ("anton", ["ANTON", "anton 2"]),
        ("zo", ["Zoë"]),
        ("zoe\u0308", ["Zoë"]),
        ("%", []),
        ("_nn", []),
        ("\\", []),
    ],
)
async def test_users_are_found_by_the_beginning_of_their_names_in_order(find, crowd, prefix, names):
    assert await find(prefix) == names


async def test_pages_follow_each_other_without_a_gap(ask, owner, crowd):
    seen, after = [], None
    while True:
        page = (await ask(FIND, viewer=owner, prefix="an", first=1, after=after))["findUsers"]
        seen += [each["username"] for each in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert (seen, page["totalCount"]) == (["Ann Lee", "anna", "ANTON", "anton 2"], 4)


async def test_strangers_find_nobody(ask, crowd):
    for document, variables in ((BY_NAME, {"username": "anna"}), (FIND, {"prefix": "an"})):
        assert (await ask(document, **variables)).codes == ["UNAUTHENTICATED"]


async def test_who_is_blocked_or_suspended_is_not_found(find, by_name, database, crowd, owner):
    blocked, blocking, suspended = (crowd[name].user for name in ("Ann Lee", "anna", "ANTON"))
    await factories.add(database, Block(user_id=owner.id, blocked_id=blocked.id, username=blocked.username))
    await factories.add(database, Block(user_id=blocking.id, blocked_id=owner.id, username="owner"))
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == suspended.id).values(is_active=False))
    assert await find("an") == ["anton 2"]
    assert [await by_name(user.username) for user in (blocked, blocking, suspended)] == [None, None, None]


@pytest.mark.parametrize(("document", "name"), [(BY_NAME, "username"), (FIND, "prefix")], ids=["name", "prefix"])
@pytest.mark.parametrize("given", ["", " ", "x" * 151, "bell\x07"])
async def test_what_no_name_is_is_refused(ask, owner, document, name, given):
    answer = await ask(document, viewer=owner, **{name: given})
    assert (answer.codes, answer.errors[0]["extensions"]["field"]) == (["INVALID_INPUT"], name)


async def test_searches_for_people_and_posts_are_paced_together(ask, owner, other, crowd, monkeypatch):
    monkeypatch.setattr(settings, "searches_per_minute_max", 3)
    await ask(BY_NAME, viewer=owner, username="anna")
    await ask(FIND, viewer=owner, prefix="an")
    await ask('{ searchPosts(query: "roofs") { __typename } }', viewer=owner)
    for document, variables in ((BY_NAME, {"username": "anna"}), (FIND, {"prefix": "an"})):
        assert (await ask(document, viewer=owner, **variables)).codes == ["RATE_LIMITED"]
    assert (await ask(FIND, viewer=other, prefix="an"))["findUsers"]["totalCount"] == 4


async def test_a_prefix_is_found_in_its_index(database, crowd, owner):
    async with database.reading() as session:
        # Of a small table each index may be read whole, at no more cost: what is left finds rows by a condition.
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        await session.execute(text("SET LOCAL enable_indexonlyscan = off"))
        query = (
            "SELECT id FROM users WHERE lower(username) COLLATE \"C\" >= 'an' AND lower(username) COLLATE \"C\" < 'ao'"
        )
        plan = (await session.scalars(text(f"EXPLAIN {query}"))).all()
    assert any("ix_users_lower_username_id" in line for line in plan), plan


async def test_a_former_name_is_reserved_for_who_had_it(change, refuse, rename, database, owner, other, unchanged):
    assert await rename(owner, "walker") == "walker"
    assert await held(database) == [("owner", "walker")]
    for name in ("owner", "OWNER", "0wner"):
        async with unchanged():
            answer = await refuse("updateAccount", viewer=other, username=name)
            assert (answer["code"], answer["message"]) == (
                "CONFLICT",
                "This username is reserved for the account that had it until recently. Choose another one.",
            )
        assert (await sign_up(change, name))["code"] == "CONFLICT"
    assert await rename(owner, "owner") == "owner"


async def test_a_former_name_is_free_once_it_was_reserved_long_enough(rename, database, owner, other):
    await rename(owner, "walker")
    async with database.writing() as session:
        ago = func.now() - timedelta(seconds=1)
        await session.execute(update(FormerUsername).values(reserved_until=ago))
    assert await rename(other, "owner") == "owner"
    assert await pruning.prune(database, "former usernames") == 1
    assert [name for name, _ in await held(database)] == ["other"]


async def test_a_name_changes_so_often_and_no_more(change, refuse, rename, database, owner, unchanged):
    for name in ("one", "two", "three"):
        await rename(owner, name)
    async with unchanged():
        answer = await refuse("updateAccount", viewer=owner, username="four")
    assert (answer["code"], answer["limit"]) == ("LIMIT_REACHED", settings.username_changes_max)
    assert await rename(owner, "Three") == "Three"  # the same name
    assert (await change("updateAccount", "username", viewer=owner, username="Three", firstName="Ann"))[
        "username"
    ] == "Three"
    async with database.writing() as session:
        month = timedelta(days=settings.username_reserved_days)
        await session.execute(update(FormerUsername).values(created_at=FormerUsername.created_at - month))
    assert await rename(owner, "four") == "four"


async def test_who_takes_a_name_while_it_is_given_up_is_refused(database, owner, other):
    async with database.writing() as giving:
        user = await giving.get_one(User, owner.id, with_for_update=True)
        await usernames.rename(giving, user, "walker")

        async def take():
            async with database.writing() as taking:
                await usernames.rename(taking, await taking.get_one(User, other.id, with_for_update=True), "owner")

        taker = asyncio.create_task(take())
        await asyncio.sleep(0)
    with pytest.raises(Conflict):
        await taker
    async with database.reading() as session:
        assert sorted(await session.scalars(select(User.username))) == ["other", "walker"]


async def test_an_account_of_openstreetmap_does_not_take_a_reserved_name(rename, database, owner):
    await rename(owner, "walker")
    async with database.writing() as session:
        made = await osm._new_user(session, Identity(osm_id=7, username="owner", img_url=None))
        assert made.username == "owner 7"


async def test_of_a_deleted_account_no_name_is_kept(rename, database, owner):
    await rename(owner, "walker")
    async with database.writing() as session:
        ago = func.now() - timedelta(seconds=1)
        await session.execute(update(User).where(User.id == owner.id).values(account_deletion_due_at=ago))
    await deletion.delete_due_accounts(database)
    assert await held(database) == []
