"""A transaction that writes has an end, whatever it does: then it is undone, and nobody's events wait for it."""

import asyncio

import pytest
from sqlalchemy import select, text

from app.database import Database
from app.errors import Code, TransactionTooLong
from app.events import record, watermark
from app.models.accounts import User
from jobs.faults import Fault, fault_of

S_MAX = 0.8
WAIT_S_MAX = 120


@pytest.fixture
async def short(database_url, redis_url):
    """A database whose transactions may take a moment."""
    database = Database(database_url, redis_url, transaction_s_max=S_MAX)
    yield database
    await database.close()


async def waits():
    await asyncio.sleep(60)


def asks(session, statement="SELECT pg_sleep(60)"):
    return session.execute(text(statement))


async def asks_often(session):
    """Each statement is short, and no pause is: only the whole is long."""
    while True:
        await session.execute(text("SELECT pg_sleep(0.01)"))


@pytest.mark.parametrize(
    "work", [lambda _: waits(), asks, asks_often], ids=["idle", "one statement", "many statements"]
)
async def test_a_transaction_over_its_time_is_undone_and_holds_nobody_up(short, database, work):
    async def write():
        async with asyncio.timeout(WAIT_S_MAX), short.writing() as session:
            session.add(User(username="ann"))
            record(session, "t", {"number": 1})
            await session.flush()
            await work(session)

    with pytest.raises(TransactionTooLong, match=r"longer than 0\.8 s, so nothing was changed") as refused:
        await write()
    assert refused.value.code is Code.TIMEOUT
    async with database.reading() as session:
        assert (await session.scalars(select(User))).all() == []
        assert await session.scalar(text("SELECT count(*) FROM events")) == 0
    async with database.reading() as session:
        assert await watermark.holder(session) is None
    async with short.writing() as session:  # its connection is as good as before
        session.add(User(username="bob"))
    async with database.reading() as session:
        assert [user.username for user in await session.scalars(select(User))] == ["bob"]


async def test_a_longer_time_is_declared(short):
    async with short.writing(s_max=WAIT_S_MAX) as session:
        await asyncio.sleep(2 * S_MAX)
        session.add(User(username="ann"))
    async with short.reading() as session:
        assert await session.scalar(select(User.username)) == "ann"


async def test_what_is_written_last_counts_too(short, database_owner):
    database_owner.execute("""
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
        CREATE TRIGGER dawdle BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION dawdle()
    """)
    try:
        with pytest.raises(TransactionTooLong):
            async with asyncio.timeout(WAIT_S_MAX), short.writing() as session:
                session.add(User(username="ann"))  # flushed when the block is over
    finally:
        database_owner.execute("DROP FUNCTION dawdle() CASCADE")
    async with short.reading() as session:
        assert await session.scalar(select(User.username)) is None


async def test_a_commit_under_way_is_not_cut_short(short, database_owner):
    database_owner.execute("""
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1.6); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION dawdle()
    """)
    try:
        async with short.writing() as session:
            session.add(User(username="ann"))
    finally:
        database_owner.execute("DROP FUNCTION dawdle() CASCADE")
    async with short.reading() as session:
        assert await session.scalar(select(User.username)) == "ann"


async def test_a_time_out_of_the_works_own_stays_one(short):
    with pytest.raises(TimeoutError):
        async with short.writing():
            raise TimeoutError
    with pytest.raises(asyncio.CancelledError):
        async with short.writing():
            raise asyncio.CancelledError


def test_a_job_is_tried_again_a_few_times():
    assert fault_of(TransactionTooLong(1)) is Fault.UNKNOWN
