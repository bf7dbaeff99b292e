"""The session of one WebSocket: the messages of `graphql-transport-ws`, operations side by side, an orderly end."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from contextvars import copy_context
from typing import Any

import orjson
import structlog

from app.errors import BadRequest, LimitReached, RateLimited, Unauthenticated, Unavailable, quoted
from app.settings import settings
from app.telemetry.metering import current, timed
from app.web.graphql.connection_slots import Places, Slot, holder
from app.web.graphql.errors import MASKED, Refused, record
from app.web.graphql.execution import GraphQLEngine
from app.web.graphql.operations.bill import Bill
from app.web.graphql.operations.operation import Caller, Context, Operation
from app.web.graphql.operations.request import Malformed, Parameters, parameters
from app.web.graphql.operations.results import OperationResult, accident, refusal
from app.web.graphql.subscriptions.token_checks import Watch
from app.web.graphql.websockets.line import Line
from app.web.graphql.websockets.messages import Message, id_of, is_id, opening, payload_of, read, token_in
from app.web.graphql.websockets.operation import Running
from app.web.graphql.websockets.outbox import Outbox
from app.web.origin import bearer
from app.web.routes import metrics

# What a message holds beside its request.
ENVELOPE_BYTES_MAX = 1_024
REASON_BYTES_MAX = 123

RESTART = 1012
TRY_AGAIN = 1013
TOO_SLOW = 4008
INVALID = 4400
UNAUTHENTICATED = 4401
FORBIDDEN = 4403
SUBPROTOCOL = 4406
INIT_TIMEOUT = 4408
DUPLICATE = 4409
TOO_MANY = 4429
SILENT = 4499
FAILED = 4500

log = structlog.get_logger(__name__)


class Ended(Exception):
    """The socket is to be closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")


