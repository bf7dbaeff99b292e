"""Real servers for the tests: begun with the first test that asks for them, gone with the last."""

import asyncio
import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

# What is imported and collected stays for good: looking for garbage among it takes a fifth of the time of all tests.
gc.disable()

# Before the application is imported: whatever the caller's settings say, tests touch only a home of their own.
for setting in [name for name in os.environ if name.startswith("FIELDGRAPH_") or name == "PORT"]:
    del os.environ[setting]
# As in the children that read and learn: threads that share small tables wait for each other, and spin meanwhile.
# Beside other work, two have taken 27 times the processor time of one to grow the same trees.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
# Whatever was compiled is kept, however quickly that went: see `pytest_configure`.
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
HOME = Path(tempfile.mkdtemp(prefix="fieldgraph-tests-"))
HOME.chmod(0o711)  # for root the servers run as another user, who has to get through

from app.operations.processes import servers as private  # noqa: E402

os.environ |= {
    "FIELDGRAPH_HOME": str(HOME),
    "FIELDGRAPH_SECRET": "known to every test",
    # A machine that stands still for a moment turns nobody away, also where many act at once; a statement has five
    # seconds. Tests of outages set times of their own.
    "FIELDGRAPH_LOCK_S_MAX": "4.5",
    "FIELDGRAPH_DATABASE_POOL_WAIT_S": "30",
    "DATABASE_URL": private.database_url(HOME, "tests", private.APP_ROLE),
    "REDIS_URL": private.redis_url(HOME),
}

import psycopg  # noqa: E402
import pytest  # noqa: E402
from _pytest.capture import EncodedFile  # noqa: E402
from redis import Redis  # noqa: E402

from app.learning.compiled import make_way  # noqa: E402
from app.operations.database.migrate import upgrade  # noqa: E402
from app.operations.database.roles import grant  # noqa: E402
from app.settings import settings  # noqa: E402
from tests.longest_first import place  # noqa: E402
from tests.plain_logs import log_plainly  # noqa: E402

if TYPE_CHECKING:
    from app.database import Database
    from tests.tables import Tables

pytest_plugins = ["tests.fixtures"]

MadeOnce = Callable[[str, Callable[[], Awaitable[Any]]], Awaitable[Any]]

log_plainly()
# What pytest captures ends with the process. A library that closes the standard error it began with, once another has
# taken its place, would close it: absl, which comes with optax, does, and every later test of the process would fail.
EncodedFile.close = lambda _: None  # type: ignore[method-assign]


def pytest_configure(config: pytest.Config) -> None:
    """What JAX compiles is kept for the next run, too: for this process, the one beside it, and their children."""
    assert config.cache is not None
    folder = config.cache.mkdir("compiled")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
    if not hasattr(config, "workerinput"):
        make_way(folder, settings.compiled_bytes_max)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Replaces lone surrogates in captured text: a report that holds one cannot be sent between processes."""
    report = yield
    report.sections = [(name, text.encode(errors="replace").decode()) for name, text in report.sections]
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files begin first."""
    items.sort(key=lambda item: place(item.path.relative_to(item.config.rootpath).as_posix()))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as in a process that serves
    gc.enable()


def pytest_unconfigure() -> None:
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def servers() -> Iterator[private.PrivateServers]:
    """PostgreSQL and Redis, with a migrated template and the database of this session cloned from it."""
    with private.private_servers(HOME, durable=False) as servers:
        servers.start()
        upgrade(servers.database_url)
        grant(servers.database_url, servers.app_database_url)
        _clone(servers, "tests")
        yield servers


def _clone(servers: private.PrivateServers, name: str) -> str:
    with servers.connect("postgres") as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {private.NAME}")
    return private.database_url(HOME, name)


@pytest.fixture(scope="session")
def clone_database(servers: private.PrivateServers) -> Callable[[str], str]:
    """Makes a database with the present schema and no rows, for a test that changes more than rows; gives its URL."""
    return partial(_clone, servers)


@pytest.fixture(scope="session")
def database_owner(servers: private.PrivateServers) -> Iterator[psycopg.Connection]:
    """A connection past all foreign keys and triggers."""
    with servers.connect("tests") as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


@pytest.fixture(scope="session")
def tables(database_owner: psycopg.Connection) -> "Tables":
    """All tables of the tests' database, whoever's their rows are."""
    from tests.tables import Tables  # noqa: PLC0415 - tests without a database need not wait for the models

    return Tables(database_owner)


@pytest.fixture
async def database_url(tables: "Tables") -> str:
    """A database without rows."""
    # In a thread: what the application still does after its last answer may hold rows, and ends only if its loop runs.
    await asyncio.to_thread(tables.empty)
    return str(settings.database_url)


@pytest.fixture(scope="session")
def redis_client(servers: private.PrivateServers) -> Iterator[Redis]:
    """A connection to Redis, open until the last test: to open one takes ten times as long as to empty it."""
    with Redis.from_url(servers.redis_url) as client:
        yield client


@pytest.fixture
def redis_url(servers: private.PrivateServers, redis_client: Redis) -> str:
    """A Redis without keys."""
    redis_client.flushdb()
    return servers.redis_url


@pytest.fixture(scope="session")
async def connected(servers: private.PrivateServers) -> AsyncIterator["Database"]:
    """The application's own way to both, open until the last test.

    To open connections, and to prepare and compile statements anew, takes longer than what most tests do with them.
    """
    from app.database import Database  # noqa: PLC0415 - tests without a database need not wait for the models

    database = Database(str(settings.database_url), servers.redis_url)
    yield database
    await database.close()


@pytest.fixture
async def database(database_url: str, redis_url: str, connected: "Database") -> AsyncIterator["Database"]:
    """The same, and both are empty."""
    yield connected
    await connected.settle()


@pytest.fixture(scope="session")
def copies() -> dict[str, tuple[Any, str]]:
    """What `made_once` has made, by its name: what it gave, and the copy of its rows."""
    return {}


@pytest.fixture
def made_once(tables: "Tables", database: "Database", copies: dict[str, tuple[Any, str]]) -> MadeOnce:
    """Fills the empty database with rows that take long to make: made for the first test that asks, copied for others.

    What made them is not asked again, so whatever it gave is the same for all of these tests.
    """

    async def made_once(name: str, make: Callable[[], Awaitable[Any]]) -> Any:
        if name in copies:
            await asyncio.to_thread(tables.put_back, copies[name][1])
        else:
            made = await make()
            await database.settle()
            copies[name] = made, await asyncio.to_thread(tables.copy)
        return copies[name][0]

    return made_once
