"""The application for tests that ask everything there is to ask, again and again."""

from collections.abc import AsyncIterator

import pytest
from starlette.types import ASGIApp

from app.main import build
from app.operations.processes.servers import PrivateServers
from app.web.graphql.documents import cache

CHARACTERS_MAX = 1_000_000


@pytest.fixture(scope="package")
async def application(servers: PrivateServers) -> AsyncIterator[ASGIApp]:
    """One that keeps all their documents: to parse, validate and plan one takes longer than to run it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "CACHED_CHARACTERS_MAX", CHARACTERS_MAX)
        app = build().app
    async with app.router.lifespan_context(app):
        yield app
