"""The audit is a chain: whatever somebody does to it past the application breaks a link, and the doctor says which."""

import asyncio
from contextlib import suppress

import psycopg
import pytest
from sqlalchemy import text

from app.errors import NotFound
from app.operations import audit_chain, doctor
from app.operations.audit_chain import Broken, Head, verify
from app.operations.database.migrate import plain_url
from app.postgres import last_statement
from app.services.system import audit
from app.settings import settings


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home in which nothing was noted."""
    monkeypatch.setattr(settings, "home", tmp_path)
    return tmp_path


@pytest.fixture
async def chained(database, database_owner):
    """Five entries, and a connection of somebody who may do everything."""
    connection = database_owner
    connection.execute("TRUNCATE audit.links, audit.head")
    for number in range(5):
        async with database.writing() as session:
            audit.record(session, None, f"deed{number}", reason="ü")
    yield connection
    connection.execute("TRUNCATE audit.links, audit.head")


def look(database_url, home) -> Head:
    with psycopg.connect(plain_url(database_url)) as connection:
        return verify(connection, home)


async def test_each_entry_is_a_link_at_the_end_of_its_transaction(database, chained, database_url, home):
    assert look(database_url, home).position == 5
    with suppress(NotFound):
        async with database.writing() as session:
            audit.record(session, None, "undone")
            await last_statement.taken_from(session).write(session)
            raise NotFound("There is no such thing.")
    assert look(database_url, home).position == 5
    async with database.writing() as session:
        for number in range(3):
            audit.record(session, None, f"together{number}")
    assert look(database_url, home).position == 8
    assert doctor.LOOKS["audit"]().startswith("8 links hold, the last is ")


TAMPERED = {
    "changed": ["UPDATE audit_entries SET action = 'other' WHERE action = 'deed2'"],
    "changed details": ["UPDATE audit_entries SET details = '{}' WHERE action = 'deed2'"],
    "backdated": ["UPDATE audit_entries SET created_at = created_at - interval '1 us' WHERE action = 'deed0'"],
    "deleted": ["DELETE FROM audit_entries WHERE action = 'deed2'"],
    "deleted with its link": [
        "DELETE FROM audit.links WHERE position = 3",
        "DELETE FROM audit_entries WHERE action = 'deed2'",
    ],
    "deleted and closed up": [
        "DELETE FROM audit.links WHERE position = 3",
        "DELETE FROM audit_entries WHERE action = 'deed2'",
        "UPDATE audit.links SET position = position - 1 WHERE position > 3",
        "UPDATE audit.head SET position = 4",
    ],
    "first gone": ["DELETE FROM audit.links WHERE position = 1", "DELETE FROM audit_entries WHERE action = 'deed0'"],
    "inserted": ["INSERT INTO audit_entries (action, details) VALUES ('made up', '{}')"],
    "inserted with a link": [
        "INSERT INTO audit_entries (action, details) VALUES ('made up', '{}')",
        "INSERT INTO audit.links SELECT 6, max(id), sha256('') FROM audit_entries",
    ],
    "reordered": [
        "UPDATE audit.links SET entry_id = -entry_id WHERE position IN (2, 3)",
        "UPDATE audit.links AS link SET entry_id = -twin.entry_id FROM audit.links AS twin "  # noqa: ISC004
        "WHERE link.position IN (2, 3) AND twin.position = 5 - link.position",
    ],
    "tail cut": ["DELETE FROM audit.links WHERE position = 5", "DELETE FROM audit_entries WHERE action = 'deed4'"],
    "emptied": ["TRUNCATE audit.links", "DELETE FROM audit_entries"],
}


@pytest.mark.parametrize("statements", TAMPERED.values(), ids=TAMPERED)
async def test_whatever_is_done_to_it_is_found(chained, database_url, tmp_path, statements):
    for statement in statements:
        chained.execute(statement)
    with pytest.raises(Broken):
        look(database_url, tmp_path)


async def test_a_tail_cut_with_its_head_is_found_by_what_was_noted(chained, database_url, home):
    assert look(database_url, home).position == 5
    chained.execute("DELETE FROM audit.links WHERE position = 5")
    chained.execute("DELETE FROM audit_entries WHERE action = 'deed4'")
    chained.execute(
        "UPDATE audit.head SET (position, hash) = (SELECT position, hash FROM audit.links WHERE position = 4)"
    )
    with pytest.raises(doctor.Ill, match="link 5 is not what it was"):
        doctor.LOOKS["audit"]()
    audit_chain.forget(home)
    assert look(database_url, home).position == 4


async def test_those_who_write_at_once_make_one_chain(database, chained, database_url, home):
    async def write(number: int) -> None:
        async with database.writing() as session:
            audit.record(session, None, f"at once {number}")

    await asyncio.gather(*(write(number) for number in range(20)))
    assert look(database_url, home).position == 25


async def test_who_is_not_done_yet_keeps_nobody_waiting(database, chained, database_url, home):
    async with database.writing() as first:
        audit.record(first, None, "slow")
        await last_statement.taken_from(first).write(first)
        async with database.writing() as second:
            await second.execute(text("SET LOCAL lock_timeout = '1s'"))
            audit.record(second, None, "quick")
        assert look(database_url, home).position == 6
    assert look(database_url, home).position == 7
