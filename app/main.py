"""The roof: builds the API out of its parts; the only module that knows every one of them."""

import asyncio
import gc
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import text
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route

from app import job_queries, redis_client
from app.database import Database
from app.discovery import import_tree
from app.events.dispatcher import EventDispatcher
from app.events.signals import Signals
from app.gateways import storage_probe
from app.models.wildlife.classifications import Classification
from app.operations.database.migrate import after
from app.operations.processes import huge_pages
from app.policies import Viewer
from app.rates import Rates
from app.security import credentials
from app.services.accounts.sign_in import sessions
from app.services.integrations import answering
from app.services.system.error_log import Logbook
from app.services.system.requests.persisted_queries import PersistedQueries
from app.services.system.requests.trusted_documents import TrustedDocuments
from app.services.viewers import CachedViewer, Viewers
from app.settings import settings
from app.telemetry import logs, tracing
from app.telemetry.metering import timed_tasks
from app.web.graphql.documents.persisted import Persisted
from app.web.graphql.endpoint import GraphQL
from app.web.graphql.operations.budget import Budget
from app.web.graphql.operations.operation import Caller
from app.web.middleware import middleware
from app.web.routes import machine_calls
from app.web.routes.callbacks import ai_callbacks, payments
from app.web.routes.charge import Charge
from app.web.routes.files import avatars, downloads, frames, machines, pictures, stored_files
from app.web.routes.files.thumbnails import Thumbnails
from app.web.routes.files.tiles import Tiles
from app.web.routes.gauges import Gauges
from app.web.routes.health import Check, Health
from app.web.routes.metrics import metrics
from app.web.routes.pages import account_pages, docs, static_pages, unsubscribe
from app.web.routes.schema_text import SchemaText
from app.web.server import Server, configuration, shared_socket
from resolvers import ids
from resolvers.context import Context
from resolvers.feed_delivery import FeedDelivery
from resolvers.plan import Plans
from schema import schema
from schema.limits import Limits

import_tree("app.services")
answering.provide(lambda: job_queries.opened)
# With PostGIS, and in a state that takes changes: a standby, or a server whose disk is full, may be read-only.
CAN_WRITE = "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only'), postgis_lib_version()"


@dataclass(frozen=True)
class Api:
    """The application, and what its process does at SIGTERM."""

    app: Starlette
    graphql: GraphQL
    health: Health

    def leaving(self) -> None:
        """Says at /readyz that no more work should be sent."""
        self.health.draining = True


class Contexts:
    """Makes the contexts of operations."""

    def __init__(self, known: Viewers, make: Callable[..., Context]) -> None:
        self._known = known
        self._make = make
        self._anonymous = CachedViewer(Viewer(), None, math.inf)

    async def of(self, token: str | None, caller: Caller) -> Context:
        """For whom the token belongs to; raises what refuses it."""
        return self._context(*((Viewer(), None) if token is None else await self._known.of(token)), caller)

    def now(self, token: str | None, caller: Caller) -> Context | None:
        """The same, if that is known without asking."""
        cached = self._anonymous if token is None else self._known.cached(credentials.token_hash(token))
        return None if cached is None else self._context(cached.viewer, cached.expires_at, caller)

    def shared(self, key: bytes | None) -> Context | None:
        """One context for all queries that only name a row, of whoever's token has this hash, if that is known."""
        cached = self._anonymous if key is None else self._known.cached(key)
        if cached is None:
            return None
        context: Context = cached.context or self._make(cached.viewer, cached.viewer, expires_at=cached.expires_at)
        cached.context = context
        return context

    def _context(self, viewer: Viewer, expires_at: datetime | None, caller: Caller) -> Context:
        return self._make(viewer, viewer, caller.address, caller.client, expires_at)


