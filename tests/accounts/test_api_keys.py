"""API keys: made, shown once, used, ended."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update

from app.models.accounts import ApiKey, User
from app.models.base import Base
from app.models.choices import Scope
from app.models.system import AuditEntry
from app.security import credentials
from app.services import viewers
from app.settings import settings
from resolvers import ids
from tests.accounts.keys import key_of
from tests.fixtures import Person
from tests.system.clients import connected

MADE = "token apiKey { id name hint scopes expiresAt lastUsedAt }"
KEYS = "{ me { apiKeys { totalCount nodes { id name hint scopes expiresAt lastUsedAt } } } }"
REVOKE = "mutation ($id: ID!) { revokeApiKey(input: {id: $id}) { apiKeys { totalCount } } }"
ME = "{ me { username } }"
LISTEN = "subscription { notificationReceived { cursor } }"


async def kept(database) -> ApiKey:
    async with database.reading() as session:
        return await session.scalar(select(ApiKey))


async def moved(database, **times: timedelta | None) -> None:
    values = {name: by and datetime.now(UTC) + by for name, by in times.items()}
    async with database.writing() as session:
        await session.execute(update(ApiKey).values(**values))


async def test_a_key_is_made_and_its_token_lets_its_program_in(ask, change, database, owner):
    made = await change("createApiKey", MADE, viewer=owner, name=" Night job ", scopes=["WRITE", "READ", "READ"])
    key, token = made["apiKey"], made["token"]
    assert (key["name"], key["scopes"], key["hint"]) == ("Night job", ["READ", "WRITE"], token[:8])
    assert key["lastUsedAt"] is None
    assert timedelta(days=89, hours=23) < datetime.fromisoformat(key["expiresAt"]) - datetime.now(UTC)
    program = Person(owner.user, token)
    assert (await ask(ME, viewer=program))["me"] == {"username": "owner"}
    async with database.reading() as session:
        [entry] = await session.scalars(select(AuditEntry))
    assert (entry.action, entry.actor_id, entry.details) == ("createApiKey", owner.id, {"scopes": ["READ", "WRITE"]})


async def test_its_token_is_kept_nowhere_and_shown_never_again(ask, change, database, owner, other):
    made = await change("createApiKey", MADE, viewer=owner, name="Night job", scopes=["READ"], expiresInDays=None)
    secret = made["token"].removeprefix("fg_")[5:]
    async with database.reading() as session:
        for table in Base.metadata.tables:
            rows = (await session.execute(text(f"SELECT row::text FROM {table} AS row"))).scalars()
            assert not [row for row in rows if secret in row]
    assert (await kept(database)).token_hash == credentials.token_hash(made["token"])
    listed = await ask(KEYS, viewer=owner)
    assert listed["me"]["apiKeys"] == {"totalCount": 1, "nodes": [made["apiKey"]]}
    assert made["apiKey"]["expiresAt"] is None
    theirs = await ask(
        "query ($id: ID!) { user(id: $id) { apiKeys { totalCount } } }", viewer=other, id=ids.encode(owner.user)
    )
    assert theirs["user"]["apiKeys"]["totalCount"] == 0


def test_a_keys_token_is_told_from_any_other():
    token = credentials.new_key()
    assert credentials.is_key(token)
    assert len(token) == 75
    wrong = [token[:-1], token + "0", token.upper(), "fg_" + "0" * 72, token.replace("fg_", "gf_"), "", "fg_"]
    flipped = token[:10] + ("1" if token[10] == "0" else "0") + token[11:]
    assert not [each for each in [*wrong, flipped, credentials.new_token()] if credentials.is_key(each)]


@pytest.mark.parametrize(
    ("input", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 51}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["READ", "ADMIN"]}, "scopes"),
        ({"expiresInDays": 0}, "expiresInDays"),
        ({"expiresInDays": -1}, "expiresInDays"),
        ({"expiresInDays": 367}, "expiresInDays"),
    ],
)
async def test_a_key_that_cannot_be_is_not_made(refuse, owner, input, field):
    problem = await refuse("createApiKey", viewer=owner, **{"name": "Night job", "scopes": ["READ"], **input})
    assert (problem["__typename"], problem["field"]) == ("InvalidInput", field)


async def test_only_staff_make_keys_with_admin(change, staff):
    made = await change("createApiKey", MADE, viewer=staff, name="Ops", scopes=["ADMIN"])
    assert made["apiKey"]["scopes"] == ["ADMIN"]


async def test_a_stranger_makes_no_key(refuse, owner):
    assert (await refuse("createApiKey", name="Night job", scopes=["READ"]))["code"] == "UNAUTHENTICATED"


async def test_two_keys_of_one_person_have_two_names(change, refuse, owner, other):
    await change("createApiKey", viewer=owner, name="Night job", scopes=["READ"])
    problem = await refuse("createApiKey", viewer=owner, name="night JOB", scopes=["READ"])
    assert (problem["code"], problem["message"]) == ("CONFLICT", "You already have an API key with this name.")
    assert (await change("createApiKey", viewer=other, name="Night job", scopes=["READ"]))["__typename"]


async def test_of_many_keys_made_at_once_no_more_than_allowed_are(change, database, owner, monkeypatch):
    monkeypatch.setattr(settings, "api_keys_max", 3)
    made = await asyncio.gather(
        *(change("createApiKey", viewer=owner, name=f"Key {number}", scopes=["READ"]) for number in range(8))
    )
    assert sorted(one["__typename"] for one in made) == ["ApiKeySecret"] * 3 + ["LimitReached"] * 5
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(ApiKey)) == 3


async def test_a_key_that_has_ended_makes_room_and_stays_listed(ask, change, refuse, database, owner, monkeypatch):
    monkeypatch.setattr(settings, "api_keys_max", 1)
    await change("createApiKey", viewer=owner, name="Old", scopes=["READ"], expiresInDays=1)
    assert (await refuse("createApiKey", viewer=owner, name="New", scopes=["READ"]))["code"] == "LIMIT_REACHED"
    async with database.writing() as session:
        await session.execute(update(ApiKey).values(expires_at=func.now()))
    await change("createApiKey", viewer=owner, name="New", scopes=["READ"])
    listed = await ask("{ me { apiKeys(orderBy: OLDEST) { nodes { name } } } }", viewer=owner)
    assert [key["name"] for key in listed["me"]["apiKeys"]["nodes"]] == ["Old", "New"]


async def test_keys_are_made_at_a_pace(change, refuse, owner, other, monkeypatch):
    monkeypatch.setattr(settings, "api_keys_per_hour_max", 1)
    await change("createApiKey", viewer=owner, name="One", scopes=["READ"])
    assert (await refuse("createApiKey", viewer=owner, name="Two", scopes=["READ"]))["code"] == "RATE_LIMITED"
    assert (await change("createApiKey", viewer=other, name="Two", scopes=["READ"]))["__typename"] == "ApiKeySecret"


async def test_a_key_is_renamed_by_its_owner_alone(ask, change, refuse, database, owner, other):
    made = await change("createApiKey", MADE, viewer=owner, name="Night job", scopes=["READ"])
    await change("createApiKey", viewer=owner, name="Day job", scopes=["READ"])
    id = made["apiKey"]["id"]
    renamed = await change("renameApiKey", "name", viewer=owner, id=id, name="Evening job")
    assert renamed["name"] == "Evening job"
    assert (await refuse("renameApiKey", viewer=owner, id=id, name="DAY job"))["code"] == "CONFLICT"
    assert (await refuse("renameApiKey", viewer=owner, id=id, name=""))["code"] == "INVALID_INPUT"
    assert (await refuse("renameApiKey", viewer=other, id=id, name="Mine"))["code"] == "NOT_FOUND"
    assert (await refuse("renameApiKey", id=id, name="Mine"))["code"] == "NOT_FOUND"


async def test_a_key_is_revoked_by_its_owner_alone_and_once(ask, unchanged, database, owner, other, staff):
    program = await key_of(database, owner, Scope.READ)
    assert (await ask(ME, viewer=program))["me"]
    id = ids.encode(await kept(database))
    for viewer, code in ((other, "NOT_FOUND"), (staff, "NOT_FOUND"), (None, "UNAUTHENTICATED")):
        async with unchanged():
            assert (await ask(REVOKE, viewer=viewer, id=id)).codes == [code]
    answers = await asyncio.gather(*(ask(REVOKE, viewer=owner, id=id) for _ in range(3)))
    assert sorted(answer.codes for answer in answers) == [[], ["NOT_FOUND"], ["NOT_FOUND"]]
    assert (await ask(ME, viewer=program)).codes == ["UNAUTHENTICATED"]
    async with database.reading() as session:
        assert [entry.action for entry in await session.scalars(select(AuditEntry))] == ["revokeApiKey"]


async def test_a_revoked_keys_socket_closes_and_the_session_stays(live, ask, database, owner):
    program = await key_of(database, owner, Scope.READ)
    async with connected(live, program) as theirs, connected(live, owner) as mine:
        for client in (theirs, mine):
            await client.subscribe(LISTEN)
            await client.begun()
        await ask(REVOKE, viewer=owner, id=ids.encode(await kept(database)))
        assert await theirs.closed() == 4403
        await mine.settled()


@pytest.mark.parametrize("by", [{"expires_at": timedelta(seconds=-1)}])
async def test_an_expired_key_lets_nobody_in(ask, database, owner, by):
    program = await key_of(database, owner, *Scope)
    await moved(database, **by)
    assert (await ask(ME, viewer=program)).codes == ["UNAUTHENTICATED"]


async def test_a_suspended_persons_key_lets_nobody_in(ask, database, owner):
    program = await key_of(database, owner, *Scope)
    assert (await ask(ME, viewer=program))["me"]
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == owner.id).values(is_active=False))
        viewers.invalidate(session, owner.id)
    assert (await ask(ME, viewer=program)).codes == ["UNAUTHENTICATED"]


async def test_a_keys_last_use_is_kept_to_the_hour(ask, database, owner, monkeypatch):
    monkeypatch.setattr(settings, "viewer_cache_s", 0)
    program = await key_of(database, owner, Scope.READ)
    await ask(ME, viewer=program)
    first = (await kept(database)).last_used_at
    assert datetime.now(UTC) - first < timedelta(minutes=1)
    await moved(database, last_used_at=timedelta(minutes=-59))
    before = (await kept(database)).last_used_at
    await ask(ME, viewer=program)
    assert (await kept(database)).last_used_at == before
    await moved(database, last_used_at=timedelta(minutes=-61))
    await ask(ME, viewer=program)
    assert datetime.now(UTC) - (await kept(database)).last_used_at < timedelta(minutes=1)


async def test_keys_hold_on_when_all_sessions_end(ask, database, owner):
    program = await key_of(database, owner, Scope.READ)
    await ask("mutation { revokeSessions(input: {exceptCurrent: false}) { id } }", viewer=owner)
    assert (await ask(ME, viewer=owner)).codes == ["UNAUTHENTICATED"]
    assert (await ask(ME, viewer=program))["me"] == {"username": "owner"}
