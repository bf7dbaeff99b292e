"""What the jobs of this domain are watched with: the world outside on a real socket, and a worker in this process."""

from collections.abc import Awaitable, Callable, Iterator

import pytest
from sqlalchemy import select

from app.database import Database
from app.gateways import fakes
from app.models.mapping.datasets import AOI, Label
from app.models.system import Event
from app.settings import settings
from jobs import mapping  # noqa: F401 -- registers its jobs
from tests import factories
from tests.fixtures import Person
from tests.servers import Server, serving


@pytest.fixture(scope="session")
def _outside() -> Iterator[Server]:
    with serving(fakes.app) as server:
        yield server


@pytest.fixture
def outside(_outside: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Tile servers and OpenStreetMap."""
    monkeypatch.setattr(settings, "outside_hosts_allowed", [_outside.host])
    monkeypatch.setattr(settings, "osm_features_url", f"{_outside.url}/osm/v1")
    return _outside


@pytest.fixture
def broken(outside: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where each way to misbehave has its folder; little is waited for, and nothing tried again."""
    for name in ("imagery_s_max", "osm_s_max"):
        monkeypatch.setattr(settings, name, 1.0)
    for name in ("job_attempts_max", "imagery_tries_max", "osm_tries_max"):
        monkeypatch.setattr(settings, name, 1)
    return f"{outside.url}/broken"


@pytest.fixture
async def aoi(database: Database, owner: Person) -> AOI:
    """An area in a dataset of its own."""
    return await factories.aoi(database, await factories.dataset(database, owner.id))


@pytest.fixture
def labels(database: Database) -> Callable[[], Awaitable[list[Label]]]:
    """All labels there are by now."""

    async def labels() -> list[Label]:
        async with database.reading() as session:
            return list(await session.scalars(select(Label).order_by(Label.id)))

    return labels


@pytest.fixture
def happened(database: Database) -> Callable[[str], Awaitable[list[dict]]]:
    """What the events on a topic said, in their order."""

    async def happened(topic: str) -> list[dict]:
        async with database.reading() as session:
            said = select(Event.payload).where(Event.topic == topic).order_by(Event.xid, Event.id)
            return list(await session.scalars(said))

    return happened
