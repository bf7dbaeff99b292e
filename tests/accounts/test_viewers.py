"""What a process remembers of who asks: for how long, how much, and when it forgets."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update

from app import events
from app.database import part
from app.events.dispatcher import EventDispatcher
from app.models.accounts import Session, User
from app.policies import Viewer
from app.services import viewers
from app.services.accounts.sign_in import sessions
from app.services.viewers import Viewers
from app.settings import settings

ME = "{ me { username } }"


def asks_who(statements: list[str]) -> int:
    return len([statement for statement in statements if "FROM sessions JOIN users" in statement])


@pytest.fixture
def long(monkeypatch):
    """Nothing is forgotten by itself while a test runs."""
    monkeypatch.setattr(settings, "viewer_cache_s", 600)


class Asked:
    """A look-up that counts how often it was asked, and waits where the test wants it to."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.expires_at = datetime.now(UTC) + timedelta(days=1)
        self.held = asyncio.Event()
        self.held.set()

    async def __call__(self, token: str) -> tuple[Viewer, datetime]:
        self.tokens.append(token)
        await self.held.wait()
        return Viewer(int(token)), self.expires_at


@pytest.fixture
def asked():
    return Asked()


@pytest.fixture
def known(asked):
    return Viewers(asked, events=None)


async def test_a_token_is_looked_up_once_and_strangers_cost_nothing(ask, owner, statements, long):
    await ask(ME)
    assert asks_who(statements) == 0
    for _ in range(3):
        assert (await ask(ME, viewer=owner))["me"] == {"username": "owner"}
    assert asks_who(statements) == 1


async def test_it_is_asked_anew_after_a_while(asked, known, monkeypatch):
    monkeypatch.setattr(settings, "viewer_cache_s", 0)
    await known.of("1")
    await known.of("1")
    assert asked.tokens == ["1", "1"]


async def test_nothing_is_remembered_past_its_end(asked, known, long):
    asked.expires_at = datetime.now(UTC)
    await known.of("1")
    await known.of("1")
    assert asked.tokens == ["1", "1"]


async def test_the_longest_unused_is_forgotten_first(asked, known, long, monkeypatch):
    monkeypatch.setattr(settings, "viewers_cached_max", 2)
    for token in ("1", "2", "1", "3", "1", "2"):
        await known.of(token)
    assert asked.tokens == ["1", "2", "3", "2"]


async def test_what_was_asked_before_a_change_is_asked_again_after_it(asked, known, long):
    asked.held.clear()
    asking = asyncio.create_task(known.of("1"))
    while not asked.tokens:  # noqa: ASYNC110 - the look-up begins in a task of its own
        await asyncio.sleep(0)
    known.invalidate(1)
    asked.held.set()
    await asking
    assert asked.tokens == ["1", "1"]
    await known.of("1")
    assert asked.tokens == ["1", "1"]


async def test_requests_that_bring_a_token_at_once_ask_for_it_once(asked, known, long):
    asked.held.clear()
    requests = [asyncio.create_task(known.of("1")) for _ in range(5)]
    others = asyncio.create_task(known.of("2"))
    await asyncio.sleep(0)
    asked.held.set()
    assert {(await request)[0] for request in requests} == {Viewer(1)}
    assert (await others)[0] == Viewer(2)
    assert sorted(asked.tokens) == ["1", "2"]


async def test_who_leaves_takes_the_answer_from_nobody(asked, known, long):
    asked.held.clear()
    first, second = (asyncio.create_task(known.of("1")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    asked.held.set()
    assert (await second)[0] == Viewer(1)
    assert asked.tokens == ["1"]


async def test_a_failure_is_told_to_all_who_wait_and_not_remembered(known, asked, long, monkeypatch):
    failing = Exception("the database is away")

    async def fail(token: str) -> None:
        await asyncio.sleep(0)
        raise failing

    monkeypatch.setattr(known, "_look_up", fail)
    assert await asyncio.gather(known.of("1"), known.of("1"), return_exceptions=True) == [failing, failing]
    monkeypatch.setattr(known, "_look_up", asked)
    assert (await known.of("1"))[0] == Viewer(1)


async def test_nobody_is_asked_for_any_more_once_it_stops(asked, known):
    asked.held.clear()
    request = asyncio.create_task(known.of("1"))
    await asyncio.sleep(0)
    await known.stop()
    with pytest.raises(asyncio.CancelledError):
        await request


async def test_a_change_is_known_here_at_once(ask, database, owner, long):
    await ask(ME, viewer=owner)
    async with database.writing() as session:
        await session.execute(update(User).values(is_active=False))
        viewers.invalidate(session, owner.id)
    assert (await ask(ME, viewer=owner)).codes == ["UNAUTHENTICATED"]


async def test_a_change_that_is_undone_is_none(ask, database, owner, statements, long):
    await ask(ME, viewer=owner)
    statements.clear()

    async def undo() -> None:
        async with database.writing() as session:
            async with part(session):
                viewers.invalidate(session, owner.id)
            await ask(ME, viewer=owner)
            assert asks_who(statements) == 0
            raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        await undo()
    await ask(ME, viewer=owner)
    assert asks_who(statements) == 0


async def test_a_change_in_another_process_is_known_long_before_it_would_be_asked_for(
    ask, database, owner, other, long
):
    for viewer in (owner, other):
        await ask(ME, viewer=viewer)
    async with database.writing() as session:
        await session.execute(delete(Session))
        # What `forget` notes for others, without what it does here.
        events.record(session, viewers.TOPIC, {"user": owner.id})
    async with asyncio.timeout(120):
        while (await ask(ME, viewer=owner)).codes != ["UNAUTHENTICATED"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert (await ask(ME, viewer=other))["me"] == {"username": "other"}


async def test_who_signs_out_is_told_of_to_every_process(ask, database, owner, long):
    await ask(ME, viewer=owner)
    feed = EventDispatcher(database.engine, database.reader, str(settings.redis_url))
    elsewhere = Viewers(lambda token: sessions.viewer_of(database, token), feed)
    await feed.start()
    await elsewhere.start()
    viewers._of_this_process.discard(elsewhere)
    await elsewhere.of(owner.token)
    assert await ask("mutation { signOut }", viewer=owner) == {"signOut": True}
    assert (await ask(ME, viewer=owner)).codes == ["UNAUTHENTICATED"]
    async with asyncio.timeout(120):
        while elsewhere._cached:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await elsewhere.stop()
    await feed.stop()
