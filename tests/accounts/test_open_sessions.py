"""Sessions as their owner sees them: listed, ended, and what is open with them closed at once, in every process."""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest
from sqlalchemy import func, select, update

from app.limits.accounts import CLIENT_LENGTH_MAX
from app.main import build
from app.models.accounts import Session, User
from app.models.system import AuditEntry
from app.services import viewers
from app.services.accounts.sign_in import passwords, sessions
from app.services.accounts.sign_in.sessions import Device
from app.settings import settings
from app.web.graphql.subscriptions.token_checks import TICK_S_MAX
from resolvers import ids
from tests import factories
from tests.fixtures import Person
from tests.servers import api_process, serving
from tests.system.clients import connected

SESSIONS = "{ me { sessions { totalCount nodes { id client address isCurrent createdAt lastUsedAt expiresAt } } } }"
REVOKE = "mutation ($id: ID!) { revokeSession(input: {id: $id}) { sessions { nodes { client } } } }"
REVOKE_ALL = "mutation ($current: Boolean!) { revokeSessions(input: {exceptCurrent: $current}) { id } }"
# Once, soon after a connection was opened, its token is asked for anyway.
FIRST_LOOK_S = 2 * TICK_S_MAX
LISTEN = "subscription { notificationReceived { cursor } }"
ME = "{ me { username } }"


@pytest.fixture
def sign_in_again(database):
    """Another session of somebody's."""

    async def sign_in_again(person, client="elsewhere", address="192.0.2.7"):
        async with database.writing() as session:
            opened = await sessions.sign_in(session, person.user, Device(client, address))
        return Person(person.user, opened.token)

    return sign_in_again


async def sessions_of(ask, viewer):
    return (await ask(SESSIONS, viewer=viewer))["me"]["sessions"]["nodes"]


async def audited(database):
    async with database.reading() as session:
        return [(entry.action, entry.actor_id) for entry in await session.scalars(select(AuditEntry))]


async def test_everybody_sees_their_own_sessions_and_which_of_them_asks(ask, owner, other, sign_in_again):
    again = await sign_in_again(owner)
    listed = await sessions_of(ask, again)
    shown = [(one["client"], one["address"], one["isCurrent"]) for one in listed]
    assert shown == [("elsewhere", "192.0.2.7", True), ("", "", False)]
    assert [one["isCurrent"] for one in await sessions_of(ask, owner)] == [False, True]
    theirs = await ask(
        "query ($id: ID!) { user(id: $id) { sessions { totalCount } } }", viewer=other, id=ids.encode(owner.user)
    )
    assert theirs["user"]["sessions"]["totalCount"] == 0
    assert (await ask("query ($id: ID!) { node(id: $id) { id } }", viewer=other, id=listed[0]["id"])).codes == [
        "NOT_FOUND"
    ]


async def test_signing_in_keeps_the_program_and_the_address(api, database, owner):
    await _with_password(database, owner)
    document = """mutation ($input: SignInInput!) { signIn(input: $input) { ... on SignedIn { token } } }"""
    given = {"email": owner.user.email, "password": factories.PASSWORD}
    client = "Mapper/2.0 (\u00e9toile\t\x1b[31m) " + "x" * 300
    reply = await api.post(
        "/graphql",
        json={"query": document, "variables": {"input": given}},
        headers={"User-Agent": client.encode("latin-1")},
    )
    token = reply.json()["data"]["signIn"]["token"]
    listed = await api.post("/graphql", json={"query": SESSIONS}, headers={"Authorization": f"Bearer {token}"})
    [session] = [one for one in listed.json()["data"]["me"]["sessions"]["nodes"] if one["isCurrent"]]
    assert session["client"].startswith("Mapper/2.0 (étoile[31m) xxx")
    assert len(session["client"]) == CLIENT_LENGTH_MAX
    assert session["address"].startswith("127.1.")


async def _with_password(database, person):
    password_hash = await passwords.new_password_hash(factories.PASSWORD, names=())
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == person.id).values(password_hash=password_hash))


async def test_a_session_that_has_run_out_is_not_listed(ask, database, owner, sign_in_again):
    again = await sign_in_again(owner)
    async with database.writing() as session:
        await session.execute(update(Session).where(Session.client == "").values(expires_at=func.now()))
    assert [one["client"] for one in await sessions_of(ask, again)] == ["elsewhere"]


async def test_a_session_is_ended_and_only_that_one(ask, database, owner, sign_in_again):
    again = await sign_in_again(owner)
    [elsewhere, _] = await sessions_of(ask, owner)
    answer = await ask(REVOKE, viewer=owner, id=elsewhere["id"])
    assert answer["revokeSession"] == {"sessions": {"nodes": [{"client": ""}]}}
    assert (await ask(ME, viewer=again)).codes == ["UNAUTHENTICATED"]
    assert (await ask(ME, viewer=owner))["me"] == {"username": "owner"}
    assert await audited(database) == [("revokeSession", owner.id)]


