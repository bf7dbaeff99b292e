"""Sessions: whose a token is, how long it holds, and what is kept of it."""

import hashlib
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, text, update

from app.models.accounts import Session, User
from app.models.base import Base
from app.security import credentials
from app.services import viewers
from app.services.accounts.sign_in import sessions
from app.settings import settings

ME = "{ me { username } }"


async def kept(database) -> Session:
    async with database.reading() as session:
        return await session.scalar(select(Session))


async def moved(database, **times: timedelta) -> None:
    """Moves a session's times relative to now."""
    async with database.writing() as session:
        await session.execute(update(Session).values({name: datetime.now(UTC) + by for name, by in times.items()}))


async def test_a_token_is_random_and_kept_only_as_a_hash(database, owner):
    assert len(owner.token) >= 43  # 256 bits
    assert (await kept(database)).token_hash == hashlib.sha256(owner.token.encode()).digest()
    async with database.reading() as session:
        for table in Base.metadata.tables:
            rows = (await session.execute(text(f"SELECT row::text FROM {table} AS row"))).scalars()
            assert not [row for row in rows if owner.token in row]


async def test_two_sessions_have_two_tokens(database, owner):
    async with database.writing() as session:
        again = await sessions.sign_in(session, owner.user)
    assert again.token != owner.token


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 10_000, "ünïcode", "null", "a b", "' OR 1=1 --"])
async def test_a_token_we_did_not_give_is_refused(api, owner, token):
    headers = {"Authorization": f"Bearer {token}".encode("latin-1")}
    reply = await api.post("/graphql", json={"query": ME}, headers=headers)
    assert reply.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert not reply.json().get("data")


@pytest.mark.parametrize("authorization", ["Basic b3duZXI6cGFzc3dvcmQ=", "Bearer", "Bearer  ", "token"])
async def test_a_malformed_header_is_refused(api, owner, authorization):
    reply = await api.post("/graphql", json={"query": ME}, headers={"Authorization": authorization})
    assert reply.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_an_expired_token_is_refused(ask, database, owner):
    await moved(database, expires_at=timedelta(seconds=-1))
    answer = await ask(ME, viewer=owner)
    assert (answer.codes, dict(answer)) == (["UNAUTHENTICATED"], {})


async def test_a_revoked_token_is_refused(ask, database, owner):
    assert (await ask(ME, viewer=owner))["me"] == {"username": "owner"}
    async with database.writing() as session:
        await session.execute(delete(Session))
        viewers.invalidate(session, owner.id)
    assert (await ask(ME, viewer=owner)).codes == ["UNAUTHENTICATED"]


async def test_a_suspended_account_is_refused_at_once(ask, unchanged, database, owner):
    async with database.writing() as session:
        await session.execute(update(User).values(is_active=False))
    async with unchanged():
        answer = await ask('mutation { createDataset(input: {name: "Late"}) { __typename } }', viewer=owner)
    assert answer.codes == ["UNAUTHENTICATED"]


async def test_using_a_session_moves_its_end(ask, database, owner):
    await moved(database, last_used_at=timedelta(minutes=-61), expires_at=timedelta(days=3))
    await ask(ME, viewer=owner)
    session = await kept(database)
    assert datetime.now(UTC) - session.last_used_at < timedelta(minutes=1)
    assert session.expires_at - session.last_used_at == timedelta(days=settings.session_days)


async def test_a_sessions_end_is_written_at_most_hourly(ask, database, owner, statements):
    await moved(database, last_used_at=timedelta(minutes=-59), expires_at=timedelta(days=3))
    before = await kept(database)
    statements.clear()
    for _ in range(3):
        await ask(ME, viewer=owner)
    assert not [statement for statement in statements if statement.startswith(("UPDATE", "INSERT", "DELETE"))]
    assert (await kept(database)).expires_at == before.expires_at


async def test_a_session_that_ended_meanwhile_is_not_brought_back(database, owner, monkeypatch):
    await moved(database, last_used_at=timedelta(minutes=-61))
    writing = database.writing

    @asynccontextmanager
    async def writing_too_late():
        async with writing() as session:
            await session.execute(delete(Session))
        async with writing() as session:
            yield session

    monkeypatch.setattr(database, "writing", writing_too_late)
    viewer, _ = await sessions.viewer_of(database, owner.token)
    assert viewer.user_id == owner.id
    assert await kept(database) is None


async def test_a_session_dies_with_its_account(database, owner):
    async with database.writing() as session:
        await session.execute(delete(User))
    assert await kept(database) is None


def test_a_hash_takes_the_memory_and_the_passes_that_rfc_9106_recommends(production_hashes):
    assert production_hashes.hash("correct horse battery").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_passwords_are_kept_as_argon2id_and_no_two_hashes_are_alike():
    one, two = [await credentials.hash_password("correct horse battery") for _ in range(2)]
    assert one.startswith("$argon2id$")
    assert one != two
    assert await credentials.password_matches("correct horse battery", one)
    assert not await credentials.password_matches("wrong horse battery", one)
    assert not await credentials.password_matches("correct horse battery", None)
    assert not await credentials.password_matches("correct horse battery", "plain text")
