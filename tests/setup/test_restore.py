"""What was kept comes back on another server, and clients are told that they have to begin anew."""

import asyncio
import json

import psycopg
import pytest
from sqlalchemy import select, text

from app import events
from app.database import Database
from app.events import dispatcher, epochs
from app.events.dispatcher import EventDispatcher
from app.events.positions import CursorOutdated, Position
from app.gateways import storage
from app.models.base import Base
from app.models.mapping.datasets import Dataset
from app.operations.database import backup, sequences
from app.operations.database.migrate import missing, plain_url
from app.operations.processes.process import CannotStart
from app.operations.processes.servers import private_servers
from app.settings import settings
from tests import factories

LEFT_OUT = {"events", "event_epochs"}


@pytest.fixture(scope="module")
def new_server(new_home):
    """A server that has seen few transactions."""
    with private_servers(new_home(), durable=False) as servers:
        servers.start(redis=False)
        yield servers


@pytest.fixture
def elsewhere(new_server, monkeypatch, tmp_path):
    """Moves to an empty database on the new server, and to an empty home."""
    with new_server.connect("postgres") as connection:
        connection.execute("DROP DATABASE IF EXISTS moved")
        connection.execute("CREATE DATABASE moved")
    url = new_server.database_url.replace("/fieldgraph?", "/moved?")

    def move():
        monkeypatch.setattr(settings, "database_url", url)
        monkeypatch.setattr(settings, "home", tmp_path / "moved")
        return url

    return move


async def rows_of(database):
    async with database.reading() as session:
        found = {}
        for table in set(Base.metadata.tables) - LEFT_OUT:
            row = f"SELECT md5(string_agg(r::text, ' ' ORDER BY r::text)), count(*) FROM {table} AS r"
            found[table] = tuple((await session.execute(text(row))).one())
        return found


async def say(database, number):
    async with database.writing() as session:
        events.record(session, "t", {"number": number})


@pytest.fixture
async def kept(database, owner, redis_url, tmp_path, monkeypatch):
    """A backup, and what there was."""
    monkeypatch.setattr(settings, "home", tmp_path / "home")
    dataset = await factories.dataset(database, owner.id)
    await factories.label(database, await factories.aoi(database, dataset))
    await storage.put("trainings/1/1/checkpoint.safetensors", b"weights")
    feed = EventDispatcher(database.engine, database.reader, redis_url)
    await feed.start()
    await say(database, 1)
    cursor = (await feed.now()).cursor
    await say(database, 2)
    await feed.stop()
    folder = tmp_path / "backup"
    await asyncio.to_thread(backup.back_up, folder, replace=False)
    return folder, dataset, cursor, await rows_of(database)


async def test_all_of_it_comes_back_on_a_new_server(kept, elsewhere, redis_url):
    folder, dataset, cursor, rows = kept
    url = elsewhere()
    await asyncio.to_thread(backup.restore, folder, replace=False)
    database = Database(url, redis_url)
    feed = EventDispatcher(database.engine, database.reader, redis_url)
    try:
        assert missing(url) == []
        assert await rows_of(database) == rows
        assert await storage.get("trainings/1/1/checkpoint.safetensors") == b"weights"
        await feed.start()
        with pytest.raises(CursorOutdated, match="Subscribe again without `after`"):
            await feed.beginning(cursor)
        here = await feed.now()
        await say(database, 3)
        async with asyncio.timeout(120):
            assert (await anext(feed.follow("t", here))).payload == {"number": 3}
        assert [told.payload async for told in feed.follow("t", Position(0, 0, here.epoch), live=False)] == [
            {"number": 3}
        ]
        another = await factories.dataset(database, dataset.user_id)
        assert another.id > dataset.id
        async with database.reading() as session:
            assert len((await session.scalars(select(Dataset.id))).all()) == 2
    finally:
        await feed.stop()
        await database.close()


async def test_a_database_that_holds_something_is_replaced_only_when_told(kept, elsewhere, redis_url):
    folder, _, _, rows = kept
    url = elsewhere()
    await asyncio.to_thread(backup.restore, folder, replace=False)
    database = Database(url, redis_url)
    try:
        await factories.user(database, "newcomer")
        with pytest.raises(CannotStart, match="--yes"):
            await asyncio.to_thread(backup.restore, folder, replace=False)
        assert await rows_of(database) != rows
        await asyncio.to_thread(backup.restore, folder, replace=True)
        assert await rows_of(database) == rows
    finally:
        await database.close()


