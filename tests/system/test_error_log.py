"""Errors are kept for staff without their secrets, and never in anybody's way."""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from sqlalchemy import func, select

from app.database import Database
from app.models.system import LogEntry, LogLevel
from app.services.system import notifications, pruning
from app.services.system.error_log import Logbook
from app.settings import settings
from app.telemetry import logs
from app.telemetry.redaction import without_secrets
from tests import factories
from tests.plain_logs import log_plainly

TOKEN = "Zm9vYmFyYmF6cXV4LTEyMzQ1Njc4OTAtYWJjZGVmZ2hp"
ENTRIES = """
query ($level: LogLevel, $search: String, $since: DateTime, $until: DateTime) {
  logEntries(level: $level, search: $search, since: $since, until: $until, orderBy: OLDEST) { nodes { message } }
}
"""


@pytest.fixture(autouse=True)
def usual_logs():
    """Logging as in a real process, without the handlers that it gives; they are put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    logs.configure()
    yield handlers
    log_plainly()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in logs.QUIET:
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
async def book(database, monkeypatch):
    """A logbook that listens, and writes when it is told to."""
    monkeypatch.setattr(settings, "log_write_s", 3_600)
    book = Logbook(database)
    book.start()
    yield book
    await book.stop()


@pytest.fixture
def kept(database):
    async def kept():
        async with database.reading() as session:
            return (await session.scalars(select(LogEntry).order_by(LogEntry.id))).all()

    return kept


async def test_an_error_is_kept_with_all_that_helps_to_find_it(book, kept):
    def break_it() -> None:
        raise ValueError("no such thing")

    logs.address.set("192.0.2.7")
    with structlog.contextvars.bound_contextvars(request_id="request-1"):
        try:
            break_it()
        except ValueError:
            structlog.get_logger("app.x").exception("it broke", dataset=7)
    await book.write()
    [entry] = await kept()
    assert entry.message == "it broke (dataset=7): ValueError: no such thing"
    assert (entry.level, entry.logger, entry.ip, entry.request_id) == (
        LogLevel.ERROR,
        "app.x",
        "192.0.2.7",
        "request-1",
    )
    assert (entry.main_module, entry.main_function) == (__name__, "break_it")
    assert entry.traceback.endswith("ValueError: no such thing\n")
    assert entry.host_name
    assert datetime.now(UTC) - entry.created_at < timedelta(minutes=1)


async def test_errors_of_libraries_are_kept_and_lesser_things_are_not(book, kept):
    library = logging.getLogger("library")
    library.warning("only a warning")
    structlog.get_logger("app.x").info("all is well")
    library.error("it says %s", "no")
    library.critical("it is over", exc_info=RuntimeError("the end"))
    await book.write()
    first, second = await kept()
    assert (first.message, first.level, first.traceback) == ("it says no", LogLevel.ERROR, None)
    assert (first.main_module, first.main_function) == (
        "library",
        "test_errors_of_libraries_are_kept_and_lesser_things_are_not",
    )
    assert (second.message, second.level) == ("it is over: RuntimeError: the end", LogLevel.CRITICAL)


async def test_what_is_kept_is_a_setting(database, kept, monkeypatch):
    monkeypatch.setattr(settings, "log_kept_level", "CRITICAL")
    book = Logbook(database)
    book.start()
    logging.getLogger("library").error("bad")
    logging.getLogger("library").critical("worse")
    await book.stop()
    assert [entry.message for entry in await kept()] == ["worse"]


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer abc.def-123", ["abc.def-123"]),
        ("headers={'authorization': 'Basic dXNlcjpwYXNz'}", ["dXNlcjpwYXNz"]),
        ("signIn(password='hunter2', user=1)", ["hunter2"]),
        ('{"newPassword": "hun ter2", "n": 1}', ["hun ter2"]),
        ("password_hash=$argon2id$v=19$m=65536", ["argon2id"]),
        ("api_key=fg_12345 left", ["fg_12345"]),
        ("connect to postgresql+psycopg://fieldgraph:s3cret@db:5432/x failed", ["s3cret", "fieldgraph:"]),
        ("GET https://maps.example.org/t?access_token=pk.eyJ&z=1", ["pk.eyJ"]),
        ("PUT /uploads/WzE3NjAwMDAsInVwbG9hZHMiXQ.c2ln?x=1", ["WzE3NjAwMDAs", "c2ln"]),
        ("https://api.example.org/files/WzEsMl0.abc", ["WzEsMl0"]),
        ("https://s3.example.org/b/k?X-Amz-Credential=AKIA123&X-Amz-Signature=0a1b2c", ["AKIA123", "0a1b2c"]),
        ("https://blob.example.org/k?sv=1&sig=abc%2Bdef", ["abc%2Bdef"]),
        ("Key (lower(email::text))=(ada@fieldgraph.test) already exists.", ["ada@", "fieldgraph.test"]),
        ("to Ada.Lovelace+maps@mail.example.org, twice", ["Ada.Lovelace", "mail.example.org"]),
        (f"unknown: {TOKEN}", [TOKEN]),
        ("cookie: a=1; session=xyz", ["a=1"]),
        ("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", ["eyJhbG", "eyJzdWI", "c2lnbm"]),
    ],
)
def test_secrets_and_addresses_are_taken_out(text, hidden):
    clean = without_secrets(text)
    assert "***" in clean
    assert [each for each in hidden if each in clean] == []


@pytest.mark.parametrize(
    "text",
    [
        "Dataset 7 has no imagery at zoom 19.",
        'File "/srv/app/services/mapping/trainings.py", line 235, in begin_training',
        "test_errors_of_libraries_are_kept_and_lesser_things_are_not",
        "https://tiles.example.org/{z}/{x}/{y}.png answers 404",
        "SELECT users.id, users.username FROM users WHERE users.id = %(id_1)s",
    ],
)
def test_what_is_no_secret_stays(text):
    assert without_secrets(text) == text


@pytest.mark.parametrize(
    "piece", ["a", "a@", "token=", "x://", "A1a-", "bearer ", "'", "token='", "@.", "a.", "/files/"]
)
def test_no_text_takes_long(piece):
    begun = time.process_time()
    without_secrets(piece * (settings.log_text_length_max // len(piece)))
    assert time.process_time() - begun < 5


async def test_secrets_are_in_no_column(book, database, database_owner):
    error = ValueError(f"password=hunter2 of ada@fieldgraph.test, {TOKEN}")
    structlog.get_logger("app.x").error("failed", exc_info=error, token=TOKEN, url=f"/files/{TOKEN}")
    await book.write()
    [(row,)] = database_owner.execute("SELECT row_to_json(log_entries)::text FROM log_entries").fetchall()
    assert [secret for secret in ("hunter2", "ada@", TOKEN) if secret in row] == []
    assert "ValueError" in row


async def test_what_postgresql_cannot_keep_is_left_out(book, kept):
    logging.getLogger("library").error("nul \0, half a pair \ud800, end")
    await book.write()
    assert [entry.message for entry in await kept()] == ["nul , half a pair ?, end"]


async def test_texts_are_bounded(book, kept, monkeypatch):
    monkeypatch.setattr(settings, "log_text_length_max", 200)
    logging.getLogger("library").error("y " * 500, exc_info=ValueError("x " * 500))
    await book.write()
    [entry] = await kept()
    assert len(entry.message) <= 200
    assert len(entry.traceback) <= 200


async def test_more_than_fit_are_counted(database, kept, monkeypatch):
    monkeypatch.setattr(settings, "log_waiting_max", 3)
    book = Logbook(database)
    book.start()
    for number in range(10):
        logging.getLogger("library").error("%s", number)
    await book.stop()
    *first, last = [entry.message for entry in await kept()]
    assert first == ["0", "1", "2"]
    assert last == "7 more errors were not stored: there were too many at once, or they could not be written."


async def test_while_the_database_is_away_nobody_waits_and_nothing_is_lost(
    network, redis_url, kept, eventually, monkeypatch
):
    async def all_of_them():
        return len(await kept()) == 2

    monkeypatch.setattr(settings, "log_write_s", 0.05)
    monkeypatch.setattr(settings, "database_connect_s_max", 1)
    away = Database(network.url, redis_url)
    await network.proxy.cut()
    book = Logbook(away)
    book.start()
    logging.getLogger("library").error("first")
    await asyncio.sleep(0.5)
    logging.getLogger("library").error("second")
    assert book._waiting.qsize() <= 2
    assert await kept() == []
    await network.proxy.mend()
    await eventually(all_of_them)
    await book.stop()
    await away.close()
    assert sorted(entry.message for entry in await kept()) == ["first", "second"]


async def test_what_the_writing_itself_logs_is_not_kept(database, kept, monkeypatch):
    book = Logbook(database)
    book.start()
    inner = database.writing

    def loud():
        logging.getLogger("sqlalchemy.pool").error("the database is away")
        return inner()

    monkeypatch.setattr(database, "writing", loud)
    logging.getLogger("library").error("once")
    await book.write()
    await book.write()
    await book.stop()
    assert [entry.message for entry in await kept()] == ["once"]


async def test_an_unforeseen_failure_of_a_request_is_kept_under_the_id_the_client_was_told(
    api, owner, kept, monkeypatch, usual_logs, eventually
):
    async def broken(*_):
        raise ValueError("password=hunter2")

    monkeypatch.setattr(notifications, "unread_counts", broken)
    books = [each for each in usual_logs if isinstance(each, Logbook)]  # one for each application of this process
    logging.getLogger().handlers += books
    query = {"query": "{ me { unreadNotificationsCount } }"}
    answer = await api.post("/graphql", json=query, headers={"Authorization": f"Bearer {owner.token}"})
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    for book in books:
        await book.write()
    entries = await eventually(kept)  # an application that was writing just then has not ended
    assert {entry.request_id for entry in entries} == {error["extensions"]["requestId"]}
    assert all(entry.ip.startswith("127.1.") for entry in entries)
    assert any("ValueError: password=***" in entry.message for entry in entries)


async def entry(database, message="It broke.", **fields):
    given = {"level": LogLevel.ERROR, "logger": "app.x", "message": message}
    return await factories.add(database, LogEntry(**given | fields))


def messages(answer):
    return [node["message"] for node in answer["logEntries"]["nodes"]]


async def test_only_staff_read_errors(ask, database, owner, staff):
    await entry(database)
    assert messages(await ask(ENTRIES, viewer=staff)) == ["It broke."]
    assert messages(await ask(ENTRIES, viewer=owner)) == []
    assert (await ask(ENTRIES)).codes == ["UNAUTHENTICATED"]


async def test_errors_are_found_by_level_words_and_time(ask, database, staff):
    then = datetime(2026, 1, 2, tzinfo=UTC)
    await entry(database, "One.", created_at=then - timedelta(days=1), request_id="request-1")
    await entry(database, "100 % wrong.", created_at=then, level=LogLevel.CRITICAL)
    await entry(database, "Three.", created_at=then + timedelta(days=1), main_module="app.services.mapping")
    for found, given in [
        (["One.", "100 % wrong.", "Three."], {}),
        (["100 % wrong."], {"level": "CRITICAL"}),
        (["100 % wrong."], {"search": "0 % WR"}),
        ([], {"search": "_"}),
        (["Three."], {"search": "Mapping"}),
        (["One."], {"search": "request-1"}),
        (["100 % wrong.", "Three."], {"since": then.isoformat()}),
        (["One."], {"until": then.isoformat()}),
    ]:
        assert messages(await ask(ENTRIES, viewer=staff, **given)) == found, given


async def test_old_errors_are_forgotten(database):
    now, days = datetime.now(UTC), timedelta(days=settings.log_kept_days)
    kept = await entry(database, created_at=now - days + timedelta(hours=1))
    await entry(database, created_at=now - days - timedelta(hours=1))
    await pruning.prune(database, "log_entries")
    async with database.reading() as session:
        assert list(await session.scalars(select(LogEntry.id))) == [kept.id]
        assert await session.scalar(select(func.count(LogEntry.id))) == 1