async def test_nobody_ends_anothers_session(ask, unchanged, owner, other, staff):
    [mine] = await sessions_of(ask, owner)
    for viewer, code in ((other, "NOT_FOUND"), (staff, "NOT_FOUND"), (None, "UNAUTHENTICATED")):
        async with unchanged():
            assert (await ask(REVOKE, viewer=viewer, id=mine["id"])).codes == [code]
    async with unchanged():
        assert (await ask(REVOKE_ALL, current=True)).codes == ["UNAUTHENTICATED"]


async def test_all_other_sessions_are_ended(ask, database, owner, other, sign_in_again):
    others = [await sign_in_again(owner) for _ in range(2)]
    assert (await ask(REVOKE_ALL, viewer=owner, current=True))["revokeSessions"]
    for ended in others:
        assert (await ask(ME, viewer=ended)).codes == ["UNAUTHENTICATED"]
    assert [one["isCurrent"] for one in await sessions_of(ask, owner)] == [True]
    assert (await ask(ME, viewer=other))["me"] == {"username": "other"}
    assert await audited(database) == [("revokeSessions", owner.id)]


async def test_all_sessions_are_ended_with_the_current_one(ask, owner, sign_in_again):
    await sign_in_again(owner)
    assert (await ask(REVOKE_ALL, viewer=owner, current=False))["revokeSessions"]
    assert (await ask(ME, viewer=owner)).codes == ["UNAUTHENTICATED"]


async def test_of_two_who_end_one_session_at_once_one_finds_it_gone(ask, owner, sign_in_again):
    again = await sign_in_again(owner)
    [elsewhere, _] = await sessions_of(ask, owner)
    answers = await asyncio.gather(*(ask(REVOKE, viewer=owner, id=elsewhere["id"]) for _ in range(4)))
    assert sorted(answer.codes for answer in answers) == [[], ["NOT_FOUND"], ["NOT_FOUND"], ["NOT_FOUND"]]
    assert (await ask(ME, viewer=again)).codes == ["UNAUTHENTICATED"]


@pytest.fixture(scope="module")
def two_processes(servers):
    """Two processes of the API, this one and another: by themselves they ask for tokens only every ten minutes."""
    with pytest.MonkeyPatch.context() as patch, api_process() as other, serving(build().app) as here:
        patch.setattr(settings, "socket_token_check_s", 600)
        yield here, other


async def streamed(api, token):
    """Listens as events until the stream ends, and says whether it was completed."""
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=api.url, trust_env=False, timeout=30) as http,
        http.stream("POST", "/graphql", json={"query": LISTEN}, headers=headers) as response,
    ):
        assert response.status_code == 200
        yield None
        yield "event: complete" in (await response.aread()).decode()


@pytest.mark.parametrize("asked", [0, 1])
async def test_what_is_open_with_a_session_closes_at_once_in_every_process(
    two_processes, database, owner, sign_in_again, asked
):
    again = await sign_in_again(owner)
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(connected(api, again)) for api in two_processes]
        kept = [await stack.enter_async_context(connected(api, owner)) for api in two_processes]
        streams = [streamed(api, again.token) for api in two_processes]
        for each in (*sockets, *kept):
            await each.subscribe(LISTEN)
            await each.begun()
        for stream in streams:
            await anext(stream)
        await asyncio.sleep(FIRST_LOOK_S)
        async with httpx.AsyncClient(base_url=two_processes[asked].url, trust_env=False, timeout=60) as http:
            body = {"query": REVOKE_ALL, "variables": {"current": True}}
            answer = await http.post("/graphql", json=body, headers={"Authorization": f"Bearer {owner.token}"})
        assert "errors" not in answer.json()
        async with asyncio.timeout(120):
            assert [await each.closed() for each in sockets] == [4403, 4403]
            assert [await anext(stream) for stream in streams] == [False, False]
        for each in kept:
            await each.settled()


async def test_suspension_closes_what_is_open_in_every_process(two_processes, database, owner):
    async with connected(two_processes[0], owner) as one, connected(two_processes[1], owner) as two:
        await asyncio.sleep(FIRST_LOOK_S)
        async with database.writing() as session:
            await session.execute(update(User).where(User.id == owner.id).values(is_active=False))
            viewers.invalidate(session, owner.id)
        async with asyncio.timeout(120):
            assert [await one.closed(), await two.closed()] == [4403, 4403]


async def test_rights_that_change_close_what_was_opened_with_others(two_processes, database, owner, staff):
    async with connected(two_processes[0], staff) as theirs, connected(two_processes[0], owner) as kept:
        await asyncio.sleep(FIRST_LOOK_S)
        async with database.writing() as session:
            await session.execute(update(User).where(User.id == staff.id).values(is_staff=False))
            viewers.invalidate(session, staff.id)
            viewers.invalidate(session, owner.id)
        async with asyncio.timeout(120):
            assert await theirs.closed() == 4403
        await kept.settled()
