"""The one transaction of each mutation field, with its outcome stored under the request's idempotency key."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from app.database import Database, WriteSession
from app.errors import BadRequest, DomainError, OutcomeUnknown
from app.models.base import Json
from app.policies import Viewer
from app.services.system.requests import idempotency
from resolvers.stored_outcomes import LoadOne, Outcome


class Kept(Exception):
    """The field was already carried out by a concurrent request."""

    def __init__(self, came_to: Json) -> None:
        super().__init__()
        self.came_to = came_to


class Request:
    """A mutation request, whose fields run once under its key."""

    def __init__(self, database: Database, viewer: Viewer, key: str | None, request: bytes) -> None:
        self._database = database
        self.viewer = viewer
        self.is_sent = key is not None
        self.key = key or (idempotency.new_key() if viewer.is_signed_in else None)
        self.request = request
        self.may_have_changed = False
        self.came_to: dict[str, Json] = {}

    async def look(self) -> None:
        """Looks up what was done before under the idempotency key."""
        if self.is_sent and self.key is not None:
            reader = self._database.reader
            self.came_to = await idempotency.outcomes(reader, self.viewer, self.key, request=self.request)


class Change:
    """One field of a request: its transaction stays open until its outcome is written in it."""

    def __init__(self, request: Request, field: str, database: Database) -> None:
        self._request = request
        self._field = idempotency.name_of(field)
        self._database = database
        self._stack = AsyncExitStack()
        self._session: WriteSession | None = None

    def require_key(self) -> None:
        """Refuses a request that came without a key."""
        if not self._request.is_sent:
            raise BadRequest(
                "This mutation moves money and needs an idempotency key. Send a random UUID in the header "
                "`Idempotency-Key`, and the same one when you repeat the request."
            )

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[WriteSession]:
        """The transaction of this field; it is committed when the resolver has returned."""
        if self._session is None:
            self._session = await self._stack.enter_async_context(self._database.writing())
            await self._claim(self._session)
        yield self._session

    async def _claim(self, session: WriteSession) -> None:
        request = self._request
        if request.is_sent and request.key is not None:
            done = await idempotency.claim(session, request.viewer, request.key, request=request.request)
            if self._field in done:
                raise Kept(done[self._field])

    async def carry_out(self, resolve: Callable[[], Awaitable[Any]], outcome: Outcome | None, load: LoadOne) -> Any:
        """What the resolver returns, or returned when the request was first sent."""
        request = self._request
        if outcome is None:
            if request.is_sent:
                raise BadRequest("This mutation returns a secret. Send it without an idempotency key.")
        elif self._field in request.came_to:
            return await outcome.restore(request.came_to[self._field], load)
        try:
            return await self._done(resolve, outcome)
        except Kept as kept:
            assert outcome, "nothing is kept of the others"
            return await outcome.restore(kept.came_to, load)
        except OutcomeUnknown:
            raise OutcomeUnknown(request.key if outcome else None) from None
        except DomainError:
            # It may be refused because it was done just now, by a request whose outcome was unknown.
            await request.look()
            if outcome is None or self._field not in request.came_to:
                raise
            return await outcome.restore(request.came_to[self._field], load)

    async def _done(self, resolve: Callable[[], Awaitable[Any]], outcome: Outcome | None) -> Any:
        try:
            async with self._stack:
                answer = await resolve()
                if self._session is not None:
                    self._keep(self._session, outcome, answer)
                    self._request.may_have_changed = True
        finally:
            if self._session is not None:
                await self._database.remember(self._session, self._request.viewer.user_id)
        return answer

    def _keep(self, session: WriteSession, outcome: Outcome | None, answer: Any) -> None:
        request = self._request
        if outcome is not None and request.key is not None:
            came_to = outcome.store(answer)
            idempotency.keep(
                session, request.viewer, request.key, request=request.request, field=self._field, outcome=came_to
            )
