"""Random rows in databases of their own, and the API twice above them."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import create_engine

from app.database import Database
from app.models.mapping.predictions import Artifact
from app.operations.processes.servers import PrivateServers
from app.policies import Viewer
from app.rates import Rates
from app.services import links
from app.services.mapping import artifacts
from resolvers.plan import Plan
from tests.plan import search
from tests.plan.both import Both, both
from tests.plan.rows import World, world
from tests.plan.twins import Twins
from tests.plan.village import Village, break_village, build_village


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if search.tried:
        tried = ", ".join(f"{count:,} {what}" for what, count in sorted(search.tried.items(), reverse=True))
        terminalreporter.write_line(f"tests/plan tried {tried}; SEED={search.SEED} tries them again")


def counted(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method of a plan; that it came to an end is noted."""

    async def ended(*given: Any) -> Any:
        answer = await method(*given)
        search.tried["by a plan"] += 1
        return answer

    return ended


def fails_without_a_key(link: Callable[[Viewer, Artifact], str]) -> Callable[[Viewer, Artifact], str]:
    """A resolver that fails as nobody foresaw for the one artifact whose storage key is none."""

    def signed(viewer: Viewer, artifact: Artifact) -> str:
        if artifact.storage_key == "no key":
            raise ValueError("no key")
        return link(viewer, artifact)

    return signed


@pytest.fixture(scope="module", autouse=True)
def conditions() -> Iterator[None]:
    """Links end at the same time, nothing is done too often, and what plans answer is counted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plan, "data", counted(Plan.data))
        patch.setattr(Plan, "complete", counted(Plan.complete))
        patch.setattr(artifacts, "artifact_link", fails_without_a_key(artifacts.artifact_link))
        patch.setattr(links, "time", SimpleNamespace(time=lambda: 1_700_000_000))
        patch.setattr(Rates, "take", AsyncMock())
        yield


@pytest.fixture(scope="session")
def filled(clone_database: Callable[[str], str]) -> Callable[[str, World], str]:
    """Makes a database with these rows, and gives its URL."""

    def filled(name: str, rows: World) -> str:
        url = clone_database(name)
        engine = create_engine(url)
        rows.fill(engine)
        engine.dispose()
        return url

    return filled


@pytest.fixture(scope="session")
async def sound(filled: Callable[[str, World], str]) -> AsyncIterator[Both]:
    """Rows as they may come to be."""
    url = filled("sound", world(search.SEED))
    async with both(url, url) as found:
        yield found


@pytest.fixture(scope="session")
async def torn(filled: Callable[[str, World], str]) -> AsyncIterator[Both]:
    """Rows of which some point at what is no longer there."""
    url = filled("torn", world(search.SEED, is_torn=True))
    async with both(url, url) as found:
        yield found


@pytest.fixture(scope="session")
async def twins(filled: Callable[[str, World], str], servers: PrivateServers) -> AsyncIterator[Twins]:
    """Rows that may be changed, twice."""
    rows = world(search.SEED)
    names = ["twin_with_plans", "twin_without"]
    with ExitStack() as stack:
        async with both(*(filled(name, rows) for name in names)) as found:
            twins = Twins(found, [stack.enter_context(servers.connect(name)) for name in names])
            twins.keep()
            yield twins


@pytest.fixture(scope="session")
async def village(clone_database: Callable[[str], str], servers: PrivateServers) -> AsyncIterator[Village]:
    """A few rows that are known by their names; nobody changes them."""
    url = clone_database("village")
    database = Database(url, servers.redis_url)
    tokens, ids = await build_village(database)
    await database.close()
    with servers.connect("village") as connection:
        break_village(connection)
    async with both(url, url) as found:
        yield Village(found, tokens, ids)