def build(*, planned: bool = True) -> Api:
    """The API of this process, by the settings; unless `planned`, graphql-core executes every query."""
    database_url, redis_url = str(settings.database_url), str(settings.redis_url)
    database = Database(database_url, redis_url, replica_url=settings.reader_url)
    events, signals = EventDispatcher(database.engine, database.reader, redis_url), Signals(redis_url)
    rates, feed_delivery = Rates(redis_url), FeedDelivery(database)
    logbook, queries = Logbook(database), PersistedQueries(redis_url)
    known = Viewers(partial(sessions.viewer_of, database), events)

    contexts = Contexts(known, partial(Context, database, events, signals, feed_delivery, rates))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        logbook.start()
        await events.start()
        await signals.start()
        await known.start()
        if database.replica:
            database.replica.background.start()
        with timed_tasks():
            yield
        await known.stop()
        await signals.stop()
        await events.stop()
        await rates.close()
        await queries.close()
        await logbook.stop()
        await database.close()
        await asyncio.to_thread(tracing.end)

    budget = Budget(rates)
    graphql = _graphql(contexts, budget, queries, Plans(schema) if planned else None)
    # Connections whose token ends now are closed at once.
    known.on_invalidation(graphql.ask_anew)
    background = [*events.background, *signals.background, *known.background, *logbook.background]
    health = Health(_checks(database, redis_url), background, dispensable=_dispensable(database))
    viewer = partial(_viewer, known)
    routes = [*graphql.routes, *health.routes, *_plain_routes(database, rates, viewer)]
    stack = [*middleware(), Middleware(Charge, budget=budget, viewer=viewer)]
    return Api(Starlette(routes=routes, middleware=stack, lifespan=lifespan), graphql, health)


def _graphql(contexts: Contexts, budget: Budget, queries: PersistedQueries, plans: Plans | None) -> GraphQL:
    return GraphQL(
        schema=schema,
        context=contexts.of,
        context_now=contexts.now,
        context_shared=contexts.shared,
        limits=Limits(schema),
        budget=budget,
        plans=plans,
        persisted=Persisted(queries, TrustedDocuments()),
    )


async def _viewer(known: Viewers, token: str | None) -> Viewer:
    return Viewer() if token is None else (await known.of(token))[0]


def _plain_routes(
    database: Database, rates: Rates, viewer: Callable[[str | None], Awaitable[Viewer]]
) -> list[BaseRoute]:
    return [
        Route("/metrics", partial(metrics, Gauges(database))),
        *stored_files.routes(database),
        *avatars.routes(database),
        *pictures.routes(database),
        *unsubscribe.routes(database),
        *downloads.routes(database),
        *ai_callbacks.routes(database),
        *payments.routes(database),
        *machine_calls.routes(database, viewer, rates),
        *machines.routes(database),
        *frames.routes(database, viewer, lambda key: ids.key(key, Classification)),
        *SchemaText(schema.as_str, viewer).routes,
        *Thumbnails(database).routes,
        *Tiles(database, viewer, ids.key, rates).routes,
        *static_pages.routes(),
        *account_pages.routes(),
        *docs.routes(),
        *(_stand_ins() if settings.demo else []),
    ]


def _stand_ins() -> list[BaseRoute]:
    from app.gateways import fakes  # noqa: PLC0415 -- they draw, with much that nothing else here needs

    return [Mount("/demo", fakes.app)]


def _checks(database: Database, redis_url: str) -> dict[str, Check]:
    async def has_database() -> None:
        async with database.reading() as session:
            is_standby, is_read_only, _ = (await session.execute(text(CAN_WRITE))).one()
        if is_standby or is_read_only == "on":
            raise RuntimeError("the database does not accept writes")

    async def has_redis() -> None:
        async with redis_client.client(redis_url) as redis:
            await redis.ping()

    async def has_migrations() -> None:
        async with database.reading() as session:
            seen = await session.scalar(text("SELECT version_num FROM alembic_version"))
        if sentences := after(seen):
            raise RuntimeError(f"{len(sentences)} migrations are missing")

    return {
        "database": has_database,
        "redis": has_redis,
        "migrations": has_migrations,
        "storage": storage_probe.Probe().check,
    }


def _dispensable(database: Database) -> dict[str, Check]:
    replica = database.replica

    async def is_read() -> None:
        if replica and (trouble := replica.trouble):
            raise RuntimeError(trouble)

    return {"replica": is_read} if replica else {}


def serve(*, shared: bool = False) -> None:
    """Serves until SIGTERM or SIGINT, on a port that is `shared` with other processes or its own."""
    logs.configure()
    # Connections live long: looking for garbage among thousands of them stops everybody for half a second each time.
    gc.set_threshold(50_000, 20, 50)
    traced = tracing.start("fieldgraph-api")
    api = build()
    if traced:
        # What answers without the application has no spans.
        served = configuration(tracing.requests(api.app))
    else:
        served = configuration(api.app, post=api.graphql.post, hurry=api.graphql.hurry)
    # All that stays is loaded now.
    huge_pages.take()
    server = Server(served, leaving=api.leaving, end=api.graphql.end)
    server.run(sockets=[shared_socket()] if shared else None)
