"""A small API of our own behind the view, served by the real server on loopback, and its clients."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
import strawberry
import websockets
from starlette.applications import Starlette
from starlette.routing import Route

from app.errors import Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from app.gateways.storage import StoredFile
from app.services.system.files.uploads import Upload
from app.web.graphql.endpoint import GraphQL
from app.web.graphql.operations.operation import Caller
from app.web.middleware import middleware
from app.web.routes.files import stored_files
from app.web.routes.health import Health
from app.web.routes.metrics import metrics
from app.web.routes.pages import static_pages
from app.web.server import Server, configuration
from schema.limits import Limits
from schema.metadata import ONCE_PER_OPERATION
from tests.silence import PATIENCE_S, until
from tests.web.talk import Talk
from tests.web.wire import News, Wire, news

PROTOCOL = "graphql-transport-ws"
RESPONSE = "application/graphql-response+json"


@dataclass
class Journal:
    """What the resolvers saw, for tests to look at."""

    callers: list[Caller] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    known: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: int = 0
    opened: int = 0
    closed: int = 0
    asked: int = 0
    wire: Wire = field(default_factory=Wire)
    revoked: set[str] = field(default_factory=set)
    ends: dict[str, datetime] = field(default_factory=dict)
    requests: list[tuple[object, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Until a test clears it, everybody is known at once.
        self.known.set()


@dataclass
class Context:
    journal: Journal
    viewer_id: int | None = None
    expires_at: datetime | None = None
    renewals: int = 0

    @property
    def authorisation(self) -> int | None:
        return self.viewer_id

    async def take_request(self, key: object, request: bytes, *, looks: bool) -> None:
        self.journal.requests.append((key, request))

    async def choose_reads(self) -> None:
        """Nothing is read here."""

    def leave_replica(self) -> None:
        """Nothing is read or changed here."""

    doubt = leave_replica

    def permit(self, needed: object) -> None:
        """Everybody may do everything."""

    def permit_reading(self) -> None:
        """Everybody may read here."""

    def renewed(self) -> "Context":
        return Context(self.journal, self.viewer_id, self.expires_at, self.renewals + 1)


@strawberry.type
class Item:
    id: int
    name: str

    @strawberry.field
    def items(self, first: int = 25) -> "Page":
        return Page(nodes=[Item(id=number, name="inner") for number in range(min(first, 3))])


@strawberry.type
class Page:
    nodes: list[Item]


@strawberry.type
class Query:
    @strawberry.field
    def greeting(self, info: strawberry.Info) -> str:
        info.context.journal.asked += 1
        return "hello"

    @strawberry.field
    def viewer(self, info: strawberry.Info) -> int | None:
        return info.context.viewer_id

    @strawberry.field
    def echo(self, text: str = "", number: float = 0) -> str:
        return text or str(number)

    @strawberry.field
    def items(self, first: int = 25) -> Page:
        return Page(nodes=[Item(id=number, name=f"item {number}") for number in range(min(first, 100))])

    @strawberry.field
    def several(self, ids: list[strawberry.ID]) -> list[Item]:
        return [Item(id=int(id), name="one of several") for id in ids]

    @strawberry.field
    def bug(self) -> str | None:
        raise RuntimeError("the secret is 42")

    @strawberry.field
    def bugs(self) -> list[str | None]:
        raise RuntimeError("the secret is 42")

    @strawberry.field
    def not_json(self) -> strawberry.scalars.JSON:
        return strawberry.scalars.JSON({"a": 2**70})

    @strawberry.field
    def invalid(self) -> str | None:
        raise Invalid("name", "A name has at most 50 characters.")

    @strawberry.field
    def busy(self) -> str | None:
        raise Unavailable("The database is busy.")

    @strawberry.field
    async def slow(self, info: strawberry.Info, seconds: float = 60) -> str:
        journal = info.context.journal
        journal.begun.set()
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            journal.cancelled += 1
            raise
        finally:
            journal.ended.set()
        return "done"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def rename(self, info: strawberry.Info, name: str) -> str:
        info.context.journal.asked += 1
        return name

    @strawberry.mutation(metadata={ONCE_PER_OPERATION: True})
    def sign_in(self, password: str) -> str:
        return "no"


@strawberry.type
class Subscription:
    news: News = strawberry.subscription(resolver=news)

    @strawberry.subscription
    async def count(self, info: strawberry.Info, to: int = 1_000_000, every_s: float = 0.001) -> AsyncGenerator[int]:
        journal = info.context.journal
        journal.begun.set()
        try:
            for number in range(to):
                yield number
                await asyncio.sleep(every_s)
        finally:
            journal.closed += 1
            journal.ended.set()

    @strawberry.subscription
    async def large(self, info: strawberry.Info, bytes: int) -> AsyncGenerator[str]:
        info.context.journal.opened += 1
        try:
            for _ in range(10_000):
                info.context.journal.asked += 1
                yield "x" * bytes
        finally:
            info.context.journal.closed += 1
            info.context.journal.ended.set()

    @strawberry.subscription
    async def failing(self) -> AsyncGenerator[int]:
        yield 1
        raise RuntimeError("the secret is 42")


SCHEMA = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)


@dataclass
class Served:
    """A running server: where it is, what it saw, and its parts."""

    url: str
    journal: Journal
    server: Server
    health: Health

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/graphql"


def _context_maker(served: Callable[[], Served]) -> Any:
    async def make_context(token: str | None, caller: Caller) -> Context:
        journal = served().journal
        journal.callers.append(caller)
        await journal.known.wait()
        if token is None:
            return Context(journal)
        if token == "bug":
            raise RuntimeError("the secret is 42")
        if token == "busy":
            raise Unavailable("The database is busy.")
        if token in journal.revoked or not token.startswith("viewer-"):
            raise Unauthenticated("This token does not hold.")
        name, _, seconds = token.partition("+")
        if seconds:
            journal.ends.setdefault(token, datetime.now(UTC) + timedelta(seconds=float(seconds)))
        return Context(journal, int(name.removeprefix("viewer-")), journal.ends.get(token))

    return make_context


class NoGauges:
    """Figures of no database."""

    async def refresh(self) -> None:
        pass


async def _file(token: str) -> StoredFile:
    raise NotFound("There are no files here.")


async def _upload(token: str) -> Upload:
    """Two tokens may send a small picture."""
    if token not in {"slow", "fast"}:
        raise Forbidden("This link is not valid: it was not signed here.")
    return Upload(f"uploads/{token}", 1_000, "image/png")


@contextlib.asynccontextmanager
async def running(
    *, budget: Any = None, checks: Any = None, plans: Any = None, plainly: bool = True, persisted: Any = None
) -> AsyncIterator[Served]:
    made: list[Served] = []
    graphql = GraphQL(
        schema=SCHEMA,
        context=_context_maker(lambda: made[0]),
        limits=Limits(SCHEMA),
        budget=budget,
        plans=plans,
        persisted=persisted,
    )
    health = Health(checks or {})
    app = Starlette(
        routes=[
            *graphql.routes,
            *health.routes,
            Route("/metrics", partial(metrics, NoGauges())),
            *stored_files.routes_of(_file, _upload),
            *static_pages.routes(),
        ],
        middleware=middleware(),
    )

    def leaving() -> None:
        health.draining = True

    server = Server(
        configuration(app, post=graphql.post if plainly else None, port=0), leaving=leaving, end=graphql.end
    )
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    made.append(Served(f"http://127.0.0.1:{port}", Journal(), server, health))
    try:
        yield made[0]
    finally:
        server.should_exit = True
        await task


@pytest.fixture(scope="session")
async def _shared() -> AsyncIterator[Served]:
    async with running() as served:
        yield served


@pytest.fixture
def served(_shared: Served) -> Served:
    """The server that all tests share, with a clean journal."""
    _shared.journal = Journal()
    return _shared


@pytest.fixture
def serve() -> Any:
    """Start a server of the test's own, in an `async with`."""
    return running


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.url, timeout=PATIENCE_S, trust_env=False) as client:
        yield client


@pytest.fixture
def ask(http: httpx.AsyncClient) -> Any:
    """Post one operation; the other keywords are its variables."""

    async def ask(
        query: str,
        *,
        accept: str | None = "application/graphql-response+json",
        token: str | None = None,
        **variables: Any,
    ) -> httpx.Response:
        headers = {"accept": accept} if accept else {}
        if token:
            headers["authorization"] = f"Bearer {token}"
        return await http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)

    return ask


@pytest.fixture
def connect(served: Served) -> Any:
    """Open a socket, in an `async with`; `url` for another server."""

    @contextlib.asynccontextmanager
    async def connect(url: str | None = None, protocols: Any = (PROTOCOL,), **options: Any) -> AsyncIterator[Talk]:
        async with websockets.connect(
            url or served.socket_url, subprotocols=protocols, proxy=None, compression=None, **options
        ) as connection:
            yield Talk(connection)

    return connect


@pytest.fixture
def eventually() -> Any:
    """Wait for what happens soon, and fail when it does not."""
    return until
