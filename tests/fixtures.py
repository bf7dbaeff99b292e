"""People and clients that tests of every layer share."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.database import Database
from app.models import User
from app.services.accounts import SignedIn
from tests import factories


@dataclass(frozen=True)
class Person:
    """Somebody with an account and a session."""

    user: User
    token: str

    @property
    def id(self) -> int:
        return self.user.id


class Answer(dict[str, Any]):
    """What a request was answered with; as a mapping it is `data`."""

    def __init__(self, response: httpx.Response) -> None:
        body = response.json()
        super().__init__(body.get("data") or {})
        self.status = response.status_code
        self.errors: list[dict[str, Any]] = body.get("errors", [])
        self.extensions: dict[str, Any] = body.get("extensions", {})

    @property
    def codes(self) -> list[str]:
        """The codes of its errors."""
        return [error["extensions"]["code"] for error in self.errors]


Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
async def api(database_url: str, redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application, from its middleware down, without a socket."""
    from app.main import build  # noqa: PLC0415 - tests without an API need not wait for it

    app = build().app
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        yield http


@pytest.fixture
async def ask(api: httpx.AsyncClient) -> Ask:
    """The GraphQL client: `await ask(QUERY, viewer=owner, id=…)`."""

    async def ask(document: str, *, viewer: Person | None = None, **variables: Any) -> Answer:
        headers = {"Authorization": f"Bearer {viewer.token}"} if viewer else {}
        return Answer(await api.post("/graphql", json={"query": document, "variables": variables}, headers=headers))

    return ask


async def _person(database: Database, name: str, **fields: Any) -> Person:
    signed_in: SignedIn = await factories.user(database, name, **fields)
    return Person(signed_in.user, signed_in.token)


@pytest.fixture
async def owner(database: Database) -> Person:
    """Whose things the tests are about."""
    return await _person(database, "owner")


@pytest.fixture
async def other(database: Database) -> Person:
    """Somebody else."""
    return await _person(database, "other")


@pytest.fixture
async def staff(database: Database) -> Person:
    """Somebody who looks after the installation."""
    return await _person(database, "staff", is_staff=True)