async def test_a_dump_that_breaks_off_leaves_the_database_as_it_was(kept, elsewhere, redis_url):
    folder, _, _, rows = kept
    url = elsewhere()
    await asyncio.to_thread(backup.restore, folder, replace=False)
    dump = folder / backup.DUMP
    dump.write_bytes(dump.read_bytes()[: dump.stat().st_size * 2 // 3])
    with pytest.raises(CannotStart, match="is unchanged"):
        await asyncio.to_thread(backup.restore, folder, replace=True)
    database = Database(url, redis_url)
    try:
        assert await rows_of(database) == rows
    finally:
        await database.close()


async def test_a_backup_replaces_nothing_unless_told_and_never_what_is_none(kept, tmp_path):
    folder, *_ = kept
    with pytest.raises(CannotStart, match="--yes"):
        await asyncio.to_thread(backup.back_up, folder, replace=False)
    await asyncio.to_thread(backup.back_up, folder, replace=True)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("content")
    with pytest.raises(CannotStart, match="is not a"):
        await asyncio.to_thread(backup.back_up, precious, replace=True)
    assert (precious / "file").read_text() == "content"
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".")} == set()


async def test_a_backup_is_for_its_owner_alone(kept):
    folder, *_ = kept
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir() if path.is_file()} == {0}


async def test_what_is_no_whole_backup_is_refused(kept, tmp_path):
    folder, *_ = kept
    with pytest.raises(CannotStart, match="is not a"):
        backup.read_manifest(tmp_path)
    manifest = json.loads((folder / backup.MANIFEST).read_text())
    (folder / backup.MANIFEST).write_text(json.dumps(manifest | {"revision": "from tomorrow"}))
    with pytest.raises(CannotStart, match="a newer version"):
        backup.read_manifest(folder)
    (folder / backup.MANIFEST).write_text(json.dumps(manifest))
    (folder / backup.DUMP).unlink()
    with pytest.raises(CannotStart, match="is incomplete"):
        backup.read_manifest(folder)


async def test_a_database_that_was_moved_by_other_means_begins_an_epoch_too(clone_database, redis_url):
    database = Database(clone_database("replicated"), redis_url)
    try:
        first = await epochs.establish(database.engine)
        assert await epochs.establish(database.engine) == first
        await say(database, 1)
        for change in (
            "UPDATE event_epochs SET server = 'another'",  # another server or timeline
            "UPDATE event_epochs SET epoch = epoch",  # the same row, loaded by another transaction
        ):
            before = await epochs.establish(database.engine)
            async with database.writing() as session:
                await session.execute(text(change))
            assert await epochs.establish(database.engine) != before
            async with database.reading() as session:
                assert await session.scalar(text("SELECT count(*) FROM events")) == 0
    finally:
        await database.close()


async def test_a_feed_notices_that_its_database_was_restored_and_so_do_its_readers(
    clone_database, redis_url, monkeypatch
):
    monkeypatch.setattr(dispatcher, "EPOCH_CHECK_S", 0.0)
    database = Database(clone_database("restored"), redis_url)
    feed = EventDispatcher(database.engine, database.reader, redis_url)
    await feed.start()
    try:
        cursor = (await feed.now()).cursor
        receiving = asyncio.create_task(anext(feed.follow("t", await feed.now())))
        await asyncio.sleep(0.1)
        async with database.writing() as session:
            await session.execute(text("UPDATE event_epochs SET epoch = epoch"))
        with pytest.raises(CursorOutdated):
            await asyncio.wait_for(receiving, 120)
        with pytest.raises(CursorOutdated):
            await feed.beginning(cursor)
        here = await feed.now()
        await say(database, 1)
        async with asyncio.timeout(120):
            assert (await anext(feed.follow("t", here))).payload == {"number": 1}
    finally:
        await feed.stop()
        await database.close()


async def test_a_frozen_row_still_knows_where_it_was_written(clone_database, redis_url):
    url = clone_database("frozen")
    database = Database(url, redis_url)
    try:
        epoch = await epochs.establish(database.engine)
        with psycopg.connect(plain_url(url), autocommit=True) as connection:
            connection.execute("VACUUM (FREEZE) event_epochs")
            connection.execute("VACUUM (FULL, FREEZE) event_epochs")
        assert await epochs.establish(database.engine) == epoch
    finally:
        await database.close()


def test_sequences_behind_their_tables_are_found_and_put_right(clone_database):
    with psycopg.connect(plain_url(clone_database("behind_rows")), autocommit=True) as connection:
        assert sequences.behind(connection) == []
        connection.execute("INSERT INTO events (id, topic, payload) OVERRIDING SYSTEM VALUE VALUES (41, 't', '{}')")
        assert sequences.behind(connection) == ["events"]
        assert sequences.put_right(connection) == ["events"]
        assert sequences.behind(connection) == []
        connection.execute("INSERT INTO events (topic, payload) VALUES ('t', '{}')")
        assert connection.execute("SELECT max(id) FROM events").fetchone() == (42,)
