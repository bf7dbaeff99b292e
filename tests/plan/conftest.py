"""Random rows in databases of their own, and the API twice above them."""

from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine

from app.gateways import storage
from app.settings import settings
from resolvers.plan import Plan
from tests.plan import search
from tests.plan.both import Both, both
from tests.plan.rows import World, world


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if search.tried:
        tried = ", ".join(f"{count:,} {what}" for what, count in sorted(search.tried.items(), reverse=True))
        terminalreporter.write_line(f"tests/plan tried {tried}; SEED={search.SEED} tries them again")


@pytest.fixture(scope="session")
def conditions() -> Iterator[None]:
    """Links end at the same time, whoever makes them; nobody's minute is spent; what plans answer is counted."""
    data = Plan.data

    async def counted(*given: Any) -> bytes:
        answer = await data(*given)
        search.tried["by a plan"] += 1
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plan, "data", counted)
        patch.setattr(storage, "time", SimpleNamespace(time=lambda: 1_700_000_000))
        patch.setattr(settings, "viewer_cost_per_minute_max", 10**12)
        patch.setattr(settings, "address_cost_per_minute_max", 10**12)
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
async def sound(filled: Callable[[str, World], str], conditions: None) -> AsyncIterator[Both]:
    """Rows as they may come to be."""
    url = filled("sound", world(search.SEED))
    async with both(url, url) as found:
        yield found


@pytest.fixture(scope="session")
async def torn(filled: Callable[[str, World], str], conditions: None) -> AsyncIterator[Both]:
    """Rows of which some point at what is no longer there."""
    url = filled("torn", world(search.SEED, is_torn=True))
    async with both(url, url) as found:
        yield found
