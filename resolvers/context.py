"""What every resolver gets: the viewer, the database, the events, and this operation's loaders."""

from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TypeVar

import strawberry

from app.database import Database, Reads, ReadSession, WriteSession
from app.errors import OutcomeUnknown, Unauthenticated
from app.events.dispatcher import EventDispatcher
from app.events.signals import Signals
from app.models.base import Record
from app.models.choices import Scope
from app.opaque import Opaque
from app.policies import Viewer, require_scope
from app.policies.system import may_see_plans
from app.postgres.connection import Row
from app.postgres.prepared import Bound
from app.postgres.replica import FAILED
from app.rates import Rates
from app.services.accounts.sign_in.sessions import Device
from app.services.system.requests import idempotency
from resolvers import ids
from resolvers.feed_delivery import FeedDelivery
from resolvers.loaders import Loaders, Names, Reference, References, RowOrReference
from resolvers.mutation_transactions import Change, Request
from resolvers.viewer_kinds import ViewerKind, kind_of

M = TypeVar("M", bound=Record)
NOTHING = dict.fromkeys(
    ("database", "reads", "events", "signals", "feed_delivery", "rates", "address", "client"), Opaque()
)


@dataclass
class Context:
    """The context of one operation; on a socket each operation has its own."""

    database: Database
    events: EventDispatcher
    signals: Signals
    feed_delivery: FeedDelivery
    rates: Rates
    viewer: Viewer
    actor: Viewer
    """Who the token stands for; `viewer` is less while the answer of a key that may not read is put together."""

    address: str = ""
    client: str = ""
    expires_at: datetime | None = None
    in_turn: bool = False
    request: Request | None = None
    change: Change | None = None
    reads: Reads = field(init=False)
    """Where the operation reads; changes, and what follows them live, at the primary."""

    def __post_init__(self) -> None:
        self.reads = self.database

    async def choose_reads(self) -> None:
        """A query may read at a replica, if that has all that the viewer has written."""
        self.reads = await self.database.reads_of(self.viewer_id)

    def leave_replica(self) -> None:
        """The replica has failed the query: have it read at the primary from now on."""
        FAILED.inc()
        self.reads = self.database
        self.__dict__.pop("load", None)

    @contextmanager
    def acting(self, scope: Scope | None) -> Iterator[None]:
        """A mutation's resolver acts with all rights of its token; showing the result also needs READ."""
        self.permit(scope)
        self._become(self.actor)
        try:
            yield
        finally:
            self._become(self.actor.as_reader())

    def _become(self, viewer: Viewer) -> None:
        if viewer is not self.viewer:
            self.viewer = viewer
            for known in ("load", "kind", "naming"):
                self.__dict__.pop(known, None)

    @cached_property
    def kind(self) -> tuple[ViewerKind, Bound]:
        """The viewer's kind, and what their statements bind."""
        return kind_of(self.viewer)

    @cached_property
    def load(self) -> Loaders:
        """The loaders of this operation."""
        return Loaders(self.reading, self.rows, self.viewer)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        """A session for one batch of reads."""
        async with self.reads.reading(in_turn=self.in_turn) as session:
            yield session

    def rows(self, sql: bytes, parameters: Sequence[bytes | None]) -> Awaitable[list[Row]]:
        """What a statement gives that stays prepared, its parameters in PostgreSQL's text format."""
        return self.reads.reader.rows(sql, parameters, in_turn=self.in_turn)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[WriteSession]:
        """The one transaction of a mutation field; rows loaded before it are dropped."""
        assert self.change, "changes are made by mutations"
        async with self.change.writing() as session:
            yield session
        self.load.forget()

    def require_key(self) -> None:
        """Refuses a request without an idempotency key, of a mutation that moves money only now and then."""
        assert self.change, "money is moved by mutations"
        self.change.require_key()

    async def take_request(self, key: object, request: bytes, *, looks: bool) -> None:
        """Begins a mutation request, identified by its digest. Raises if its idempotency key is refused.

        What it came to before is looked for here, or else when its fields claim the key.
        """
        checked = None if key is None else idempotency.checked_key(key)
        if checked is not None and not self.viewer.is_signed_in:
            raise Unauthenticated("Idempotency keys need an account. Sign in, or send the request without a key.")
        self.request = Request(self.database, self.viewer, checked, request)
        if looks:
            await self.request.look()

    def doubt(self) -> OutcomeUnknown | None:
        """What to say instead of "nothing was changed", if something may have been changed."""
        if self.request is None or not self.request.may_have_changed:
            return None
        return OutcomeUnknown(self.request.key)

    def changing(self, field: str) -> Change:
        """Begins one field of the request, named as in the answer; mutation fields run one after another."""
        assert self.request, "an operation that changes something is a request"
        self.change = Change(self.request, field, self.database)
        return self.change

    @property
    def viewer_id(self) -> int | None:
        """The user id; None for an anonymous viewer."""
        return self.actor.user_id

    @property
    def may_explain(self) -> bool:
        """Whether the viewer may see how queries are planned, which reveals tables and policies."""
        return may_see_plans(self.viewer)

    def permit(self, needed: Scope | None) -> None:
        """Refuses API keys without this scope; without a scope, every key."""
        require_scope(self.actor, needed)

    @property
    def shows_less(self) -> bool:
        """Whether the answer is for a key that may not read."""
        return self.viewer is not self.actor

    @cached_property
    def may_read(self) -> bool:
        """Whether the viewer may read: API keys without READ may not."""
        return Scope.READ in self.actor.scopes

    def permit_reading(self) -> None:
        """Refuses API keys without READ."""
        require_scope(self.actor, Scope.READ)

    @property
    def device(self) -> Device:
        """The credentials and the address."""
        return Device(self.client, self.address)

    def planned(self) -> "Context":
        """The same viewer with loaders that name a row instead of reading it: a plan reads the columns shown."""
        context = object.__new__(Context)
        context.__dict__.update(self.__dict__, load=References(self.reading, self.rows, self.viewer))
        return context

    @cached_property
    def naming(self) -> "Context":
        """The same viewer for resolvers that name a row by its id: whatever else they would do raises `Unplanned`."""
        context = object.__new__(Context)
        context.__dict__.update(self.__dict__, **NOTHING, load=Names(self.viewer))
        return context

    @property
    def authorisation(self) -> Viewer:
        """What the viewer may see depends on this alone, whichever session or key they use."""
        return replace(self.actor, session_id=None, key_id=None)

    def renewed(self) -> "Context":
        """The same viewer with empty loaders: each event of a subscription gets its own.

        The viewer without the session: users with the same rights get the same answer in any session.
        """
        viewer = self.authorisation
        return replace(self, viewer=viewer, actor=viewer, in_turn=True)

    async def find(self, model: type[M], id: str) -> RowOrReference[M]:
        """The row with this global id, for who only returns it; NotFound unless it is there for this viewer."""
        row = await self.load.one(model, ids.key(id, model))
        if isinstance(row, Reference):
            row.is_required = True
        if row is None:
            raise ids.nothing_with(id, model.__name__)
        return row

    async def read(self, model: type[M], id: str) -> M:
        """The row with this global id; NotFound unless it exists and the viewer may see it."""
        row = await self.load.read(model, ids.key(id, model))
        if row is None:
            raise ids.nothing_with(id, model.__name__)
        return row


Info = strawberry.Info[Context, None]