class Conversation:
    """One socket from its opening to its end. It has a task only for what is asked, until that has begun."""

    __slots__ = (
        "_authorization",
        "_beat",
        "_begun",
        "_caller",
        "_ended",
        "_engine",
        "_heard",
        "_is_initialised",
        "_is_open",
        "_is_over",
        "_left",
        "_limit",
        "_line",
        "_loop",
        "_operations",
        "_outbox",
        "_place",
        "_places",
        "_surroundings",
        "_tasks",
        "_token",
        "_unheard",
        "_watch",
    )

    def __init__(
        self,
        engine: GraphQLEngine,
        caller: Caller,
        places: Places,
        left: "Callable[[Conversation], None]",
        authorization: str | None = None,
    ) -> None:
        self._engine = engine
        self._caller = caller
        self._places = places
        self._place: Slot | None = None
        self._left = left
        self._authorization = authorization
        self._token: str | None = None
        self._is_initialised = False
        self._operations: dict[str, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun = 0
        self._is_open = True
        self._is_over = False
        self._ended: Ended | None = None
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._beat: asyncio.TimerHandle | None = None
        self._watch: Watch | None = None
        # What comes while the token is looked up.
        self._unheard: list[str | None] | None = None
        # What is heard later is logged as what is said now.
        self._surroundings = copy_context()

    def begin(self, line: Line) -> None:
        """Talk on this line until somebody ends it."""
        self._limit = self._loop.call_later(
            settings.socket_init_s_max, self._stop, Ended(INIT_TIMEOUT, "Connection initialisation timeout")
        )
        self._line = line
        self._outbox = Outbox(line, self._too_slow)
        try:
            self._place = self._places.take(holder(None, self._caller.address))
        except RateLimited as problem:
            # Clients take it as: try again, later and later.
            self._stop(Ended(TRY_AGAIN, problem.message))

    def end(self, ended: Ended, *, after_s: float = 0) -> None:
        """Have it closed with this code and reason. The first who says so is heard."""
        if self._is_open:
            self._is_open = False
            self._limit.cancel()
            self._limit = self._loop.call_later(after_s, self._stop, ended)

    def gone(self) -> None:
        """The client has left."""
        self._stop(None)

    def hear(self, text: str | None) -> None:
        """Take the client's next message; None if it is no text."""
        if self._unheard is None:
            self._surroundings.run(self._listen, text)
        else:
            self._unheard.append(text)

    def _listen(self, text: str | None) -> None:
        if self._is_over:
            return
        self._heard = self._loop.time()
        try:
            try:
                self._hear(read(text), len(text.encode()) if text else 0)
            except Malformed as malformed:
                self._refuse(malformed, text or "")
        except Ended as ended:
            self._stop(ended)
        except Exception as error:  # noqa: BLE001 - the last net: a bug of ours ends one socket, and not silently
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        record(error, request_id=self._caller.request_id)
        self._stop(Ended(FAILED, MASKED))

    def _stop(self, ended: Ended | None) -> None:
        """End what runs on it, and then the connection."""
        if self._is_over:
            return
        self._is_open, self._is_over, self._ended = False, True, ended
        self._limit.cancel()
        self._outbox.close()
        if self._beat:
            self._beat.cancel()
        if self._watch:
            self._watch.cancel()
        for running in self._operations.values():
            running.cut_short()
        self._operations.clear()
        for task in self._tasks:
            task.cancel()
        self._leave()

    def _leave(self) -> None:
        """Close it, once nothing runs on it any more."""
        if self._tasks or not self._is_over:
            return
        if self._place:
            self._place.leave()
        if self._ended:
            metrics.closes.labels(self._ended.code).inc()
            ended = {"code": self._ended.code, "reason": self._ended.reason}
            log.info("socket closed", request_id=self._caller.request_id, **ended)
            self._line.hang_up(self._ended.code, self._ended.reason)
        self._left(self)

    def _begin_task(self, steps: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(steps)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._leave()

    def _refuse(self, malformed: Malformed, text: str) -> None:
        """Say it of the operation that it is about, if it is about one; else it ends the socket."""
        message: Message = malformed.decoded if isinstance(malformed.decoded, dict) else {}
        if malformed.status == 413:
            # It was not decoded, being too large for that.
            message = opening(text)
        id = message.get("id")
        if not (self._is_initialised and message.get("type") == "subscribe" and is_id(id)):
            raise Ended(INVALID, malformed.message)
        if id in self._operations:
            raise Ended(DUPLICATE, f"Subscriber for {id} already exists")
        refused = refusal(Refused([BadRequest(malformed.message)]))
        self._say({"type": "error", "id": id, "payload": refused.errors})

    def _hear(self, message: Message, size: int) -> None:
        match message.get("type"):
            case "connection_init":
                self._init(payload_of(message))
            case "ping":
                echoed = {"payload": message["payload"]} if payload_of(message) is not None else {}
                self._say({"type": "pong", **echoed})
            case "pong":
                payload_of(message)
            case "subscribe":
                self._subscribe(id_of(message), message, size)
            case "complete":
                running = self._operations.pop(id_of(message), None)
                if running:
                    running.cut_short()
            case str() as unknown:
                raise Malformed(f"There is no message of type {quoted(unknown)}.")
            case _:
                raise Malformed("A message needs a 'type', which must be a string.")

    def _init(self, payload: Message | None) -> None:
        if self._is_initialised:
            raise Ended(TOO_MANY, "Too many initialisation requests")
        try:
            token = token_in(payload or {})
            self._token = bearer(self._authorization) if token is None else token
        except Unauthenticated as problem:
            raise Ended(FORBIDDEN, problem.message) from None
        known = self._engine.known(self._token, self._caller)
        if known:
            self._enter(known)
            return
        self._unheard = []
        self._line.pause()
        self._begin_task(self._look_up())

    async def _look_up(self) -> None:
        """Find out whose the token is, and go on listening."""
        try:
            self._enter(await self._engine.context(self._token, self._caller))
        except Ended as ended:
            self._stop(ended)
        except Unauthenticated as problem:
            self._stop(Ended(FORBIDDEN, problem.message))
        except (Unavailable, RateLimited) as problem:
            self._stop(Ended(TRY_AGAIN, problem.message))
        except Exception as error:  # noqa: BLE001 - as in `_listen`
            self._fail(error)
        else:
            unheard, self._unheard = self._unheard or [], None
            for text in unheard:
                self._listen(text)
            self._line.resume()

    def _enter(self, context: Context) -> None:
        """Welcome this viewer, unless too many sockets are theirs."""
        try:
            if context.viewer_id is not None and self._place:
                self._place.move(holder(context.viewer_id, self._caller.address))
        except RateLimited as problem:
            raise Ended(TRY_AGAIN, problem.message) from None
        self._is_initialised = True
        if self._is_open:
            self._limit.cancel()
        # What is too large for its operation is refused there, and ends nothing else.
        largest = settings.socket_refused_bytes_max
        if context.viewer_id is not None:
            largest = max(largest, self._engine.request_bytes_max + ENVELOPE_BYTES_MAX)
        self._line.admit(largest)
        self._say({"type": "connection_ack"})
        self._keep_alive()
        if self._token is not None:
            no_longer = Ended(FORBIDDEN, "The token is no longer valid")
            self._watch = self._engine.tokens.watch(self._token, self._caller, context, lambda: self.end(no_longer))

    def _keep_alive(self) -> None:
        """Have a timer look after the client now and then: it costs less than a task that sleeps."""
        silence_s = self._loop.time() - self._heard
        if silence_s > settings.socket_silence_s_max:
            self.end(Ended(SILENT, f"No message or pong for {silence_s:.0f} s"))
        elif silence_s >= settings.socket_ping_s:
            self._say({"type": "ping"})
        self._beat = self._loop.call_later(settings.socket_ping_s, self._keep_alive)

    def _subscribe(self, id: str, message: Message, size: int) -> None:
        if not self._is_initialised:
            raise Ended(UNAUTHENTICATED, "Unauthorized: initialise the connection first")
        if id in self._operations:
            raise Ended(DUPLICATE, f"Subscriber for {id} already exists")
        given_parameters = parameters(message.get("payload"), size=size)
        if len(self._operations) >= settings.socket_subscriptions_max:
            limit = settings.socket_subscriptions_max
            full = LimitReached(f"A connection may run at most {limit} operations at a time.", limit=limit)
            self._say({"type": "error", "id": id, "payload": refusal(Refused([full])).errors})
            return
        self._begun += 1
        caller = self._caller._replace(request_id=f"{self._caller.request_id}.{self._begun}")
        running = self._operations[id] = Running(id, caller, given_parameters, self._outbox, self._over)
        bill = self._engine.bill(caller.address)
        running.task = self._begin_task(self._operate(running, given_parameters, bill))

    def _over(self, running: Running) -> None:
        self._operations.pop(running.id, None)

    async def _operate(self, running: Running, parameters: Parameters, bill: Bill) -> None:
        current.set(bill)
        await timed(self._begin(running, parameters, bill), bill)
        bill.settle()
        # From here on its group tells it, without this task.
        running.task = None

    async def _begin(self, running: Running, parameters: Parameters, bill: Bill) -> None:
        try:
            operation = await self._engine.prepare(parameters, token=self._token, caller=running.caller, bill=bill)
            running.seen.began(operation)
            if not self._engine.join(operation, running):
                running.end(await self._answer(operation, running))
        except Refused as refused:
            for error in refused.errors:
                if isinstance(error, Unauthenticated):
                    # The token held when the socket was opened.
                    self.end(Ended(FORBIDDEN, error.message))
                    return
            running.end(refusal(refused, bill))
        except Malformed as malformed:
            running.end(refusal(Refused([BadRequest(malformed.message)]), bill))
        except Exception as error:  # noqa: BLE001 - one operation's failure is not the socket's
            running.end(accident(error, running.caller, bill))

    async def _answer(self, operation: Operation, running: Running) -> OperationResult | None:
        """Say an operation's results; the reply that there is instead of results, if it fails as a whole."""
        async with aclosing(self._engine.replies(operation)) as replies:
            async for reply in replies:
                assert isinstance(reply, OperationResult), "what begins at a place is shared"
                # It pulls no further events while the client does not read.
                await self._outbox.room()
                operation.bill.settle(len(reply.json))
                if not reply.has_data:
                    return reply
                running.tell(reply)
        return None

    def _too_slow(self) -> None:
        """Close, and if there is one place to go on from, name it: clients continue with it as `after`."""
        places = [running.written for running in self._operations.values()]
        last = f" Last cursor: {places[0].cursor}" if len(places) == 1 and places[0] else ""
        self.end(Ended(TOO_SLOW, f"Too slow: the messages were not read.{last}"))

    def _say(self, message: Message) -> None:
        self._outbox.put((orjson.dumps(message),))
