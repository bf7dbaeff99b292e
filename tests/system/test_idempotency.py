"""A request that is sent again with its idempotency key is carried out once, whatever became of the first answer."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import delete, func, select, text, update

from app.main import build
from app.models.accounts import Team
from app.models.system import IdempotencyKey
from app.services.system import pruning
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.proxy import before_database

CREATE = (
    "mutation ($name: String!) { createTeam(input: {name: $name}) { ... on Team { id name } ... on Problem { code } } }"
)
TWO = """mutation ($a: String!, $b: String!) {
    a: createTeam(input: {name: $a}) { ... on Team { id } ... on Problem { code } }
    b: createTeam(input: {name: $b}) { ... on Team { id } ... on Problem { code } }
}"""


@pytest.fixture
def send(api):
    """Posts a mutation with a key and answers with all of the body."""

    async def send(document, *, viewer=None, key=None, extensions=None, client=None, **variables):
        headers = {"Authorization": f"Bearer {viewer.token}"} if viewer else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        body = {"query": document, "variables": variables} | ({"extensions": extensions} if extensions else {})
        return (await (client or api).post("/graphql", json=body, headers=headers)).json()

    return send


@pytest.fixture
def teams(database):
    """The names of all teams."""

    async def teams():
        async with database.reading() as session:
            return sorted(await session.scalars(select(Team.name)))

    return teams


@pytest.fixture
async def network(database_url, redis_url, monkeypatch):
    """The API with a proxy before its database."""
    async with before_database(database_url) as (proxy, url):
        monkeypatch.setattr(settings, "database_url", url)
        app = build().app
        transport = httpx.ASGITransport(app)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://a") as api:
            yield proxy, api
            proxy.speak()


def code(answer):
    return answer["errors"][0]["extensions"]["code"]


async def test_the_same_request_with_the_same_key_is_answered_alike_and_done_once(send, owner, teams):
    first = await send(CREATE, viewer=owner, key="k-1", name="Walkers")
    again = await send(CREATE, viewer=owner, key="k-1", name="Walkers")
    quoted = await send(CREATE, viewer=owner, key='"k-1"', name="Walkers")
    extended = await send(CREATE, viewer=owner, extensions={"idempotencyKey": "k-1"}, name="Walkers")
    assert first["data"] == again["data"] == quoted["data"] == extended["data"]
    assert first["data"]["createTeam"]["name"] == "Walkers"
    assert await teams() == ["Walkers"]


async def test_without_a_key_it_is_done_again(send, owner, teams):
    await send(CREATE, viewer=owner, name="Walkers")
    again = await send(CREATE, viewer=owner, name="Walkers")
    assert again["data"] == {"createTeam": {"code": "CONFLICT"}}
    assert await teams() == ["Walkers"]


async def test_another_request_with_the_same_key_is_a_conflict(send, owner, teams):
    await send(CREATE, viewer=owner, key="k-1", name="Walkers")
    for document, variables in ((CREATE, {"name": "Riders"}), (CREATE + " ", {"name": "Walkers"})):
        assert code(await send(document, viewer=owner, key="k-1", **variables)) == "CONFLICT"
    assert await teams() == ["Walkers"]


async def test_keys_of_two_viewers_have_nothing_to_do_with_each_other(send, owner, other, teams):
    await send(CREATE, viewer=owner, key="k-1", name="Walkers")
    theirs = await send(CREATE, viewer=other, key="k-1", name="Riders")
    assert theirs["data"]["createTeam"]["name"] == "Riders"
    assert await teams() == ["Riders", "Walkers"]


async def test_many_at_once_do_it_once(send, owner, teams):
    answers = await asyncio.gather(*(send(CREATE, viewer=owner, key="k-1", name="Walkers") for _ in range(8)))
    made = [answer["data"]["createTeam"] for answer in answers if not answer.get("errors")]
    assert made
    assert all(team == made[0] for team in made)
    assert {code(answer) for answer in answers if answer.get("errors")} <= {"IN_PROGRESS"}
    assert await teams() == ["Walkers"]
    assert (await send(CREATE, viewer=owner, key="k-1", name="Walkers"))["data"]["createTeam"] == made[0]


async def test_a_request_in_progress_is_told(send, owner, teams, database):
    lock = text(f"SELECT pg_advisory_xact_lock(hashtextextended('idempotency key {owner.id} k-1', 0))")
    async with database.writing() as session:
        await session.execute(lock)
        answer = await send(CREATE, viewer=owner, key="k-1", name="Walkers")
    assert code(answer) == "IN_PROGRESS"
    assert answer["errors"][0]["extensions"]["retryAfter"] == 1
    assert await teams() == []


async def test_what_was_refused_may_be_tried_again_with_its_key(send, owner, teams, database):
    taken = await factories.team(database, owner.id, name="Walkers")
    assert (await send(CREATE, viewer=owner, key="k-1", name="Walkers"))["data"]["createTeam"] == {"code": "CONFLICT"}
    async with database.writing() as session:
        await session.execute(update(Team).where(Team.id == taken.id).values(name="Riders"))
    assert (await send(CREATE, viewer=owner, key="k-1", name="Walkers"))["data"]["createTeam"]["name"] == "Walkers"


async def test_of_several_fields_those_that_are_done_stay_and_the_rest_is_tried_again(send, owner, teams, database):
    taken = await factories.team(database, owner.id, name="Riders")
    first = await send(TWO, viewer=owner, key="k-1", a="Walkers", b="Riders")
    assert first["data"]["b"] == {"code": "CONFLICT"}
    async with database.writing() as session:
        await session.execute(update(Team).where(Team.id == taken.id).values(name="Swimmers"))
    again = await send(TWO, viewer=owner, key="k-1", a="Walkers", b="Riders")
    assert again["data"]["a"] == first["data"]["a"]
    assert again["data"]["b"].keys() == {"id"}
    assert await teams() == ["Riders", "Swimmers", "Walkers"]


async def test_long_names_of_fields_are_told_apart(send, owner, teams):
    a, b = "x" * 200 + "a", "x" * 200 + "b"
    document = TWO.replace("a: createTeam", f"{a}: createTeam").replace("b: createTeam", f"{b}: createTeam")
    first = await send(document, viewer=owner, key="k-1", a="Walkers", b="Riders")
    assert first["data"][a] != first["data"][b]
    assert (await send(document, viewer=owner, key="k-1", a="Walkers", b="Riders"))["data"] == first["data"]


async def test_an_answer_is_told_as_who_asks_may_see_it_now(send, owner, other, staff, database):
    team = await factories.team(database, other.id, owner.id)
    leave = "mutation ($id: ID!) { leaveTeam(input: {id: $id}) { ... on FormerTeam { teamId name } } }"
    left = await send(leave, viewer=owner, key="k-1", id=ids.encode(team))
    assert left["data"]["leaveTeam"]["name"] == team.name
    assert (await send(leave, viewer=owner, key="k-1", id=ids.encode(team)))["data"] == left["data"]
    made = await send(CREATE, viewer=owner, key="k-2", name="Walkers")
    delete = "mutation ($id: ID!) { deleteTeam(input: {id: $id}) { name } }"
    await send(delete, viewer=owner, id=made["data"]["createTeam"]["id"])
    gone = await send(CREATE, viewer=owner, key="k-2", name="Walkers")
    assert code(gone) == "NOT_FOUND"
    assert "already carried out" in gone["errors"][0]["message"]
    assert "id" not in str(gone["data"])


async def test_nobody_is_told_after_signing_out(send, owner):
    await send(CREATE, viewer=owner, key="k-1", name="Walkers")
    await send("mutation { signOut }", viewer=owner)
    assert code(await send(CREATE, viewer=owner, key="k-1", name="Walkers")) == "UNAUTHENTICATED"


async def test_an_api_key_without_the_scope_is_told_nothing(send, change, owner):
    await send(CREATE, viewer=owner, key="k-1", name="Walkers")
    made = await change("createApiKey", "token", viewer=owner, name="reader", scopes=["READ"])
    reader = type(owner)(owner.user, made["token"])
    assert code(await send(CREATE, viewer=reader, key="k-1", name="Walkers")) == "SCOPE_MISSING"


@pytest.mark.parametrize("key", ["", "x" * 201, "with space", "ключ", '""', 5, ["k"], {"k": 1}])
async def test_a_key_that_is_none_is_refused(send, owner, teams, key):
    answer = await send(CREATE, viewer=owner, extensions={"idempotencyKey": key}, name="Walkers")
    assert code(answer) == "BAD_REQUEST"
    assert "1 to 200" in answer["errors"][0]["message"]
    assert await teams() == []


async def test_two_different_keys_are_refused(send, owner, teams):
    answer = await send(CREATE, viewer=owner, key="a", extensions={"idempotencyKey": "b"}, name="Walkers")
    assert code(answer) == "BAD_REQUEST"
    assert await teams() == []


async def test_a_stranger_has_no_keys(send):
    document = 'mutation { requestSignUp(input: {email: "a@fieldgraph.test"}) { __typename } }'
    assert code(await send(document, key="k-1")) == "UNAUTHENTICATED"


async def test_a_secret_is_never_kept(send, change, owner, database):
    document = 'mutation { createApiKey(input: {name: "a", scopes: [READ]}) { ... on ApiKeySecret { token } } }'
    answer = await send(document, viewer=owner, key="k-1")
    assert code(answer) == "BAD_REQUEST"
    assert "secret" in answer["errors"][0]["message"]
    await change("createApiKey", "token", viewer=owner, name="b", scopes=["READ"])
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0


async def test_keys_are_bounded_for_each_account_and_forgotten(send, owner, other, teams, database, monkeypatch):
    monkeypatch.setattr(settings, "idempotency_keys_per_viewer_max", 2)
    for number in range(4):  # without a key, they do not count
        await send(CREATE, viewer=owner, name=f"Unkeyed {number}")
    for number in range(3):
        answer = await send(CREATE, viewer=owner, key=f"k-{number}", name=f"Team {number}")
        assert (code(answer) if answer.get("errors") else None) is None
    full = await send(CREATE, viewer=owner, key="k-9", name="Never")
    assert code(full) == "LIMIT_REACHED"
    assert (await send(CREATE, viewer=owner, key="k-0", name="Team 0"))["data"]["createTeam"]["name"] == "Team 0"
    assert not (await send(CREATE, viewer=other, key="k-9", name="Theirs")).get("errors")
    async with database.writing() as session:
        aged = IdempotencyKey.created_at - timedelta(hours=settings.idempotency_keys_kept_hours)
        await session.execute(update(IdempotencyKey).where(IdempotencyKey.user_id == owner.id).values(created_at=aged))
    await pruning.prune(database, "idempotency keys")
    async with database.reading() as session:
        assert set(await session.scalars(select(IdempotencyKey.user_id))) == {other.id}


@pytest.mark.parametrize("key", [None, "k-1"])
@pytest.mark.parametrize("is_received", [True, False])
async def test_an_unknown_outcome_is_resolved_by_its_key(network, send, owner, teams, key, is_received):
    proxy, api = network
    await send("{ me { username } }", viewer=owner, client=api)
    _ = proxy.lose_answer() if is_received else proxy.drop()
    unknown = await send(CREATE, viewer=owner, key=key, client=api, name="Walkers")
    assert code(unknown) == "OUTCOME_UNKNOWN"
    resolving = unknown["errors"][0]["extensions"]["idempotencyKey"]
    assert key in {None, resolving}
    assert await teams() == (["Walkers"] if is_received else [])
    for _ in range(2):
        known = await send(CREATE, viewer=owner, key=resolving, client=api, name="Walkers")
        assert known["data"]["createTeam"]["name"] == "Walkers"
    assert await teams() == ["Walkers"]
    assert code(await send(CREATE, viewer=owner, key=resolving, client=api, name="Riders")) == "CONFLICT"


async def test_what_is_stopped_after_a_change_is_not_said_to_have_changed_nothing(
    send, owner, teams, database, monkeypatch
):
    monkeypatch.setattr(settings, "request_s_max", 1.0)
    async with database.writing() as session:  # the second field waits for the end of this
        session.add(Team(name="Riders", admin_user_id=owner.id))
        await session.flush()
        unknown = await send(TWO, viewer=owner, a="Walkers", b="Riders")
        await session.execute(delete(Team).where(Team.name == "Riders"))
    assert code(unknown) == "OUTCOME_UNKNOWN"
    assert await teams() == ["Walkers"]
    key = unknown["errors"][0]["extensions"]["idempotencyKey"]
    known = await send(TWO, viewer=owner, key=key, a="Walkers", b="Riders")
    assert set(known["data"]) == {"a", "b"}
    assert await teams() == ["Riders", "Walkers"]
